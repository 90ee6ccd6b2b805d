"""Scenes with ships, drawn: the raster, and the result that finding its ships would give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from shapely import Polygon, box

from shipseg.imaging.gdal import rasterio
from shipseg.scenes.grid import pixel_size_m
from shipseg.scenes.result import Grid, SceneResult, SceneShip

Affine = rasterio.Affine
SHAPE_HW = (300, 420)
RING = Polygon(box(200, 40, 240, 60).exterior.coords, [box(210, 45, 230, 50).exterior.coords])
SLANTED = Polygon([(100, 200), (103, 197), (160, 230), (157, 236), (150, 236), (100, 205)])

PLACES = {
    "utm": (32633, Affine(1.5, 0, 440_000, 0, -1.5, 4_516_000)),
    "mercator": (3857, Affine(3, 0, 2_771_000, 0, -3, 8_435_000)),
    "degrees": (4326, Affine(1e-5, 0, 103.8, 0, -1e-5, 1.2)),
    "rotated": (32633, Affine.translation(440_000, 4_516_000) @ Affine.rotation(30)
                @ Affine.scale(1.5, -1.5)),
    "antimeridian": (4326, Affine(1e-5, 0, 180 - 220e-5, 0, -1e-5, -17.0)),
    "nowhere": (None, Affine.identity()),
}  # fmt: skip


def ships() -> list[SceneShip]:
    """A hull with a hole, one over a block's border, a slanted one, a cut one, and a speck."""
    found = [
        SceneShip(RING, 0.93, False),
        SceneShip(box(20, 10, 60, 22), 0.51, False),
        SceneShip(SLANTED, 0.7, False),
        SceneShip(box(380, 150, 420, 162), 0.1234567, True),
        SceneShip(box(300.6, 250.6, 301.4, 251.4), 1.0, False),
    ]
    return sorted(found, key=lambda ship: (ship.outline.bounds[1], ship.outline.bounds[0]))


def result_at(place: str = "utm", *, name: str = "scene.tif") -> SceneResult:
    epsg, transform = PLACES[place]
    crs = None if epsg is None else rasterio.crs.CRS.from_epsg(epsg)
    sizes = pixel_size_m(SHAPE_HW, transform, crs)
    grid = Grid(SHAPE_HW, transform, crs, None if sizes is None else sum(sizes) / 2)
    return SceneResult(name, grid, ships(), 100_000, ("a warning",))


def empty(place: str = "utm") -> SceneResult:
    found = result_at(place)
    return SceneResult(found.name, found.grid, [], 0)


def write_raster(path: Path, result: SceneResult, *, dtype: str = "uint16") -> Path:
    """Dark water with bright ships, a nodata edge at the left."""
    height, width = result.grid.shape_hw
    bands = np.random.default_rng(1).normal(900, 30, (3, height, width))
    for ship in result.ships:
        x0, y0, x1, y1 = (int(v) for v in ship.outline.bounds)
        bands[:, y0 : y1 + 1, x0 : x1 + 1] += 1500
    bands[:, :, :5] = 0
    if dtype == "uint8":
        bands /= 10
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=3, dtype=dtype, nodata=0,
        crs=result.grid.crs, transform=result.grid.transform, photometric="RGB",
    ) as target:  # fmt: skip
        target.write(bands.astype(dtype))
    return path
