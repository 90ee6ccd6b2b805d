"""YOLO's text for segmentation: one polygon a line, one file a tile, and `data.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from shipseg.dataset.prepare.layout import Labelled, ShipsOfTile
from shipseg.dataset.prepare.outline import outline_of
from shipseg.files import atomic_write_text

# Readers know only these; the folders of other parts are there, for whoever names them.
_KEYS = ("train", "val", "test")


class Yolo:
    """`images/PART/NAME.jpg` and `labels/PART/NAME.txt`."""

    def place(self, part: str, file_name: str, stem: str, *, has_ships: bool) -> tuple[str, ...]:
        """Put the text where readers look: the same path with `labels` for `images`."""
        return f"images/{part}/{file_name}", f"labels/{part}/{stem}.txt"

    def label(self, ships: ShipsOfTile, side: int) -> bytes:
        """Write class 0 and the corners of each ship, as shares of the picture's side."""
        lines = [self._line(outline_of(runs, side).ravel() / side) for runs in ships if len(runs)]
        return "".join(lines).encode()

    def _line(self, numbers: Iterable[float]) -> str:
        # Six decimals are a hundredth of a pixel on a side of 8,192.
        return f"0 {' '.join(f'{number:.6f}'.rstrip('0').rstrip('.') for number in numbers)}\n"

    def extras(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Name the file that says where the parts lie."""
        return ("data.yaml",)

    def write_extras(self, root: Path, parts: Mapping[str, Sequence[Labelled]], side: int) -> None:
        """Write it, without `path`: readers then start from the folder that it lies in."""
        lines = [f"{key}: images/{key}" for key in _KEYS if key in parts]
        lines += ["names:", "  0: ship"]
        atomic_write_text(root / "data.yaml", "\n".join(lines) + "\n")
