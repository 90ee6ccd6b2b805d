"""The tiles of a training: opened, divided, counted, and known again at a resume."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from shipseg.dataset.source import TileSource, divide, open_source
from shipseg.errors import ConfigError
from shipseg.training.config import TrainConfig

logger = logging.getLogger(__name__)


def open_tiles(config: TrainConfig) -> tuple[TileSource, TileSource]:
    """Open the tiles of a configuration and part them into training and validation.

    Without a split, a logged warning says that a random one leaks.

    Args:
        config: Where the tiles lie and how they are parted.

    Returns:
        Training tiles and validation tiles.

    Raises:
        ConfigError: A part is empty or holds no ship.
        UsageError: A file is not there.
        BadInputError: Tiles are missing, or a table has faults.
    """
    source = open_source(
        config.images,
        config.labels,
        shape_hw=(config.tile_size, config.tile_size),
        on_bad_row=config.on_bad_row,
        missing=config.missing,
        exclude=config.exclude,
    )
    if config.split is None:
        logger.warning(
            "no split given: a random %.0f %% of the tiles validate. Where tiles overlap, the same "
            "ships lie on both sides, and the scores come out too high",
            100 * config.val_share,
        )
    train, val = divide(source, config.split, val_share=config.val_share, seed=config.seed)
    for name, part, need in (
        ("training", train, "there is nothing to learn from"),
        ("validation", val, "no score can be measured"),
    ):
        if not part.count().with_ships:
            raise ConfigError(f"none of the {len(part)} {name} tiles holds a ship, so {need}")
    return train, val


def describe(train: TileSource, val: TileSource) -> dict[str, dict[str, Any]]:
    """Say what a training's tiles are, as a JSON value.

    Returns:
        For `train` and `val` the numbers of `TileCount`, and the `sha256` of ImageIds and truth.
    """
    return {
        name: {**asdict(part.count()), "sha256": part.fingerprint()}
        for name, part in (("train", train), ("val", val))
    }


def check_same(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with a run on other tiles or another truth than it began with.

    Args:
        before: What `describe` said when the run began.
        now: What it says now.

    Raises:
        ConfigError: They differ.
    """
    for name in ("train", "val"):
        if before[name] != now[name]:
            was, has = (
                f"{data[name]['tiles']} tiles with {data[name]['ships']} ships"
                for data in (before, now)
            )
            raise ConfigError(
                f"the '{name}' tiles or their labels are not those that the run began with: "
                f"{was} then, {has} now",
                hint="give it its own images, labels and split, or start another run",
            )
