"""Training configurations: small YAML files, checked whole before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shipseg.errors import ConfigError



class TrainConfig(BaseModel):
    """What both trainings share.

    Attributes:
        images: Folder of tiles.
        labels: Label table.
        split: Table `ImageId,split` with `train` and `val`; without one, a random share validates.
        val_share: That random share.
        on_bad_row: `error` or `skip` faulty rows of the label table.
        missing: `error` or `skip` labelled tiles without a file.
        encoder: timm's name of the encoder.
        pretrained: Start from ImageNet weights.
        seed: Seeds everything.
        epochs: Most epochs.
        batch_size: Samples per step and device.
        learning_rate: Peak, after the warm-up; a cosine brings it down to a hundredth.
        encoder_lr_factor: The pretrained encoder learns at this share of the rate.
        weight_decay: Of AdamW.
        warmup: Share of all steps in which the rate rises.
        ema_decay: Of the average of weights that is validated and kept; 0 turns it off.
        augment: Strength of the augmentation.
        patience: Epochs without a better score before training stops; 0 never stops early.
        workers: Processes that read tiles; None takes 0 on a CPU, up to 12 with a GPU.
        threads: Threads of the CPU's maths; None leaves the choice to torch.
        accelerator: `auto`, `cpu`, `gpu` or `mps`.
        devices: How many, or `auto` for all there are.
        precision: `auto` is mixed bf16 or 16-bit on a GPU and 32-bit elsewhere.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    images: Path
    labels: Path
    split: Path | None = None
    val_share: float = Field(default=0.1, gt=0, lt=1)
    on_bad_row: Literal["error", "skip"] = "error"
    missing: Literal["error", "skip"] = "error"
    encoder: str = "tf_efficientnet_lite0"
    pretrained: bool = True
    seed: int = Field(default=0, ge=0)
    epochs: int = Field(default=12, gt=0)
    batch_size: int = Field(default=8, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    encoder_lr_factor: float = Field(default=0.3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    warmup: float = Field(default=0.05, ge=0, lt=1)
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    augment: float = Field(default=0.7, ge=0, le=1)
    patience: int = Field(default=5, ge=0)
    workers: int | None = Field(default=None, ge=0)
    threads: int | None = Field(default=None, gt=0)
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: int | Literal["auto"] = "auto"
    precision: Literal["auto", "32", "bf16-mixed", "16-mixed"] = "auto"


class GateConfig(TrainConfig):
    """How to train the gate.

    Attributes:
        input_size: Side of its input in pixels, a multiple of 32. The tile is shrunk to it.
        tiles_per_epoch: Samples per epoch; None takes every tile once.
        positive_weight: Weight of tiles with ships; `auto` is the square root of the imbalance, which
            helps recall without burying the probabilities.
        cell_weight: Weight of the cells' loss beside the tile's.
    """

    input_size: int = Field(default=384, ge=64, multiple_of=32)
    tiles_per_epoch: int | None = Field(default=None, gt=0)
    positive_weight: float | Literal["auto"] = "auto"
    cell_weight: float = Field(default=20.0, ge=0)


class SegmenterConfig(TrainConfig):
    """How to train the segmenter.

    Attributes:
        crop_size: Side of the crops in pixels, a multiple of 32.
        crops_per_epoch: Samples per epoch.
        empty_share: Share of crops from tiles without ships.
        decoder_channels: Widths of the U-Net's decoder, coarse to fine.
        half_resolution: Stop the decoder at half resolution and upsample the logits.
        dice_weight: Weight of the Dice loss beside the cross-entropy.
        pixel_positive_weight: Weight of ship pixels in the cross-entropy.
        val_tiles: Most whole tiles validated on after each epoch; None takes all.
    """

    crop_size: int = Field(default=256, ge=64, multiple_of=32)
    crops_per_epoch: int = Field(default=2000, gt=0)
    empty_share: float = Field(default=0.25, ge=0, lt=1)
    decoder_channels: tuple[int, int, int, int, int] = (128, 64, 32, 16, 8)
    half_resolution: bool = True
    dice_weight: float = Field(default=1.0, ge=0)
    pixel_positive_weight: float = Field(default=2.0, gt=0)
    val_tiles: int | None = Field(default=None, gt=0)


Config = TypeVar("Config", bound=TrainConfig)


def load_config(
    kind: type[Config], path: Path | None, overrides: dict[str, Any], assignments: list[str]
) -> Config:
    """Read a configuration file and lay command-line settings over it.

    Args:
        kind: GateConfig or SegmenterConfig.
        path: YAML file, or None for the defaults.
        overrides: Values of the command's own options; None means not given.
        assignments: `key=value` strings; the value is read as YAML. They win over all else.

    Raises:
        ConfigError: Unknown keys, values out of range, or a file that is no mapping; each is named.
    """
    values: dict[str, Any] = {}
    if path is not None:
        values = _read_yaml(path)
    values |= {key: value for key, value in overrides.items() if value is not None}
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        if not sign:
            raise ConfigError(f"--set takes key=value, found '{assignment}'")
        values[key.strip()] = yaml.safe_load(text)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in fault['loc'])}: {_say(fault)}"
            for fault in error.errors(include_url=False)
        ]
        known = ", ".join(sorted(kind.model_fields))
        raise ConfigError("; ".join(lines), hint=f"known keys: {known}") from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the configuration '{path}' cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"'{path}' is no YAML: {error}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"'{path}' holds a {type(found).__name__}, expected 'key: value' lines")
    return found


def _say(fault: Any) -> str:
    if fault["type"] == "extra_forbidden":
        return "unknown key"
    if fault["type"] == "missing":
        return "is needed"
    return f"{fault['msg']}, found {fault['input']!r}"
