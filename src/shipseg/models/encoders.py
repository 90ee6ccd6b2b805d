"""timm's encoders by name, and what their pixels have to look like."""

from __future__ import annotations

import difflib

import timm
from torch import nn

from shipseg.errors import ConfigError
from shipseg.models.preprocess import Normalize


def check_encoder(encoder: str) -> None:
    """Refuse a name that timm does not know.

    Args:
        encoder: timm's name of an architecture, such as `tf_efficientnet_lite0`; a tag of
            pretrained weights may follow a dot.

    Raises:
        ConfigError: There is no such architecture; the hint names the nearest ones.
    """
    if timm.is_model(encoder):
        return
    near = difflib.get_close_matches(encoder, timm.list_models(), n=3)
    raise ConfigError(
        f"encoder: timm has no architecture '{encoder}'",
        hint=f"did you mean {' or '.join(near)}?" if near else "list them: timm.list_models()",
    )


def normalize_for(model: nn.Module) -> Normalize:
    """Return the normalisation that a timm model's pretrained weights expect.

    Args:
        model: A network made by timm, whole or `features_only`.
    """
    config = getattr(model, "default_cfg", {})
    return Normalize(config["mean"], config["std"])
