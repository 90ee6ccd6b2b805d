"""Sheets of sample tiles: few ships, many, tiny, huge, and cut by the edge."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from shipseg.dataset.ships import Ints, ShipColumns
from shipseg.errors import ShipsegError
from shipseg.explore.frame import TileView, Window
from shipseg.imaging.decode import decode_tile
from shipseg.labels import LabelTable
from shipseg.rle import Runs, crop

PER_SHEET = 6
_JPEG_QUALITY = 80
_SHOWN_PX = 512
# Tiny ships are shown at their own resolution, and cut ones nearer than the whole tile.
_TINY_VIEW_PX = 192
_CUT_VIEW_PX = 384
# A cut sliver says little; a hull that lacks its end does.
_LEAST_CUT_PX = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """A tile, or a part of it, to show.

    Attributes:
        image_id: The tile.
        window_xyxy: The part, in pixels, half-open.
        caption: What is to be seen.
    """

    image_id: str
    window_xyxy: Window
    caption: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """Tiles that have something in common."""

    name: str
    title: str
    note: str
    choices: tuple[Choice, ...]


def choose_sheets(
    table: LabelTable, ships: ShipColumns, present: Iterable[str], gsd_m: float
) -> list[Sheet]:
    """Choose the tiles to show, the same ones each time.

    Args:
        table: All labels.
        ships: Measures of the table's ships.
        present: ImageIds whose file is there.
        gsd_m: Metres per pixel on the ground.

    Returns:
        Sheets of up to `PER_SHEET` tiles; sheets without a tile are left out.
    """
    here = set(present)
    per_tile = table.ships_per_image()
    shown = np.array([image_id in here for image_id in table.image_ids], np.bool_)
    of_ship = np.repeat(np.arange(len(table)), per_tile)
    candidates = np.flatnonzero(shown[of_ship])
    picker = _Picker(table, ships, of_ship, gsd_m)
    single = _drawn(np.flatnonzero(shown & (per_tile == 1)))
    crowded = np.flatnonzero(shown & (per_tile > 1))
    crowded = crowded[np.argsort(-per_tile[crowded], kind="stable")]
    by_area = candidates[np.argsort(ships.area_px[candidates], kind="stable")]
    cut = candidates[ships.cut[candidates] & (ships.area_px[candidates] >= _LEAST_CUT_PX)]
    sheets = [
        Sheet(
            "few", "One ship", "Tiles with a single ship, drawn at random.", picker.tiles(single)
        ),
        Sheet("many", "Many ships", "The tiles with the most ships.", picker.tiles(crowded)),
        Sheet(
            "tiny",
            "Tiny ships",
            f"The smallest masks, in windows of {_TINY_VIEW_PX} px. Are they ships?",
            picker.ships(by_area, view_px=_TINY_VIEW_PX),
        ),
        Sheet(
            "huge",
            "Huge ships",
            "The largest masks. Is each one ship, or several that touch?",
            picker.ships(by_area[::-1]),
        ),
        Sheet(
            "cut",
            "Cut by the edge",
            "Ships that go on outside their tile, drawn at random.",
            picker.ships(_drawn(cut), view_px=_CUT_VIEW_PX),
        ),
    ]
    return [sheet for sheet in sheets if sheet.choices]


@dataclass(frozen=True, slots=True, eq=False)
class _Picker:
    """Turns indices of tiles and ships into choices, each tile once per sheet."""

    table: LabelTable
    measures: ShipColumns
    of_ship: Ints
    gsd_m: float

    def tiles(self, indices: Ints) -> tuple[Choice, ...]:
        height, width = self.table.shape_hw
        counts = self.table.ships_per_image()
        return tuple(
            Choice(
                self.table.image_ids[i],
                (0, 0, width, height),
                f"{counts[i]} ship{'s' if counts[i] > 1 else ''}",
            )
            for i in indices[:PER_SHEET].tolist()
        )

    def ships(self, indices: Ints, *, view_px: int | None = None) -> tuple[Choice, ...]:
        chosen: dict[int, Choice] = {}
        for ship in indices.tolist():
            tile = int(self.of_ship[ship])
            if tile not in chosen:
                chosen[tile] = Choice(
                    self.table.image_ids[tile], self._window(ship, view_px), self._caption(ship)
                )
            if len(chosen) == PER_SHEET:
                break
        return tuple(chosen.values())

    def _window(self, ship: int, view_px: int | None) -> Window:
        height, width = self.table.shape_hw
        if view_px is None:
            return 0, 0, width, height
        side_x, side_y = min(view_px, width), min(view_px, height)
        x0 = int(np.clip(self.measures.centre_x[ship] - side_x / 2, 0, width - side_x))
        y0 = int(np.clip(self.measures.centre_y[ship] - side_y / 2, 0, height - side_y))
        return x0, y0, x0 + side_x, y0 + side_y

    def _caption(self, ship: int) -> str:
        measures, gsd = self.measures, self.gsd_m
        return (
            f"{measures.area_px[ship]:,} px, {measures.length_px[ship] * gsd:.0f} × "
            f"{measures.width_px[ship] * gsd:.0f} m"
        )


def _drawn(indices: Ints) -> Ints:
    return indices[np.random.default_rng(0).permutation(len(indices))[: 4 * PER_SHEET]]


def load_sample(choice: Choice, folder: Path, table: LabelTable) -> TileView | None:
    """Read the pixels of a choice; None where the tile cannot be read or has another size."""
    try:
        rgb = decode_tile((folder / choice.image_id).read_bytes(), name=choice.image_id)
    except (ShipsegError, OSError):
        return None
    if rgb.shape[:2] != table.shape_hw:
        return None
    x0, y0, x1, y1 = choice.window_xyxy
    outlines = (
        outline_path(runs, table.shape_hw, choice.window_xyxy)
        for runs in table.ships_of(choice.image_id)
    )
    picture = picture_uri(rgb[y0:y1, x0:x1])
    return TileView(choice.image_id, choice.window_xyxy, choice.caption, picture, "".join(outlines))


def picture_uri(rgb: npt.NDArray[np.uint8], most_px: int = _SHOWN_PX) -> str:
    """Pack pixels as a data URI of a JPEG, shrunk to `most_px` along the longer side."""
    image = Image.fromarray(rgb)
    image.thumbnail((most_px, most_px), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def outline_path(runs: Runs, shape_hw: tuple[int, int], window_xyxy: Window) -> str:
    """Draw the edges of a mask's pixels inside a window as an SVG path.

    Args:
        runs: (n, 2) int64 runs of the mask.
        shape_hw: Height and width of the whole mask.
        window_xyxy: What is to be seen, in pixels; edges along it are drawn too.

    Returns:
        Horizontal and vertical strokes, in the whole mask's pixels.
    """
    mask = np.pad(crop(runs, shape_hw, window_xyxy), 1)
    x0, y0, _, _ = window_xyxy
    strokes = [
        f"M{x0 + start} {y0 + row}h{end - start}"
        for row, start, end in _strokes(mask[1:] != mask[:-1])
    ]
    strokes += [
        f"M{x0 + column} {y0 + start}v{end - start}"
        for column, start, end in _strokes((mask[:, 1:] != mask[:, :-1]).T)
    ]
    return "".join(strokes)


def _strokes(edges: npt.NDArray[np.bool_]) -> Sequence[tuple[int, int, int]]:
    """Find the stretches of True in each row of edges: row, first and end, without the padding."""
    lined = np.pad(edges[:, 1:-1], ((0, 0), (1, 1)))
    rows, ends = np.nonzero(lined[:, 1:] != lined[:, :-1])
    return list(zip(rows[::2].tolist(), ends[::2].tolist(), ends[1::2].tolist(), strict=True))
