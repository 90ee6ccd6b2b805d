"""Paste real ships onto other water: more ships, seas and neighbours than the tiles hold.

A few hundred tiles hold few ships, and fewer that lie side by side. A ship is cut out along its
mask with a rim of its water, its water's colour is brought to that of the new place, and the rim
fades. Ghiasi et al., Simple Copy-Paste, 2021, for instance segmentation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from scipy import ndimage

from shipseg.dataset.cores import core_of
from shipseg.dataset.source import TileSource
from shipseg.dataset.views import View
from shipseg.rectangle import points_of, rectangle_of
from shipseg.rle import box, crop

Rgb = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

# Longer ships are whole in few crops, and a paste would cover all else.
_MOST_PX, _LEAST_AREA_PX = 150, 40
# A ship shrunk to a boat: by how much at most, and what has to be left of it.
_LEAST_ZOOM, _LEAST_BOAT_PX = 0.35, 14
# The water that goes along, and the ring beyond it whose colour is compared.
_RIM_PX, _RING_PX = 3, 4
_MARGIN_PX = _RIM_PX + _RING_PX + 1
# Standard deviation of grey levels: open water, not a quay or a coast.
_CALM = 14.0
_TRIES = 6


@dataclass(frozen=True, slots=True, eq=False)
class Cutting:
    """A ship cut out of its tile.

    Attributes:
        rgb: (s, s, 3) float32, less the mean colour of the water around it.
        mask: (s, s) bool.
    """

    rgb: npt.NDArray[np.float32]
    mask: Mask


@dataclass(slots=True, eq=False)
class Canvas:
    """A crop that ships are pasted onto, in place.

    Attributes:
        rgb: (S, S, 3) uint8.
        mask: (S, S) bool, all ships.
        core: (S, S) bool, their cores.
    """

    rgb: Rgb
    mask: Mask
    core: Mask


def cut_out(
    source: TileSource,
    image_id: str,
    rgb: Rgb,
    ship: int,
    rng: np.random.Generator,
    *,
    boat: bool = False,
    truth_shift_px: float = 0.0,
) -> Cutting | None:
    """Cut a ship out, turned at random and mildly zoomed.

    Args:
        source: Where the tile comes from.
        image_id: The tile.
        rgb: (H, W, 3) uint8, its pixels.
        ship: Which of its ships.
        rng: Decides angle and zoom.
        boat: Shrink it, to a third at most: tiles hold few small ships, and those are missed.
        truth_shift_px: The labels lie by so much too far right and down.

    Returns:
        The ship; None where it is large, cut by the tile's edge, or not alone on calm water.
    """
    height, width = rgb.shape[:2]
    ships = source.table.ships_of(image_id)
    if ship >= len(ships) or (place := box(ships[ship], height)) is None:
        return None
    x0, y0, x1, y1 = place
    longest = max(x1 - x0, y1 - y0)
    if longest > _MOST_PX or x0 == 0 or y0 == 0 or x1 == width or y1 == height:
        return None
    zoom = float(np.exp(rng.uniform(*((np.log(_LEAST_ZOOM), 0) if boat else (-0.25, 0.25)))))
    # The diagonal, so that the ship fits at any angle; the margin is one of the result's pixels.
    reach = int(np.ceil(np.hypot(x1 - x0, y1 - y0) + 2 * _MARGIN_PX / min(zoom, 1)))
    size = max(16, round(reach * zoom))
    view = View(((x0 + x1) / 2, (y0 + y1) / 2), reach, rng.uniform(0, 2 * np.pi), size)
    left, top, right, bottom = view.window_xyxy
    if left < 0 or top < 0 or right > width or bottom > height:
        return None
    window = left, top, right, bottom
    own = view.cut_mask(crop(ships[ship], rgb.shape[:2], window), (left, top))
    if np.count_nonzero(own) < (_LEAST_BOAT_PX if boat else _LEAST_AREA_PX):
        return None
    near = ndimage.binary_dilation(own, iterations=_RIM_PX)
    ring = ndimage.binary_dilation(near, iterations=_RING_PX) & ~near
    everyone = view.cut_mask(source.mask(image_id, window), (left, top))
    softened = _softened(rgb, window, zoom)
    pixels = view.shifted(-truth_shift_px).cut_rgb(softened).astype(np.float32)
    if (everyone & ~own & (near | ring)).any() or not _is_calm(pixels[ring]):
        return None
    return Cutting(pixels - pixels[ring].mean(axis=0), own)


def _softened(rgb: Rgb, window_xyxy: tuple[int, int, int, int], zoom: float) -> Rgb:
    """Blur a window that will be shrunk, as a coarser sensor would: a view only picks pixels."""
    if zoom > 0.8:
        return rgb
    left, top, right, bottom = window_xyxy
    here = slice(top, bottom), slice(left, right)
    blur = ImageFilter.GaussianBlur(0.45 * (1 / zoom - 1) + 0.2)
    out = rgb.copy()
    out[here] = np.asarray(Image.fromarray(rgb[here]).filter(blur))
    return out


def paste(canvas: Canvas, cutting: Cutting, rng: np.random.Generator, *, raft: int) -> bool:
    """Paste a ship somewhere on calm and free water, in place.

    Args:
        canvas: The crop.
        cutting: The ship.
        rng: Decides where.
        raft: How many more of it lie alongside, one beside the other.

    Returns:
        Whether there was a place.
    """
    size, side = canvas.mask.shape[0], cutting.mask.shape[0]
    if side > size:
        return False
    for _ in range(_TRIES):
        x0, y0 = (int(v) for v in rng.integers(0, size - side + 1, size=2))
        here = slice(y0, y0 + side), slice(x0, x0 + side)
        near = ndimage.binary_dilation(cutting.mask, iterations=_MARGIN_PX)
        if (canvas.mask[here] & near).any() or not _is_calm(canvas.rgb[here][near]):
            continue
        water = canvas.rgb[here][near].mean(axis=0)
        _blend(canvas, cutting, (x0, y0), water, rim=_RIM_PX)
        beside = _alongside(cutting.mask, rng) if raft else np.zeros(2)
        for berth in range(1, raft + 1):
            step = np.rint(berth * beside + rng.uniform(-1, 1, size=2))
            _blend(canvas, cutting, (x0 + int(step[0]), y0 + int(step[1])), water, rim=0)
        return True
    return False


def _blend(
    canvas: Canvas,
    cutting: Cutting,
    place_xy: tuple[int, int],
    water: npt.NDArray[np.floating],
    *,
    rim: int,
) -> None:
    """Lay a ship over the canvas; what lies beyond its edge is lost."""
    size, side = canvas.mask.shape[0], cutting.mask.shape[0]
    x0, y0 = place_xy
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x0 + side, size), min(y0 + side, size)
    if left >= right or top >= bottom:
        return
    here = slice(top, bottom), slice(left, right)
    part = slice(top - y0, bottom - y0), slice(left - x0, right - x0)
    wide = ndimage.binary_dilation(cutting.mask, iterations=rim) if rim else cutting.mask
    fade = ndimage.gaussian_filter(wide.astype(np.float32), 1.2 if rim else 0.6)[part][..., None]
    under = canvas.rgb[here].astype(np.float32)
    mixed = under * (1 - fade) + (cutting.rgb[part] + water) * fade
    canvas.rgb[here] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    canvas.mask[here] |= cutting.mask[part]
    # The one that lies on top hides the core of the one below.
    canvas.core[here] &= ~cutting.mask[part]
    canvas.core[here] |= core_of(cutting.mask)[part]


def _alongside(mask: Mask, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return the step (x, y) to the berth beside a ship."""
    hull = rectangle_of(mask)
    length, beam = np.ptp(hull.from_middle(points_of(mask)), axis=0)
    out = (beam + rng.uniform(0.5, 2.5)) * rng.choice((-1, 1))
    step: npt.NDArray[np.float64] = hull.across * out + hull.along * rng.uniform(-0.3, 0.3) * length
    return step


def _is_calm(pixels: npt.NDArray[np.generic]) -> bool:
    """Whether (n, 3) pixels are those of open water."""
    return bool(len(pixels) and pixels.astype(np.float32).mean(axis=1).std() < _CALM)
