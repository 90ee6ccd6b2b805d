"""Whole pictures: a sea, perhaps a coast and clouds, and ships whose masks are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shipseg.errors import UsageError
from shipseg.imaging.synthetic.clouds import draw_clouds, paint_clouds
from shipseg.imaging.synthetic.coast import paint_coast
from shipseg.imaging.synthetic.fields import shaped_noise
from shipseg.imaging.synthetic.fleet import FLEET
from shipseg.imaging.synthetic.light import Light, choose_light, observe
from shipseg.imaging.synthetic.pen import OrientedBox, Pen, Points, cast_shadow
from shipseg.imaging.synthetic.placement import Harbourmaster, ShipPlan
from shipseg.imaging.synthetic.sea import choose_sea, paint_sea
from shipseg.imaging.synthetic.shore import plan_coast
from shipseg.imaging.synthetic.wakes import paint_wake
from shipseg.rle import TILE_HW, Runs, mask_to_runs

SMALLEST_SIDE_PX = 64

# Airbus's truths are rectangles around the hull, drawn by hand a trace wide.
_TRUTH_MARGIN_PX = 0.4
# A cloud that hides more than this of a ship would make its truth a guess.
_THICK_CLOUD = 0.4
_SHARE_WITH_COAST = 0.3
_SHARE_WITH_CLOUDS = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticScene:
    """A drawn picture and its truth.

    Attributes:
        rgb: ``(H, W, 3)`` uint8.
        ships: One mask per ship, in runs; disjoint. Each is the rectangle around the hull, as in
            the Airbus truths, cut at the picture's edge.
        boxes: The same rectangles, ``(4, 2)`` float64 x, y corners, in pixels, not cut.
    """

    rgb: npt.NDArray[np.uint8]
    ships: tuple[Runs, ...]
    boxes: tuple[Points, ...]


def draw_scene(
    seed: int,
    shape_hw: tuple[int, int] = TILE_HW,
    *,
    ships: int | None = None,
    coast: bool | None = None,
    clouds: bool | None = None,
) -> SyntheticScene:
    """Draw a satellite picture at 1.5 m per pixel.

    The same arguments give the same picture. (Another processor may round the last bit of a float
    differently, which moves a rare pixel by one grey level; another NumPy may draw other numbers.)

    Args:
        seed: Any whole number from 0.
        shape_hw: Height and width in pixels, each at least 64.
        ships: How many ships; fewer only when no water is left for them. None leaves it to the
            seed: a third without, the others one to about ten.
        coast: Whether there is land; None leaves it to the seed.
        clouds: Whether there are clouds; None leaves it to the seed.

    Returns:
        The picture and the masks of its ships.

    Raises:
        UsageError: A negative seed, a side below 64 px, or a negative count.

    Examples:
        >>> scene = draw_scene(7, (128, 128), ships=2)
        >>> scene.rgb.shape, len(scene.ships)
        ((128, 128, 3), 2)
    """
    _check(seed, shape_hw, ships)
    rng = np.random.Generator(np.random.PCG64(seed))
    # All three are drawn in any case: naming one leaves the others as the seed has them.
    chance = rng.random(3)
    with_coast = bool(chance[0] < _SHARE_WITH_COAST) if coast is None else coast
    with_clouds = bool(chance[1] < _SHARE_WITH_CLOUDS) if clouds is None else clouds
    own_count = 0 if chance[2] < 1 / 3 else min(int(rng.geometric(0.4)), 10)
    count = own_count if ships is None else ships

    look = choose_sea(rng)
    light = choose_light(rng, look.colour, look.glint)
    rgb = paint_sea(rng, look, shape_hw, light.to_sun_xy)
    closed = np.zeros(shape_hw, np.bool_)
    shore = plan_coast(rng, shape_hw) if with_coast else None
    if shore is not None:
        paint_coast(rng, rgb, shore, light)
        closed |= shore.land > 0.3
    layer = draw_clouds(rng, shape_hw, light) if with_clouds else None
    if layer is not None:
        closed |= layer.cover > _THICK_CLOUD
    master = Harbourmaster(rng, shape_hw, closed, shore.berths if shore is not None else ())
    plans = master.place(count)
    for plan in plans:
        if plan.underway:
            paint_wake(rng, rgb, plan.box, light, shore.land if shore is not None else None)
    for plan in plans:
        _paint_ship(rng, rgb, plan, light)
    if layer is not None:
        paint_clouds(rgb, layer)
    boxes = [plan.box for plan in plans]
    return SyntheticScene(
        rgb=observe(rng, rgb, light),
        ships=tuple(mask_to_runs(mask) for mask in _disjoint_masks(boxes, shape_hw)),
        boxes=tuple(box.corners(_TRUTH_MARGIN_PX) for box in boxes),
    )


def _paint_ship(
    rng: np.random.Generator, rgb: npt.NDArray[np.float32], plan: ShipPlan, light: Light
) -> None:
    """Draw one ship with its shadow into the picture, in place."""
    box = plan.box
    freeboard_m = 1.5 + 0.05 * box.length
    margin = 4.0 + freeboard_m * float(np.hypot(*light.shadow_xy))
    pen = Pen(box, margin, light.shadow_xy)
    FLEET[plan.kind].draw(pen, rng, box.length, box.width)
    colours, cover = pen.finish()
    # Rust, cargo dust and gear: no deck has one colour.
    height, width = cover.shape
    wear = shaped_noise(
        rng, (height, width), lambda kx, ky: np.reciprocal(np.hypot(kx, ky) + np.float32(0.12))
    )
    colours *= (1.0 + np.float32(rng.uniform(0.05, 0.14)) * wear)[..., None]
    shade = cast_shadow(cover, light.shadow_xy, freeboard_m)

    height, width = rgb.shape[:2]
    left, top = (int(part) for part in pen.origin_xy)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + cover.shape[1], width), min(top + cover.shape[0], height)
    inner = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    patch = rgb[y0:y1, x0:x1]
    patch *= (1.0 - 0.5 * shade[inner])[..., None]
    seen = cover[inner][..., None]
    patch *= 1.0 - seen
    patch += seen * light.through_air(colours[inner])


def _disjoint_masks(
    boxes: list[OrientedBox], shape_hw: tuple[int, int]
) -> list[npt.NDArray[np.bool_]]:
    """Return one mask per box; where two touch, the earlier box keeps the pixel."""
    taken = np.zeros(shape_hw, np.bool_)
    masks = []
    for box in boxes:
        mask = box.mask(shape_hw, _TRUTH_MARGIN_PX) & ~taken
        taken |= mask
        masks.append(mask)
    return masks


def _check(seed: int, shape_hw: tuple[int, int], ships: int | None) -> None:
    if seed < 0:
        raise UsageError(f"found seed {seed}, expected a whole number from 0")
    if min(shape_hw) < SMALLEST_SIDE_PX:
        raise UsageError(
            f"found a scene of {shape_hw[0]} × {shape_hw[1]} px, expected sides of at least "
            f"{SMALLEST_SIDE_PX} px"
        )
    if ships is not None and ships < 0:
        raise UsageError(f"found {ships} ships, expected a count from 0")
