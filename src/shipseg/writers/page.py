"""One page of pictures with their ships: one file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from itertools import count
from math import ceil, floor
from string import Template

import numpy as np
import numpy.typing as npt
from PIL import Image

from shipseg.writers.outlines import PALETTE
from shipseg.writers.tags import Box, place_tags

Ring = Sequence[tuple[float, float]]

_JPEG_QUALITY = 84
# The room that the style sheet's numbers take, in the picture's pixels.
_NUMBER_PX = 22
_DIGIT_PX = 15


@dataclass(frozen=True, slots=True)
class PageShip:
    """A ship as the page shows it.

    Attributes:
        outline: Rings of x, y in pixels.
        score: In [0, 1].
        length_m: Longer side.
        width_m: Shorter side.
        heading_deg: Clockwise from up, 0 to 180.
        area_m2: Of the mask.
    """

    outline: Sequence[Ring]
    score: float
    length_m: float
    width_m: float
    heading_deg: float
    area_m2: float


@dataclass(frozen=True, slots=True, eq=False)
class PageTile:
    """A picture with its ships.

    Attributes:
        title: What it shows.
        caption: A sentence below.
        rgb: (H, W, 3) uint8.
        ships: What was found.
        truth: Rings of the true ships.
    """

    title: str
    caption: str
    rgb: npt.NDArray[np.uint8]
    ships: Sequence[PageShip]
    truth: Sequence[Ring] = ()


def render_page(
    tiles: Sequence[PageTile], *, title: str, heading: str, lead: str, commands: Sequence[str]
) -> str:
    """Render an HTML page that holds its pictures, for light and dark screens.

    Args:
        tiles: Pictures and ships, in order.
        title: Of the window.
        heading: Of the page.
        lead: A sentence or two below the heading.
        commands: What to try next, one line each.

    Returns:
        The document. All text is escaped.
    """
    template = Template(resources.files("shipseg.writers").joinpath("page.html").read_text("utf-8"))
    rows = [_row(tile, i, ship) for tile in tiles for i, ship in enumerate(tile.ships)]
    return template.substitute(
        title=escape(title),
        heading=escape(heading),
        lead=escape(lead),
        figures="\n".join(map(_figure, tiles)),
        rows="\n".join(rows) or '<tr><td colspan="7">No ship was found.</td></tr>',
        commands=escape("\n".join(commands)),
    )


def _figure(tile: PageTile) -> str:
    height, width = tile.rgb.shape[:2]
    sizes = [(_DIGIT_PX * len(str(i + 1)), _NUMBER_PX) for i in range(len(tile.ships))]
    places = place_tags([_box(ship) for ship in tile.ships], sizes, (width, height))
    finds = "".join(map(_find, tile.ships, count(), places))
    truths = "".join(f'<path class="truth" d="{_path([ring])}"/>' for ring in tile.truth)
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(tile.title)}">'
        f'<image width="{width}" height="{height}" href="{_data_uri(tile.rgb)}"/>'
        f'<g class="finds">{finds}</g><g class="truths">{truths}</g></svg>'
        f"<figcaption><strong>{escape(tile.title)}</strong>"
        f"<span>{escape(tile.caption)}</span></figcaption></figure>"
    )


def _find(ship: PageShip, index: int, place: Box | None) -> str:
    path, colour = _path(ship.outline), _colour(index)
    outline = (
        f'<path class="seam" d="{path}"/><path class="ship" stroke="{colour}" d="{path}">'
        f"<title>ship {index + 1}, score {ship.score:.2f}</title></path>"
    )
    if place is None:
        return outline
    x, baseline = (place[0] + place[2]) / 2, place[3] - 4
    return outline + (
        f'<text class="number" fill="{colour}" x="{x:.1f}" y="{baseline}" '
        f'text-anchor="middle">{index + 1}</text>'
    )


def _box(ship: PageShip) -> Box:
    xs = [x for ring in ship.outline for x, _ in ring]
    ys = [y for ring in ship.outline for _, y in ring]
    return floor(min(xs)), floor(min(ys)), ceil(max(xs)), ceil(max(ys))


def _path(rings: Sequence[Ring]) -> str:
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z" for ring in rings)


def _colour(index: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*PALETTE[index % len(PALETTE)])


def _row(tile: PageTile, index: int, ship: PageShip) -> str:
    dot = f'<span class="dot" style="background:{_colour(index)}"></span>'
    cells = [
        escape(tile.title),
        f"{dot}{index + 1}",
        f"{ship.score:.2f}",
        f"{ship.length_m:.0f} m",
        f"{ship.width_m:.0f} m",
        f"{ship.heading_deg:.0f}°",
        f"{ship.area_m2:,.0f} m²",
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _data_uri(rgb: npt.NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
