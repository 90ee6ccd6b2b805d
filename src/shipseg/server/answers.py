"""An analysis in each of its forms: JSON, GeoJSON, Kaggle's CSV, and layers as PNG."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from shapely import get_parts
from shapely.affinity import scale as scaled
from shapely.geometry import mapping

from shipseg import rle
from shipseg.scenes.measure_positions import Positions
from shipseg.server.analysis import Analysis
from shipseg.server.forms import Form, Layer
from shipseg.server.found import FoundShip, Outline, runs_of
from shipseg.server.problems import Problem
from shipseg.writers.overlay import draw_overlay
from shipseg.writers.rows import format_row
from shipseg.writers.scenes.geometry import on_wgs84
from shipseg.writers.submission import SUBMISSION_HEADER

if TYPE_CHECKING:
    from shipseg.server.model import Model

SHOWN_PIXELS = 24_000_000
"""Pictures over this are drawn shrunk."""
SHOWN_SIDE_PX = 4096
"""To this for the longer side."""

# RFC 7946, 11.2: about a centimetre.
_DEGREES = 7
# A picture of noise, as the sea is, gains 2 % of size from level 6 and costs four times the time.
_PNG_LEVEL = 1
_FLAT_LEVEL = 6


def render(
    analysis: Analysis, form: Form, layer: Layer, *, name: str, model: Model, request_id: str
) -> bytes:
    """Give the body of an answer.

    Args:
        analysis: What was found.
        form: Of the answer.
        layer: Which picture, where the form is a picture.
        name: What the caller calls the picture.
        model: That found it.
        request_id: Of the request.
    """
    if form is Form.png:
        return png(draw(analysis, layer))
    if form is Form.csv:
        return table(analysis.ships, name).encode("utf-8", "backslashreplace")
    if form is Form.geojson:
        return _text(collection(analysis, name))
    return _text(document(analysis, name, model, request_id))


def document(analysis: Analysis, name: str, model: Model, request_id: str) -> dict[str, Any]:
    """Give the JSON of an analysis; `schemas.Prediction` describes it."""
    height, width = analysis.shape_hw
    timings = {stage: round(ms, 2) for stage, ms in analysis.timings_ms.items()}
    return {
        "request_id": request_id,
        "model": {"name": model.name, "version": model.version},
        "image": {
            "name": name,
            "width": width,
            "height": height,
            "gsd_m": _round(analysis.view.grid.gsd_m, 4),
            "warnings": list(analysis.view.warnings),
        },
        "ship_probability": round(analysis.ship_probability, 6),
        "passed": analysis.passed,
        "thresholds": {"gate": analysis.gate_threshold, "ship": analysis.threshold},
        "ships": [_ship(n, ship, height) for n, ship in enumerate(analysis.ships, start=1)],
        "timings_ms": timings | {"total": round(sum(analysis.timings_ms.values()), 2)},
    }


def _ship(number: int, ship: FoundShip, height: int) -> dict[str, Any]:
    box = rle.box(ship.runs, height)
    return {
        "id": number,
        "score": round(ship.score, 6),
        "box": box,
        "outline": _rings(ship.outline),
        "oriented_box": [_point(x, y) for x, y in ship.box.tolist()],
        "centre": _point(*ship.centre),
        "area_px": rle.area(ship.runs),
        "length_px": round(ship.length_px, 2),
        "width_px": round(ship.width_px, 2),
        "heading_deg": _heading(ship.heading_deg),
        "rle": rle.format_rle(ship.runs),
        "length_m": _round(ship.length_m, 2),
        "width_m": _round(ship.width_m, 2),
        "longitude": _round(ship.lon, _DEGREES),
        "latitude": _round(ship.lat, _DEGREES),
    }


def _rings(outline: Outline) -> list[list[list[list[float]]]]:
    """Spell an outline as polygons of rings of points, each ring without its last point."""
    return [
        [
            [_point(x, y) for x, y in list(ring.coords)[:-1]]
            for ring in (part.exterior, *part.interiors)
        ]
        for part in get_parts(outline)
    ]


def _point(x: float, y: float) -> list[float]:
    return [round(x, 2), round(y, 2)]


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _heading(degrees: float) -> float:
    rounded = round(degrees, 2)
    # 179.999 would round to the 180 that the range leaves out.
    return 0.0 if rounded == 180.0 else rounded


def collection(analysis: Analysis, name: str) -> dict[str, Any]:
    """Give ships as GeoJSON (RFC 7946); without a place on the Earth their geometry is null."""
    positions = Positions(analysis.view.grid)
    height = analysis.shape_hw[0]
    features = []
    for number, ship in enumerate(analysis.ships, start=1):
        parts = [on_wgs84(part, positions) for part in get_parts(ship.outline)]
        properties = _ship(number, ship, height)
        features.append(
            {
                "type": "Feature",
                "id": properties.pop("id"),
                "geometry": _geometry([part for part in parts if part is not None]),
                "properties": properties,
            }
        )
    return {"type": "FeatureCollection", "name": name, "features": features}


def _geometry(parts: list[Outline]) -> dict[str, Any] | None:
    polygons = [_degrees(mapping(p)["coordinates"]) for part in parts for p in get_parts(part)]
    if not polygons:
        return None
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _degrees(nested: Any) -> Any:
    if isinstance(nested, float):
        return round(nested, _DEGREES)
    return [_degrees(item) for item in nested]


def table(ships: tuple[FoundShip, ...], name: str) -> str:
    """Give Kaggle's table: a row for each ship, or one with an empty cell."""
    texts = [rle.format_rle(ship.runs) for ship in ships] or [""]
    return "".join(map(format_row, [SUBMISSION_HEADER, *((name, text) for text in texts)]))


def draw(analysis: Analysis, layer: Layer) -> npt.NDArray[np.uint8]:
    """Draw a layer, grey or RGB: in the caller's own pixels, or shrunk to `SHOWN_SIDE_PX`.

    Raises:
        Problem: A probability map was not kept.
    """
    size, ships = _shown(analysis)
    if layer is Layer.mask:
        runs = rle.union([ship.runs for ship in ships])
        return rle.runs_to_mask(runs, size).astype(np.uint8) * 255
    if layer is Layer.probability:
        if analysis.probability is None:
            raise Problem("layer-missing", "no probability map is kept of a scene of this size")
        return _resized(analysis.probability, size)
    rgb = _resized(analysis.view.picture.rgb, size)
    return rgb if layer is Layer.picture else draw_overlay(rgb, ships)


def shown_size(shape_hw: tuple[int, int]) -> tuple[int, int]:
    """Give height and width at which a picture is drawn: its own, unless it is very large."""
    height, width = shape_hw
    if height * width <= SHOWN_PIXELS:
        return shape_hw
    scale = min(1.0, SHOWN_SIDE_PX / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _shown(analysis: Analysis) -> tuple[tuple[int, int], tuple[FoundShip, ...]]:
    """Give height and width to draw at, and the ships there."""
    shape_hw = analysis.shape_hw
    size = shown_size(shape_hw)
    if size == shape_hw:
        return size, analysis.ships
    fx, fy = size[1] / shape_hw[1], size[0] / shape_hw[0]
    ships = tuple(
        replace(ship, runs=runs_of(scaled(ship.outline, fx, fy, origin=(0, 0)), size))
        for ship in analysis.ships
    )
    return size, ships


def _resized(pixels: npt.NDArray[np.uint8], size_hw: tuple[int, int]) -> npt.NDArray[np.uint8]:
    if pixels.shape[:2] == size_hw:
        return pixels
    image = Image.fromarray(pixels).resize(size_hw[::-1], Image.Resampling.BILINEAR)
    return np.asarray(image)


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode (H, W) or (H, W, 3) uint8."""
    out = io.BytesIO()
    level = _PNG_LEVEL if pixels.ndim == 3 else _FLAT_LEVEL
    Image.fromarray(pixels).save(out, "PNG", compress_level=level)
    return out.getvalue()


def _text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
