"""What a prepared folder is to hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shipseg.errors import UsageError

LayoutName = Literal["classes", "masks", "coco", "yolo"]
RleForm = Literal["compressed", "uncompressed"]

_SIDES = range(8, 8193)


@dataclass(frozen=True, slots=True)
class Request:
    """What to make of tiles and labels.

    Attributes:
        layout: How files are named and what labels look like.
        tile_size: Side of the tiles that the label table describes, in pixels.
        size: Side of the pictures to make, in pixels.
        tiles: How many tiles to draw from a part; a part that is not named is taken whole.
        empty_share: Share of tiles without ships in each part, 0 to 1; None takes what comes.
        only: Names of the parts to make; none for all.
        seed: Decides which tiles are drawn.
        link: Make hard links instead of copies.
        mask_bits: 8 for masks of 0 and 255, 1 for masks of one bit.
        rle: How COCO annotations hold their runs.
    """

    layout: LayoutName
    tile_size: int = 768
    size: int = 768
    tiles: Mapping[str, int] = field(default_factory=dict)
    empty_share: float | None = None
    only: tuple[str, ...] = ()
    seed: int = 0
    link: bool = False
    mask_bits: Literal[1, 8] = 8
    rle: RleForm = "compressed"

    def __post_init__(self) -> None:
        """Refuse what cannot be made.

        Raises:
            UsageError: A number is out of range, or a resized picture is to be a link.
        """
        for name, side in (("tile size", self.tile_size), ("size", self.size)):
            if side not in _SIDES:
                raise UsageError(
                    f"the {name} is {side} px, expected {_SIDES.start} to {_SIDES.stop - 1}"
                )
        share = self.empty_share
        if share is not None and not (math.isfinite(share) and 0 <= share <= 1):
            raise UsageError(f"the share of empty tiles is {share}, expected 0 to 1")
        if self.seed < 0:
            raise UsageError(f"the seed is {self.seed}, expected 0 or more")
        wrong = [name for name, number in self.tiles.items() if number < 1]
        if wrong:
            raise UsageError(f"{self.tiles[wrong[0]]} tiles asked for in '{wrong[0]}', expected 1")
        if self.link and self.resizes:
            raise UsageError(
                f"tiles of {self.tile_size} px become pictures of {self.size} px, which cannot be "
                "links",
                hint="leave --link out, or keep the size",
            )

    @property
    def resizes(self) -> bool:
        """Whether pictures have another size than their tiles."""
        return self.size != self.tile_size

    def to_dict(self) -> dict[str, Any]:
        """Give all that decides which bytes come out, ready for JSON."""
        return {
            "layout": self.layout,
            "tile_size": self.tile_size,
            "size": self.size,
            "tiles": dict(sorted(self.tiles.items())),
            "empty_share": self.empty_share,
            "parts": sorted(self.only),
            "seed": self.seed,
            "link": self.link,
            "mask_bits": self.mask_bits if self.layout == "masks" else None,
            "rle": self.rle if self.layout == "coco" else None,
        }
