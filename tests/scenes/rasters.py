"""GeoTIFFs for tests, and a detector whose probabilities are the pixels of `inference.pixels`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt
from shapely import Polygon

from shipseg.imaging.gdal import rasterio
from shipseg.inference.detector import Detector
from shipseg.scenes.detect import detect_scene
from shipseg.scenes.open import open_scene
from shipseg.scenes.result import SceneResult

Affine = rasterio.Affine
UTM = {"crs": "EPSG:32610", "transform": Affine(1.5, 0, 500_000, 0, -1.5, 4_200_000)}


def save(path: Path, pixels: npt.NDArray[Any], *, side: int = 256, **profile: Any) -> Path:
    """Write (H, W), (H, W, 3) or (H, W, bands) in tiles, at 1.5 m in UTM unless told otherwise."""
    bands = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    colours = profile.pop("colours", None)
    fields = {
        "driver": "GTiff", "height": bands.shape[1], "width": bands.shape[2],
        "count": bands.shape[0], "dtype": bands.dtype.name, "tiled": True, "blockxsize": side,
        "blockysize": side, **UTM, **profile,
    }  # fmt: skip
    with rasterio.open(path, "w", **fields) as dataset:
        dataset.write(bands)
        if colours is not None:
            dataset.colorinterp = [rasterio.enums.ColorInterp[name] for name in colours]
    return path


def find(detector: Detector, path: Path, **options: Any) -> SceneResult:
    """Find the ships of a file; options that opening takes go there."""
    opening = {k: options.pop(k) for k in ("bands", "gsd_m", "valid_area") if k in options}
    with open_scene(path, **opening) as scene:
        return detect_scene(detector, scene, **options)


def boxes(result: SceneResult) -> list[tuple[int, ...]]:
    """Bounds of the ships, in whole pixels."""
    return [tuple(round(v) for v in ship.outline.bounds) for ship in result.ships]


def iou(one: Polygon, other: Polygon) -> float:
    return float(one.intersection(other).area / one.union(other).area)
