"""The ships' mask as a cloud-optimised GeoTIFF on the scene's own grid."""

from __future__ import annotations

import math
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shapely import Polygon

from shipseg.files import atomic_path
from shipseg.imaging.gdal import rasterio
from shipseg.imaging.tiling import Window
from shipseg.scenes.result import SceneResult

import rasterio.shutil  # isort: skip
from rasterio.features import rasterize  # isort: skip

SHIP = 255
_BLOCK_PX = 512
# In bytes, as rasterio takes it.
_CACHE = 64 * 1024**2
# Below this area an outline may lie between the middles of pixels.
_TINY_PX = 4


def write_scene_mask(path: Path, result: SceneResult) -> None:
    """Write a mask of one byte a pixel: 255 where there is ship, 0 elsewhere.

    Same CRS, transform and shape as the scene. Only blocks with ships are drawn and only blocks are
    held, whatever the scene's size. In the overviews a pixel is the root mean square of what it
    covers, so that a ship stays visible.

    Args:
        path: The file; one already there is replaced.
        result: What was found.
    """
    height, width = result.grid.shape_hw
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 1, "height": height, "width": width,
        "crs": result.grid.crs, "tiled": True, "blockxsize": _BLOCK_PX, "blockysize": _BLOCK_PX,
        "compress": "deflate", "sparse_ok": True, "bigtiff": "if_safer",
    }  # fmt: skip
    if not result.grid.transform.is_identity:
        profile["transform"] = result.grid.transform
    with (
        atomic_path(path) as beside,
        tempfile.TemporaryDirectory(prefix=".mask.", dir=beside.parent) as folder,
        # No sidecar files, and a cache that does not grow with the machine's memory.
        rasterio.Env(GDAL_PAM_ENABLED="NO", GDAL_CACHEMAX=_CACHE),
    ):
        # COG is written by copying alone: its overviews come before its pixels.
        draft = os.fspath(Path(folder, "draft.tif"))
        with rasterio.open(draft, "w", **profile) as target:
            outlines = [ship.outline for ship in result.ships]
            for window, block in ship_blocks(outlines, (height, width)):
                rows, columns = (window.y0, window.y1), (window.x0, window.x1)
                target.write(block, 1, window=(rows, columns))
        beside.unlink()
        rasterio.shutil.copy(
            draft, os.fspath(beside), driver="COG", compress="DEFLATE", blocksize=_BLOCK_PX,
            overview_resampling="RMS", sparse_ok=True, bigtiff="IF_SAFER",
        )  # fmt: skip


def ship_blocks(
    outlines: Sequence[Polygon], shape_hw: tuple[int, int], side: int = _BLOCK_PX
) -> Iterator[tuple[Window, npt.NDArray[np.uint8]]]:
    """Draw ships block by block, row by row.

    A pixel is ship where its middle lies in an outline; an outline around no middle gets the pixels
    that it touches, so that no ship is lost.

    Args:
        outlines: In pixels.
        shape_hw: Height and width of the scene.
        side: Of a block.

    Yields:
        Blocks that ships reach: window, and (h, w) uint8 of 0 and 255.
    """
    height, width = shape_hw
    found: dict[tuple[int, int], list[Polygon]] = defaultdict(list)
    for outline in outlines:
        x0, y0, x1, y1 = outline.bounds
        for row in range(int(y0) // side, min(int(y1), height - 1) // side + 1):
            for column in range(int(x0) // side, min(int(x1), width - 1) // side + 1):
                found[row, column].append(outline)
    for row, column in sorted(found):
        x, y = column * side, row * side
        window = Window(x, y, min(x + side, width), min(y + side, height))
        block = _draw(found[row, column], window)
        # An outline may touch a block and cover no pixel of it.
        if block.any():
            yield window, block


def _draw(outlines: Sequence[Polygon], window: Window) -> npt.NDArray[np.uint8]:
    block = _burn(outlines, window)
    for outline in outlines:
        if outline.area < _TINY_PX and not _burn([outline], _around(outline)).any():
            block |= _burn([outline], window, all_touched=True)
    return block


def _burn(outlines: Sequence[Polygon], window: Window, **options: Any) -> npt.NDArray[np.uint8]:
    burnt: npt.NDArray[np.uint8] = rasterize(
        outlines, out_shape=window.shape_hw, default_value=SHIP, dtype="uint8",
        transform=rasterio.Affine.translation(window.x0, window.y0), **options,
    )  # fmt: skip
    return burnt


def _around(outline: Polygon) -> Window:
    x0, y0, x1, y1 = outline.bounds
    return Window(math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1))
