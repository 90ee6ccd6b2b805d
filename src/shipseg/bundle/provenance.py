"""Where a bundle's weights come from: data, terms, split, and whether its two runs fit together."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from shipseg.bundle.manifest import Provenance
from shipseg.dataset.source import TileSource
from shipseg.errors import BadInputError, UsageError
from shipseg.labels.csvfile import open_csv
from shipseg.training.config import GateConfig, RefinerConfig, SegmenterConfig, TrainConfig

logger = logging.getLogger(__name__)

AIRBUS = "Airbus Ship Detection Challenge (Kaggle, 2018)"
AIRBUS_LICENSE = (
    "Non-commercial use only: trained on tiles of the Airbus Ship Detection Challenge, whose terms "
    "allow neither commercial use nor passing the tiles on."
)
OTHER_LICENSE = "Not stated; the terms of the training data apply."
# The challenge's ImageIds: nine hexadecimal digits.
_AIRBUS_ID = re.compile(r"[0-9a-f]{9}\.jpg")


def provenance_of(
    gate: GateConfig,
    segmenters: Sequence[SegmenterConfig],
    refiner: RefinerConfig | None,
    data: str | None,
    train: TileSource,
    val: TileSource,
) -> Provenance:
    """Say where the weights of two runs come from.

    Args:
        gate: The gate's configuration.
        segmenters: The segmenters'.
        refiner: The refiner's, if there is one.
        data: What the tiles are, in words; None takes what their names tell.
        train: Tiles that were trained on.
        val: Tiles that validate.
    """
    known = AIRBUS if _is_airbus(val) else f"tiles of {gate.labels.name}"
    return Provenance(
        gate_encoder=gate.encoder,
        segmenter_encoder=" + ".join(segmenter.encoder for segmenter in segmenters),
        refiner_encoder=None if refiner is None else refiner.encoder,
        training_data=data or known,
        split=_describe_split(gate),
        train_tiles=len(train),
        val_tiles=len(val),
        val_ship_tiles=val.count().with_ships,
        chosen_on_tiles=0,
    )


def license_of(tiles: TileSource) -> str:
    """Return the terms of weights that were trained beside these tiles."""
    return AIRBUS_LICENSE if _is_airbus(tiles) else OTHER_LICENSE


def _is_airbus(tiles: TileSource) -> bool:
    return all(_AIRBUS_ID.fullmatch(image_id) for image_id in tiles.image_ids)


def _describe_split(config: TrainConfig) -> str:
    if config.split is None:
        return f"a random {config.val_share:.0%} of the tiles validate; overlapping tiles leak"
    columns = open_csv(config.split, ("ImageId", "split"), ("acquisition",)).columns
    # What the file says. Whether its parts share ground is for `shipseg split --check` to find.
    if "acquisition" not in columns:
        return "fixed, acquisitions not stated"
    return "fixed, each acquisition that it lists in one part"


def check_together(gate: GateConfig, *others: SegmenterConfig | RefinerConfig, moved: bool) -> None:
    """Refuse runs that do not fit together, and warn of what may flatter the figures.

    Args:
        gate: The gate's configuration.
        others: The segmenter's, and the refiner's if there is one.
        moved: Whether the tiles were named anew, so that their paths tell nothing.

    Raises:
        UsageError: They were trained on tiles of different sizes.
        BadInputError: The gate's input does not divide its tiles.
    """
    for other in others:
        if gate.tile_size != other.tile_size:
            raise UsageError(
                f"the gate was trained on tiles of {gate.tile_size} px, "
                f"the {_name(other)} on tiles of {other.tile_size} px",
                hint="export runs that were trained on the same tiles",
            )
    if gate.tile_size % gate.input_size:
        raise BadInputError(
            f"the gate's input_size {gate.input_size} does not divide its tile_size "
            f"{gate.tile_size}, and the detector shrinks by whole factors",
            hint=f"train a gate with an input_size of {gate.tile_size // 2}",
        )
    keys = ["labels", "split", *(() if gate.split else ("seed", "val_share"))]
    for other in others:
        differing = [key for key in keys if getattr(gate, key) != getattr(other, key)]
        if differing and not moved:
            logger.warning(
                "the runs of gate and %s differ in %s: the latter may have been trained on tiles "
                "that the figures come from",
                _name(other), ", ".join(differing),
            )  # fmt: skip


def _name(config: SegmenterConfig | RefinerConfig) -> str:
    return "refiner" if isinstance(config, RefinerConfig) else "segmenter"
