"""Take a trained network out of its run folder (needs the `train` extra)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from shipseg.bundle.format import kind_of
from shipseg.errors import BundleError, UsageError
from shipseg.models.gate import Gate
from shipseg.models.refiner import Refiner
from shipseg.models.segmenter import Segmenter
from shipseg.training.config import (
    Config,
    GateConfig,
    RefinerConfig,
    SegmenterConfig,
    load_config,
    read_config,
)
from shipseg.training.folder import RunFolder


def read_run(
    root: Path, kind: type[Config], moved: Mapping[str, Path | None] | None = None
) -> Config:
    """Read the configuration of a run that has weights.

    Args:
        root: The run folder.
        kind: GateConfig, SegmenterConfig or RefinerConfig, the kind that is expected.
        moved: Keys such as `images` whose paths are others now; None keeps the run's.

    Raises:
        UsageError: There is no run of that kind, or it has no weights yet.
        ConfigError: The configuration is none.
    """
    folder = RunFolder(root)
    name = {GateConfig: "gate", SegmenterConfig: "segmenter", RefinerConfig: "refiner"}[kind]
    if not folder.config.is_file():
        raise UsageError(
            f"'{root}' holds no run: {folder.config.name} is missing",
            hint=f"train one: shipseg train {name} -o {root}",
        )
    if not isinstance(read_config(folder.config), kind):
        raise UsageError(
            f"'{root}' is a run of the other network, expected a {name}'s",
            hint="the gate's run folder comes first, then the segmenter's, then the refiner's",
        )
    if not folder.weights.is_file():
        raise UsageError(
            f"'{root}' has no {folder.weights.name}: no epoch of this run is finished yet",
            hint=f"wait for it, or go on with it: shipseg train {name} -o {root} --resume",
        )
    return load_config(kind, folder.config, moved or {}, [])


def load_gate(root: Path, config: GateConfig) -> Gate:
    """Rebuild a run's gate with its best weights, in evaluation mode.

    Raises:
        BundleError: The weights are truncated, no safetensors, not finite, or of another network.
    """
    gate = Gate(config.encoder, pretrained=False)
    load_weights(gate, RunFolder(root).weights)
    return gate.eval()


def load_segmenter(root: Path, config: SegmenterConfig) -> Segmenter:
    """Rebuild a run's segmenter with its best weights, in evaluation mode.

    Raises:
        BundleError: The weights are truncated, no safetensors, not finite, or of another network.
    """
    segmenter = Segmenter(
        config.encoder,
        decoder_channels=config.decoder_channels,
        half_resolution=config.half_resolution,
        pretrained=False,
    )
    load_weights(segmenter, RunFolder(root).weights)
    return segmenter.eval()


def load_refiner(root: Path, config: RefinerConfig) -> Refiner:
    """Rebuild a run's refiner with its best weights, in evaluation mode.

    Raises:
        BundleError: The weights are truncated, no safetensors, not finite, or of another network.
    """
    refiner = Refiner(config.encoder, pretrained=False)
    load_weights(refiner, RunFolder(root).weights)
    return refiner.eval()


def load_weights(net: nn.Module, path: Path) -> None:
    """Fill a network with the weights of a safetensors file, all of them, in place.

    Raises:
        BundleError: The file is no safetensors, truncated, not finite, or of another network.
    """
    data = path.read_bytes()
    kind = kind_of(data)
    if not kind.startswith("a safetensors"):
        raise BundleError(f"'{path}' is {kind}, expected a safetensors file")
    try:
        state = load(data)
    except (SafetensorError, ValueError) as error:
        raise BundleError(f"'{path}' is truncated or damaged: {error}") from error
    own = net.state_dict()
    faults = _differences(own, state)
    if faults:
        more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise BundleError(
            f"'{path}' is of another network than its configuration says: "
            f"{'; '.join(faults[:3])}{more}",
            hint="config.yaml and best.safetensors have to come from one run",
        )
    for name, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise BundleError(
                f"'{path}': the tensor '{name}' holds values that are not finite",
                hint="the training diverged; train again with a lower learning_rate",
            )
    net.load_state_dict(state)


def _differences(own: dict[str, torch.Tensor], found: dict[str, torch.Tensor]) -> list[str]:
    faults = [f"'{name}' is missing" for name in own if name not in found]
    faults += [f"'{name}' is unknown" for name in found if name not in own]
    faults += [
        f"'{name}' is {tuple(found[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own
        if name in found and found[name].shape != own[name].shape
    ]
    return faults
