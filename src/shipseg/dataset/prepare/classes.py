"""Class folders, as torchvision's ImageFolder and Keras read them: `train/1`, `train/0`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from shipseg.dataset.prepare.layout import Labelled, ShipsOfTile

LONG_NAMES = {"val": "validation"}


class Classes:
    """`PART/1` for tiles with ships, `PART/0` for those without."""

    def place(self, part: str, file_name: str, stem: str, *, has_ships: bool) -> tuple[str, ...]:
        """Put the picture into the folder of its class; the folder is the label."""
        return (f"{LONG_NAMES.get(part, part)}/{int(has_ships)}/{file_name}",)

    def label(self, ships: ShipsOfTile, side: int) -> bytes:
        """Give nothing: there are no label files."""
        return b""

    def extras(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Name no files."""
        return ()

    def write_extras(self, root: Path, parts: Mapping[str, Sequence[Labelled]], side: int) -> None:
        """Make the folder of a class even where a part has none of it: readers count folders."""
        for part in parts:
            for name in ("0", "1"):
                (root / LONG_NAMES.get(part, part) / name).mkdir(parents=True, exist_ok=True)
