"""What a bundle says about itself: `bundle.json`, checked whole before anything else is used."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shipseg.errors import BundleError

FORMAT_VERSION = 1
"""Raised when a bundle of the new kind could not be used by the old code."""

# A plain name: no folder, no parent, nothing that a shell or a file system reads otherwise.
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.onnx$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Probability = Annotated[float, Field(gt=0, lt=1)]
Difference = Annotated[float, Field(ge=0, le=1)]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Part(BaseModel):
    # Strict: "0.5" is no number and 384.0 no count.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class DoubtSpec(_Part):
    """When a tile is looked at again, mirrored: see `shipseg.inference.second_look`.

    Attributes:
        above: First answers up to this leave no doubt.
        below: Nor do those from this on.
    """

    above: Probability
    below: Probability

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.above >= self.below:
            raise ValueError(f"nothing lies above {self.above} and below {self.below}")
        return self


class GateSpec(_Part):
    """The gate's graph and how to use it.

    Attributes:
        file: Name of the ONNX file in the bundle.
        sha256: Of that file.
        input_size: Side of its square input in pixels.
        stride: Input pixels per side of a cell.
        tile_size: Side of the tiles in pixels, before they are shrunk to `input_size`.
        threshold: Least probability with which a tile passes.
        cell_threshold: Least probability with which a cell of a passing tile is hot.
        doubt: Between which first answers it is asked a second time; None asks once.
    """

    file: FileName
    sha256: Sha256
    input_size: int = Field(ge=32, le=4096, multiple_of=32)
    stride: int = Field(ge=1, le=64)
    tile_size: int = Field(ge=32, le=8192)
    threshold: Probability
    cell_threshold: Probability
    doubt: DoubtSpec | None = None

    @model_validator(mode="after")
    def _sides_divide(self) -> Self:
        # The detector shrinks tiles by whole factors and counts in whole cells.
        if self.tile_size % self.input_size or self.input_size % self.stride:
            raise ValueError(
                f"tile_size {self.tile_size} is no multiple of input_size {self.input_size}, "
                f"or that none of stride {self.stride}"
            )
        return self


class CalibrationSpec(_Part):
    """How a ship's confidence becomes the probability of a hit: see `shipseg.scores.Calibration`.

    Attributes:
        intercept: In log-odds.
        slope: Of the log-odds of the mask's mean probability.
        area_slope: Of the logarithm of the mask's area in thousands of pixels.
        fit_slope: Of the log-odds of the IoU that the refiner expects of the ship's rectangle.
        cell_slope: Of the log-odds of the gate's surest cell beneath the mask.
    """

    intercept: float = Field(ge=-50, le=50)
    slope: float = Field(ge=-50, le=50)
    area_slope: float = Field(ge=-50, le=50)
    fit_slope: float = Field(default=0.0, ge=-50, le=50)
    cell_slope: float = Field(default=0.0, ge=-50, le=50)


class ObjectnessSpec(CalibrationSpec):
    """What is reported as a ship at all: see `shipseg.scores.Objectness`.

    Attributes:
        least: Least probability that there is a ship; what has less is not reported.
    """

    least: Probability


class StraighteningSpec(_Part):
    """When and how masks become rectangles: see `shipseg.inference.straighten.Straightening`.

    Attributes:
        rectangularity: Least IoU of a mask with its rectangle.
        longer_px: By how much the rectangle is longer than the mask's moments say.
        narrower_px: By how much it is narrower.
    """

    rectangularity: float = Field(ge=0, le=1)
    longer_px: float = Field(ge=-20, le=20)
    narrower_px: float = Field(ge=-20, le=20)


class SegmenterSpec(_Part):
    """The segmenter's graph and how to use it.

    Attributes:
        file: Name of the ONNX file in the bundle.
        sha256: Of that file.
        multiple: Height and width of its input are multiples of this, in pixels.
        threshold: Least probability with which a pixel is ship.
        min_area_px: Ships below this area are dropped.
        crop_size: Side of the crops that it was trained on, in pixels.
        calibration: Of the ships' scores; None where a score is the mask's mean probability.
        objectness: What of the masks is reported at all; None reports everything.
        straightening: Of the ships' masks; None leaves them as they are drawn.
    """

    file: FileName
    sha256: Sha256
    multiple: int = Field(ge=1, le=256)
    threshold: Probability
    min_area_px: int = Field(ge=1, le=10_000)
    crop_size: int = Field(ge=32, le=4096)
    calibration: CalibrationSpec | None = None
    objectness: ObjectnessSpec | None = None
    straightening: StraighteningSpec | None = None


class RefinerSpec(_Part):
    """The refiner's graph and how to use it: see `shipseg.inference.refine`.

    Attributes:
        file: Name of the ONNX file in the bundle.
        sha256: Of that file.
        shift_px: By how much the truth that it learnt from lies right of and below the pixels.
        calibration: Of the scores of ships that it has looked at; None takes the segmenter's, and
            its objectness.
        objectness: What of the ships that it has looked at is reported at all.
    """

    file: FileName
    sha256: Sha256
    shift_px: float = Field(ge=-4, le=4)
    calibration: CalibrationSpec | None = None
    objectness: ObjectnessSpec | None = None


class Provenance(_Part):
    """Where the weights come from.

    Attributes:
        gate_encoder: timm's name of the gate's encoder.
        segmenter_encoder: timm's name of the segmenter's encoder; several in a mean, with " + ".
        refiner_encoder: timm's name of the refiner's encoder; None where there is none.
        training_data: The set, in words.
        split: How training and validation tiles were parted, in words.
        train_tiles: Tiles trained on.
        val_tiles: Tiles of the validation part.
        val_ship_tiles: Those of them that hold ships.
        chosen_on_tiles: Tiles that thresholds and scores come from: the validation tiles that are
            measured, and training tiles where there are more.
        measured_on_tiles: Validation tiles that the figures come from; None where it is those that
            the thresholds were chosen on.
    """

    gate_encoder: Line
    segmenter_encoder: Line
    refiner_encoder: Line | None = None
    training_data: Line
    split: Line
    train_tiles: int = Field(ge=0)
    val_tiles: int = Field(ge=0)
    val_ship_tiles: int = Field(ge=0)
    chosen_on_tiles: int = Field(ge=0)
    measured_on_tiles: int | None = Field(default=None, ge=0)


class Parity(_Part):
    """How far ONNX Runtime's answers are from torch's, on real tiles.

    Attributes:
        gate_max_abs_difference: The largest of any tile or cell.
        segmenter_max_abs_difference: The largest of any pixel.
        refiner_max_abs_difference: The largest of any side, in shares of a hull's view; None where
            there is no refiner.
        gate_tiles: Tiles compared by the gate.
        segmenter_tiles: Tiles, and parts of tiles, compared by the segmenter.
        onnxruntime: Version compared.
        torch: Version compared.
    """

    gate_max_abs_difference: Difference
    segmenter_max_abs_difference: Difference
    refiner_max_abs_difference: Difference | None = None
    gate_tiles: int = Field(ge=1)
    segmenter_tiles: int = Field(ge=1)
    onnxruntime: Line
    torch: Line


class Manifest(_Part):
    """All of `bundle.json`.

    Attributes:
        format_version: Of this format.
        name: What the model is called.
        created: Day of the export.
        shipseg: Version that wrote the bundle.
        license: Terms of the weights, in a sentence.
        gate: The first stage.
        segmenter: The second stage.
        refiner: Betters the outlines of straightened hulls; None where there is none.
        provenance: Where the weights come from.
        parity: How true the graphs are to the trained networks.
        figures: Values measured on validation tiles; None where one could not be.
    """

    format_version: Literal[1]
    name: Line
    created: date
    shipseg: Line
    license: Line
    gate: GateSpec
    segmenter: SegmenterSpec
    refiner: RefinerSpec | None = None
    provenance: Provenance
    parity: Parity
    figures: dict[Line, int | float | None] = Field(max_length=200)


def parse_manifest(data: bytes, *, where: str) -> Manifest:
    """Read `bundle.json`.

    Args:
        data: The file's bytes.
        where: The file, for messages.

    Raises:
        BundleError: No JSON, another format version, or fields that are missing, unknown or out of
            range; each is named.
    """
    try:
        found = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # bad UTF-8 and bad JSON are ValueErrors
        raise BundleError(f"{where} is no JSON document: {error}") from None
    if not isinstance(found, dict):
        raise BundleError(f"{where} holds a {type(found).__name__}, expected an object")
    version = found.get("format_version")
    # By type, because True == 1.
    if version != FORMAT_VERSION or type(version) is not int:
        raise BundleError(
            f"{where}: the bundle's format_version is {json.dumps(version)[:40]}, "
            f"this shipseg reads {FORMAT_VERSION}",
            hint="a bundle of a newer version needs a newer shipseg: pip install -U shipseg",
        )
    try:
        # From the text, not from the dict: only JSON may give a date as a string when strict.
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        faults = [_say(fault) for fault in error.errors(include_url=False)]
        more = f"; and {len(faults) - 8} more" if len(faults) > 8 else ""
        raise BundleError(f"{where}: {'; '.join(faults[:8])}{more}") from None


def format_manifest(manifest: Manifest) -> bytes:
    """Give the bytes of `bundle.json`: the same manifest, the same bytes."""
    fields = manifest.model_dump(mode="json")
    return (json.dumps(fields, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"'{name}' is no JSON number")


def _say(fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"])[:80]
    if fault["type"] == "extra_forbidden":
        return f"unknown key '{name}'"
    if fault["type"] == "missing":
        return f"'{name}' is missing"
    return f"'{name}': {fault['msg']}, found {str(fault['input'])[:60]!r}"
