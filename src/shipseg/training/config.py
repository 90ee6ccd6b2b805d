"""Training configurations: small YAML files, checked whole before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from shipseg.errors import ConfigError

# A run is resumed from another folder as well, so a path is kept whole.
Location = Annotated[Path, AfterValidator(Path.absolute)]
Width = Annotated[int, Field(gt=0)]
Shift = Annotated[float, Field(ge=-4, le=4)]


class TrainConfig(BaseModel):
    """What all trainings share.

    Attributes:
        images: Folder of tiles.
        labels: Label table.
        split: Table `ImageId,split` with `train` and `val`; without one, a random share validates.
        val_share: That random share.
        exclude: Table with the column `ImageId`: tiles to leave out.
        tile_size: Side of every tile in pixels, a multiple of 32.
        on_bad_row: `error` or `skip` faulty rows of the label table.
        missing: `error` or `skip` labelled tiles without a file.
        encoder: timm's name of the encoder.
        pretrained: Start from ImageNet weights.
        start_from: An earlier run, or its `best.safetensors`, to start from instead: what fits is
            taken. Or a bundle, whose gate or segmenter is trained further.
        seed: Seeds everything.
        epochs: Most epochs.
        batch_size: Samples per step and device.
        learning_rate: Peak, after the warm-up; a cosine brings it down to a hundredth.
        encoder_lr_factor: The pretrained encoder learns at this share of the rate.
        weight_decay: Of AdamW.
        warmup: Share of all steps in which the rate rises.
        ema_decay: Of the average of weights that is validated and kept; 0 turns it off.
        augment: Strength of the augmentation.
        keep: Whose weights the run keeps: those of the `best` epoch, or of the `last`.
        patience: Epochs without a better score before training stops; 0 never stops early.
        workers: Processes that read tiles; None takes 0 on a CPU, up to 12 with a GPU.
        threads: Threads of the CPU's maths; None leaves the choice to torch.
        accelerator: `auto`, `cpu`, `gpu` or `mps`.
        devices: How many, or `auto` for all there are.
        precision: `auto` is mixed bf16 or 16-bit on a GPU and 32-bit elsewhere.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    images: Location
    labels: Location
    split: Location | None = None
    val_share: float = Field(default=0.1, gt=0, lt=1)
    exclude: Location | None = None
    tile_size: int = Field(default=768, ge=64, multiple_of=32)
    on_bad_row: Literal["error", "skip"] = "error"
    missing: Literal["error", "skip"] = "error"
    encoder: str = "tf_efficientnet_lite0"
    pretrained: bool = True
    start_from: Location | None = None
    # Lightning takes no larger seed.
    seed: int = Field(default=0, ge=0, lt=2**32)
    epochs: int = Field(default=12, gt=0)
    batch_size: int = Field(default=8, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    encoder_lr_factor: float = Field(default=0.3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    warmup: float = Field(default=0.05, ge=0, lt=1)
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    augment: float = Field(default=0.7, ge=0, le=1)
    keep: Literal["best", "last"] = "best"
    patience: int = Field(default=5, ge=0)
    workers: int | None = Field(default=None, ge=0)
    threads: int | None = Field(default=None, gt=0)
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: Annotated[int, Field(gt=0)] | Literal["auto"] = "auto"
    precision: Literal["auto", "32", "bf16-mixed", "16-mixed"] = "auto"


class GateConfig(TrainConfig):
    """How to train the gate.

    Attributes:
        input_size: Side of its input in pixels, a multiple of 32. The tile is shrunk to it.
        tiles_per_epoch: Samples per epoch; None takes every tile once.
        positive_weight: Weight of tiles with ships; `auto` is the square root of the imbalance,
            which helps recall without burying the probabilities.
        cell_weight: Weight of the cells' loss beside the tile's.
        paste_share: Share of tiles that ships of other tiles are pasted onto.
        boat_share: Share of pasted ships that are shrunk to boats.
        glint_share: Share of tiles that are shown as if against the sun: hulls dark on bright sea.
    """

    input_size: int = Field(default=384, ge=64, multiple_of=32)
    tiles_per_epoch: int | None = Field(default=None, gt=0)
    positive_weight: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    cell_weight: float = Field(default=20.0, ge=0)
    paste_share: float = Field(default=0.0, ge=0, le=1)
    boat_share: float = Field(default=0.0, ge=0, le=1)
    glint_share: float = Field(default=0.0, ge=0, le=1)


class SegmenterConfig(TrainConfig):
    """How to train the segmenter.

    Attributes:
        crop_size: Side of the crops in pixels, a multiple of 32, at most a tile's.
        crops_per_epoch: Samples per epoch.
        empty_share: Share of crops from tiles without ships.
        paste_share: Share of crops that ships of other tiles are pasted onto.
        boat_share: Share of pasted ships that are shrunk to boats.
        boat_weight: What a pixel of the smallest ships weighs in the loss; 1 weighs all alike.
        glint_share: Share of crops that are shown as if against the sun, hulls dark on bright sea.
        around_share: Share of crops from anywhere on tiles with ships, of those that no empty tile
            gives: quays and shores that ships are near to. Without it crops are around ships.
        mined_with: Bundle of a segmenter, shown the training tiles in other light: where it sees
            ships and none is, there is something to learn. Without one there are no such crops.
        mined_share: Share of crops around such places, of those that neither an empty tile nor
            `around_share` gives.
        taught_by: Bundles whose segmenters teach this one: their mean, on the very crops.
        taught_share: What they say counts so much of what is learnt, the labels the rest.
        truth_shift_px: The labels lie by so many pixels too far right and down; the pictures of
            training are moved by it. Validation compares with the labels as they are.
        decoder_channels: Widths of the U-Net's decoder, coarse to fine.
        half_resolution: Stop the decoder at half resolution and upsample the logits.
        core_weight: Weight of the loss of ships' cores beside that of their masks.
        dice_weight: Weight of the Dice loss beside the cross-entropy.
        pixel_positive_weight: Weight of ship pixels in the cross-entropy.
        val_tiles: Most whole tiles validated on after each epoch; None takes all.
    """

    crop_size: int = Field(default=256, ge=64, multiple_of=32)
    crops_per_epoch: int = Field(default=2000, gt=0)
    empty_share: float = Field(default=0.25, ge=0, lt=1)
    paste_share: float = Field(default=0.5, ge=0, le=1)
    boat_share: float = Field(default=0.0, ge=0, le=1)
    boat_weight: float = Field(default=1.0, ge=1)
    glint_share: float = Field(default=0.0, ge=0, le=1)
    around_share: float = Field(default=0.0, ge=0, le=1)
    mined_with: Location | None = None
    mined_share: float = Field(default=0.2, ge=0, le=1)
    taught_by: tuple[Location, ...] = ()
    taught_share: float = Field(default=0.5, ge=0, le=1)
    truth_shift_px: Shift = 0.0
    decoder_channels: tuple[Width, Width, Width, Width, Width] = (128, 64, 32, 16, 8)
    half_resolution: bool = True
    core_weight: float = Field(default=0.5, ge=0)
    dice_weight: float = Field(default=1.0, ge=0)
    pixel_positive_weight: float = Field(default=2.0, gt=0)
    val_tiles: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _crops_fit(self) -> SegmenterConfig:
        if self.crop_size > self.tile_size:
            raise ValueError(
                f"crop_size is {self.crop_size}, expected at most the tile_size {self.tile_size}"
            )
        return self


class RefinerConfig(TrainConfig):
    """How to train the refiner.

    Attributes:
        hulls_per_epoch: Samples per epoch.
        truth_shift_px: The labels lie by so many pixels too far right and down; the true rectangles
            are moved back by it.
        wrong_share: Share of the samples that show two ships in one, a part of one, or none: what
            the refiner learns from to tell how well a rectangle fits.
        mined_with: A bundle, whose segmenter is shown the training tiles first: half of those
            samples are what it draws there, right or wrong. Without one all are drawn at random.
        fit_weight: Of that in the loss.
    """

    hulls_per_epoch: int = Field(default=6000, gt=0)
    truth_shift_px: Shift = 0.0
    wrong_share: float = Field(default=0.4, ge=0, lt=1)
    mined_with: Location | None = None
    fit_weight: float = Field(default=0.1, ge=0)


AnyConfig: TypeAlias = GateConfig | SegmenterConfig | RefinerConfig
Config = TypeVar("Config", bound=TrainConfig)

MAY_CHANGE = frozenset({
    "images", "labels", "split", "exclude", "missing", "epochs", "patience", "workers", "threads",
    "accelerator", "devices", "precision",
})  # fmt: skip
"""Keys that a resumed run may set anew: where the data lie now, how long to train, and on what.

Any other change would be ignored (the checkpoint holds the learning rates), fail (the shapes of
the weights) or mix two trainings in one table of metrics.
"""


def load_config(
    kind: type[Config],
    path: Path | None,
    overrides: Mapping[str, Any],
    assignments: Sequence[str],
    *,
    resumed: Path | None = None,
) -> Config:
    """Read a configuration file and lay command-line settings over it.

    A resumed run's own configuration lies under all of them, and only what is said anew changes.

    Args:
        kind: GateConfig, SegmenterConfig or RefinerConfig.
        path: YAML file, or None for the defaults.
        overrides: Values of the command's own options; None means not given.
        assignments: `key=value` strings; the value is read as YAML. They win over all else.
        resumed: The `config.yaml` of the run to go on with.

    Raises:
        ConfigError: Unknown keys, values out of range, a file that is no mapping, or a change that
            a resumed run cannot take; each key is named.
    """
    said = _read_yaml(path) if path else {}
    said |= {key: value for key, value in overrides.items() if value is not None}
    said |= dict(_read_assignment(assignment) for assignment in assignments)
    if resumed is None:
        return _validate(kind, said)
    before = read_config(resumed)
    if not isinstance(before, kind):
        raise ConfigError(
            f"'{resumed}' is a {type(before).__name__}, expected a {kind.__name__}: "
            "the run trains another network"
        )
    config = _validate(kind, before.model_dump() | said)
    changed = [
        f"{key} from {_show(old)} to {_show(new)}"
        for key in kind.model_fields
        if key not in MAY_CHANGE and (old := getattr(before, key)) != (new := getattr(config, key))
    ]
    if changed:
        raise ConfigError(
            f"a resumed run cannot change {', '.join(changed)}",
            hint=f"start another run; a resumed one may change {', '.join(sorted(MAY_CHANGE))}",
        )
    return config


def read_config(path: Path) -> AnyConfig:
    """Read the resolved configuration of a run, whichever its kind.

    Args:
        path: The `config.yaml` of a run folder.

    Raises:
        ConfigError: The file is not there, or is no configuration.
    """
    values = _read_yaml(path)
    if "crop_size" in values:
        return _validate(SegmenterConfig, values)
    if "hulls_per_epoch" in values:
        return _validate(RefinerConfig, values)
    return _validate(GateConfig, values)


def _validate(kind: type[Config], values: Mapping[str, Any]) -> Config:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        # One setting may have several faults, one for each type that it could have.
        said: dict[str, list[str]] = {}
        for fault in error.errors(include_url=False):
            said.setdefault(_key_of(fault["loc"]), []).append(_say(fault))
        lines = [f"{key}: {' or '.join(told)}" if key else told[0] for key, told in said.items()]
        known = ", ".join(sorted(kind.model_fields))
        raise ConfigError("; ".join(lines), hint=f"known keys: {known}") from None


def _key_of(place: Sequence[int | str]) -> str:
    """Name a setting, or one entry of it; what pydantic adds are the types that it tried."""
    return "".join(
        f"[{part}]" if isinstance(part, int) else part if position == 0 else ""
        for position, part in enumerate(place)
    )


def _say(fault: Any) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "is needed"
        case "value_error":
            return str(fault["ctx"]["error"])
    return f"{fault['msg']}, found {fault['input']!r}"


def _show(value: Any) -> str:
    return str(yaml.safe_dump(value, default_flow_style=True)).split("\n")[0]


def _read_assignment(assignment: str) -> tuple[str, Any]:
    key, sign, text = assignment.partition("=")
    if not sign:
        raise ConfigError(f"--set takes key=value, found '{assignment}'")
    try:
        return key.strip(), yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{key.strip()}: '{text}' is no YAML value") from None


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
