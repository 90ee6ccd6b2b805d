"""Start a training from the weights of an earlier run, where they fit."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from shipseg.errors import ConfigError


def start_from(net: nn.Module, path: Path, *, needed: str) -> int:
    """Fill a network with the tensors of a file that fit by name and shape, in place.

    The other tensors stay as they are, so that a decoder may get another block or another width
    and learn only what is new.

    Args:
        net: The network.
        path: `best.safetensors` of a finished run.
        needed: Start of the names that all have to fit: the encoder's. A file that fits nowhere
            is one of another network, not a start.

    Returns:
        The number of tensors taken.

    Raises:
        ConfigError: The file cannot be read or is no safetensors, lacks one of those tensors, or
            holds one that is not finite.
    """
    try:
        found = load(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"start_from: '{path}' cannot be read: {error.strerror}") from error
    except (SafetensorError, ValueError) as error:
        raise ConfigError(
            f"start_from: '{path}' is no safetensors file: {error}",
            hint="name the best.safetensors of a run folder",
        ) from error
    own = net.state_dict()
    fits = {
        name: value
        for name, value in found.items()
        if name in own and own[name].shape == value.shape
    }
    lacking = [name for name in own if name.startswith(needed) and name not in fits]
    if lacking:
        raise ConfigError(
            f"start_from: '{path}' has no tensor '{lacking[0]}' of the shape "
            f"{tuple(own[lacking[0]].shape)}, and {len(lacking) - 1} more do not fit",
            hint="set encoder to the one that it was trained with",
        )
    for name, value in fits.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ConfigError(
                f"start_from: '{path}' holds values in '{name}' that are not finite",
                hint="that training diverged; start from another one",
            )
    net.load_state_dict(own | fits)
    return len(fits)
