"""GeoJSON: readable by everything, in longitude and latitude."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shapely import MultiPolygon, Polygon
from shapely.geometry import mapping

from shipseg.files import atomic_path
from shipseg.writers.scenes.described import DescribedScene
from shipseg.writers.scenes.geometry import on_wgs84

# RFC 7946, 11.2: about a centimetre.
_DECIMALS = 7


def write_geojson(path: Path, scene: DescribedScene) -> None:
    """Write ships as GeoJSON (RFC 7946), a line for each.

    Without a place on the Earth a ship's geometry is null, as the RFC has it for what is not
    located; its outline in pixels is in the CSV and in the COCO file. The collection's member
    `scene` tells name, size and what was looked at.

    Args:
        path: The file; one already there is replaced.
        scene: What to write.
    """
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type":"FeatureCollection","scene":' + _text(scene_member(scene)))
        file.write(',"features":[')
        ships = zip(scene.result.ships, scene.rows(), strict=True)
        for index, (ship, row) in enumerate(ships):
            feature = {
                "type": "Feature",
                "id": row["number"],
                "geometry": _geometry(on_wgs84(ship.outline, scene.positions)),
                "properties": row,
            }
            file.write((",\n" if index else "\n") + _text(feature))
        file.write("\n]}\n")


def scene_member(scene: DescribedScene) -> dict[str, Any]:
    """Say which scene the ships are of, and how much of it was looked at."""
    result = scene.result
    height, width = result.grid.shape_hw
    km2 = scene.looked_at_km2
    return {
        "name": result.name,
        "width": width,
        "height": height,
        "gsd_m": result.grid.gsd_m,
        "looked_at_px": result.looked_at_px,
        "looked_at_km2": None if km2 is None else round(km2, 6),
        "warnings": list(result.warnings),
    }


def _geometry(shape: Polygon | MultiPolygon | None) -> dict[str, Any] | None:
    if shape is None:
        return None
    found = mapping(shape)
    return {"type": found["type"], "coordinates": _rounded(found["coordinates"])}


def _rounded(nested: Any) -> Any:
    if isinstance(nested, float):
        return round(nested, _DECIMALS)
    return [_rounded(item) for item in nested]


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
