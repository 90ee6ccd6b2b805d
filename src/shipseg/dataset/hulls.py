"""Views of single hulls for the refiner, each with a wrong rectangle around it and the true one."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from shipseg.dataset.augment import degrade, distort_colour
from shipseg.dataset.salvage import Salvage
from shipseg.dataset.source import TileSource
from shipseg.dataset.stream import SampleName, generator_of
from shipseg.errors import BadInputError, ConfigError
from shipseg.imaging.hull_view import hull_view, seen_px, window_of
from shipseg.imaging.tiling import Window
from shipseg.rectangle import Rectangle, points_of, rectangle_of
from shipseg.rle import area, box, crop

Rgb = npt.NDArray[np.uint8]

# A smaller ship has no sides to speak of.
_LEAST_AREA_PX = 30
# A mask is nearly its rectangle where this share of it lies inside, and the areas differ by less.
_INSIDE, _AREA_OFF = 0.93, 0.07
# Guesses are near, as usual or far off: by how much all that follows is multiplied, and how often.
_SCALES, _SCALE_SHARES = (0.4, 1.0, 1.8), (0.3, 0.5, 0.2)
# Mean and deviation of the logarithm of the sides' ratios: segmenters draw ships a little short and
# wide.
_LENGTH_LOG, _WIDTH_LOG = (-0.03, 0.09), (0.05, 0.17)
# Deviation of the middle: a share of the side and some pixels.
_ALONG, _ACROSS = (0.035, 0.6), (0.07, 0.5)
# Deviation of the heading in radians, and what a square ship has more than a needle.
_TURN, _TURN_STOUT = 0.035, 0.075
# The least sides of a guess: in pixels, and the length as a share of the width.
_LEAST_LENGTH_PX, _LEAST_WIDTH_PX, _LEAST_RATIO = 4.0, 2.5, 0.8
# What is kept of a tile is enough for a guess whose sides are by so much too long, and wide.
_KEPT_LENGTHS, _KEPT_WIDTHS = 1.4, 2.0
_KEPT_BYTES = 256 * 2**20


class HullSample(NamedTuple):
    """One hull as the refiner learns it.

    Rectangles are x, y, heading_rad, length, width in pixels of the tile, in the frame of the view:
    from the guess's middle, x along it, mirrored as the view is.

    Attributes:
        image: (64, 128, 3) uint8 RGB, the view that the guess gives.
        seen: (2,) float32, what the view shows along and across, in pixels of the tile.
        guess: (5,) float32, the wrong rectangle: 0, 0, 0, length, width.
        truth: (5,) float32, the true one.
    """

    image: torch.Tensor
    seen: torch.Tensor
    guess: torch.Tensor
    truth: torch.Tensor


class HullPose(NamedTuple):
    """A hull on its tile, and a guess at it.

    Attributes:
        image_id: The tile.
        guess: The wrong rectangle, in pixels of the tile.
        truth: The true one.
    """

    image_id: str
    guess: Rectangle
    truth: Rectangle


class Hulls(Dataset[HullSample]):
    """Random hulls with random guesses: ships are drawn one by one, not by tile.

    Args:
        source: Tiles and truth.
        truth_shift_px: The labels lie by so much too far right and down.
        seed: The run's seed.
        augment: Strength of the augmentation, 0..1.

    Raises:
        ConfigError: The tiles hold no ship that can be learnt from.
    """

    def __init__(
        self, source: TileSource, *, truth_shift_px: float, seed: int, augment: float
    ) -> None:
        self._seed, self._augment = seed, augment
        self._ships = _Ships(source, truth_shift_px)

    def __getitem__(self, name: SampleName) -> HullSample:
        """Draw the sample of that name."""
        rng = generator_of(self._seed, name)
        ship = self._ships.read(int(rng.integers(len(self._ships))))
        guess = draw_guess(ship.truth, rng)
        mirror = 1 - 2 * int(rng.integers(2)), 1 - 2 * int(rng.integers(2))
        view = distort_colour(self._ships.view(ship, guess, mirror), rng, self._augment)
        view = degrade(view, rng, self._augment)
        return _sample(view, guess, ship.truth, mirror)


class HullsPlain(Dataset[HullSample]):
    """Every hull with the same few guesses each time, in its own colours, for validation.

    Args:
        source: Tiles and truth.
        truth_shift_px: The labels lie by so much too far right and down.
        guesses: Of each hull.

    Raises:
        ConfigError: The tiles hold no ship that can be measured on.
    """

    def __init__(self, source: TileSource, *, truth_shift_px: float, guesses: int = 4) -> None:
        self._ships, self._guesses = _Ships(source, truth_shift_px), guesses

    def __len__(self) -> int:
        """Return the number of guesses, over all hulls."""
        return len(self._ships) * self._guesses

    def __getitem__(self, index: int) -> HullSample:
        """Return one guess; those at one hull follow each other."""
        ship, guess = self._drawn(index)
        mirror = 1, 1
        return _sample(self._ships.view(ship, guess, mirror), guess, ship.truth, mirror)

    def pose(self, index: int) -> HullPose:
        """Return where on which tile the sample at `index` lies."""
        ship, guess = self._drawn(index)
        return HullPose(ship.image_id, guess, ship.truth)

    def _drawn(self, index: int) -> tuple[_Ship, Rectangle]:
        ship = self._ships.read(index // self._guesses)
        return ship, draw_guess(ship.truth, np.random.default_rng(index))


def draw_guess(truth: Rectangle, rng: np.random.Generator) -> Rectangle:
    """Draw a rectangle that is wrong the way a segmenter's are.

    Args:
        truth: The true one.
        rng: Decides.

    Returns:
        Another one, its short axis a quarter turn from x towards y behind the long one.
    """
    scale = rng.choice(_SCALES, p=_SCALE_SHARES)
    length = truth.length * math.exp(scale * rng.normal(*_LENGTH_LOG))
    width = truth.width * math.exp(scale * rng.normal(*_WIDTH_LOG))
    length = max(length, width * _LEAST_RATIO, _LEAST_LENGTH_PX)
    width = max(width, _LEAST_WIDTH_PX)
    along = scale * rng.normal(0, _ALONG[0] * truth.length + _ALONG[1])
    across = scale * rng.normal(0, _ACROSS[0] * truth.width + _ACROSS[1])
    stout = min(1.0, truth.width / truth.length)
    heading = truth.heading_rad + scale * rng.normal(0, _TURN + _TURN_STOUT * stout)
    centre = truth.centre_xy + along * truth.along + across * truth.across
    return rectangle_at(centre, heading, length, width)


def rectangle_at(
    centre_xy: npt.NDArray[np.float64], heading_rad: float, length: float, width: float
) -> Rectangle:
    """Return a rectangle whose short axis is a quarter turn from x towards y behind its long one.

    Moments leave the axes' signs open; a view and its moves need them to be of one hand.

    Args:
        centre_xy: (2,) its middle.
        heading_rad: Direction of the long axis, from x towards y.
        length: Its long side.
        width: Its short side.
    """
    cos, sin = math.cos(heading_rad), math.sin(heading_rad)
    return Rectangle(centre_xy, np.array([cos, sin]), np.array([-sin, cos]), length, width)


@dataclass(frozen=True, slots=True)
class _Ship:
    """A hull and the pixels around it, `around` on its tile."""

    tile: int
    image_id: str
    truth: Rectangle
    around: Window
    rgb: Rgb


class _Ships:
    """The ships of a source that have a rectangle to learn, and the pixels around them.

    Decoding a tile for every view costs nearly as much as the network's step on it, so the pixels
    around ships are kept once they were read: up to 256 MiB in each process that reads, some 5,000
    ships, those used last.

    Args:
        source: Tiles and truth.
        truth_shift_px: The labels lie by so much too far right and down.

    Raises:
        ConfigError: There is no such ship.
    """

    def __init__(self, source: TileSource, truth_shift_px: float) -> None:
        self._source, self._salvage = source, Salvage(source)
        self._hulls = [
            (index, replace(truth, centre_xy=truth.centre_xy - truth_shift_px))
            for index, image_id in enumerate(source.image_ids)
            for truth in hulls_of(source, image_id)
        ]
        if not self._hulls:
            raise ConfigError(
                f"none of the {source.table.ship_count} ships on {len(source)} tiles is nearly a "
                f"rectangle of {_LEAST_AREA_PX} pixels or more, clear of the tile's edge; "
                "the refiner has nothing to go by"
            )
        self._kept: OrderedDict[int, _Ship] = OrderedDict()
        self._kept_bytes = 0

    def __len__(self) -> int:
        """Return the number of ships."""
        return len(self._hulls)

    def read(self, number: int) -> _Ship:
        """Return a ship with its pixels, or the next one whose tile is not broken.

        Raises:
            BadInputError: There is none.
        """
        for step in range(len(self)):
            ship = self._read((number + step) % len(self))
            if ship is not None:
                return ship
        raise BadInputError(
            f"none of the tiles with the {len(self)} ships to learn from can be read",
            hint=f"the warnings above say why; check the folder '{self._source.folder}'",
        )

    def view(self, ship: _Ship, guess: Rectangle, mirror: tuple[int, int]) -> Rgb:
        """Return the (64, 128, 3) uint8 view that a guess gives of a ship."""
        window = window_of(guess, self._source.table.shape_hw)
        around, rgb = ship.around, ship.rgb
        if not _holds(around, window):
            # Of a ship that was read the tile is whole.
            around, rgb = self._whole, self._salvage.read(ship.tile)[1]
        rows = slice(window.y0 - around.y0, window.y1 - around.y0)
        columns = slice(window.x0 - around.x0, window.x1 - around.x0)
        return hull_view(rgb[rows, columns], window, guess, mirror)

    @property
    def _whole(self) -> Window:
        height, width = self._source.table.shape_hw
        return Window(0, 0, width, height)

    def _read(self, number: int) -> _Ship | None:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        tile, truth = self._hulls[number]
        image_id, rgb = self._salvage.read(tile)
        if image_id != self._source.image_ids[tile]:
            # Another tile stands in, and this ship is not on it.
            return None
        large = replace(
            truth, length=truth.length * _KEPT_LENGTHS, width=truth.width * _KEPT_WIDTHS
        )
        around = window_of(large, self._source.table.shape_hw)
        ship = _Ship(tile, image_id, truth, around, rgb[around.slices].copy())
        self._kept[number] = ship
        self._kept_bytes += ship.rgb.nbytes
        while self._kept_bytes > _KEPT_BYTES:
            self._kept_bytes -= self._kept.popitem(last=False)[1].rgb.nbytes
        return ship


def hulls_of(source: TileSource, image_id: str) -> list[Rectangle]:
    """Return the rectangles of a tile's ships that are large, whole and straight enough.

    Args:
        source: Tiles and truth.
        image_id: A tile of it.

    Returns:
        In pixels of the tile, in the table's order; ships of fewer than 30 pixels, at the tile's
        edge, or of a form that is no rectangle are left out.
    """
    found = []
    height, width = shape_hw = source.table.shape_hw
    for runs in source.table.ships_of(image_id):
        bounds = box(runs, height)
        if bounds is None or area(runs) < _LEAST_AREA_PX:
            continue
        x0, y0, x1, y1 = bounds
        if x0 == 0 or y0 == 0 or x1 == width or y1 == height:
            continue
        mask = crop(runs, shape_hw, bounds)
        rectangle = rectangle_of(mask)
        points = points_of(mask)
        sides = np.array([rectangle.length, rectangle.width])
        inside = (np.abs(rectangle.from_middle(points)) <= sides / 2).all(axis=1).mean()
        fill = len(points) / (rectangle.length * rectangle.width)
        if inside >= _INSIDE and abs(fill - 1) < _AREA_OFF:
            centre = rectangle.centre_xy + np.array([x0, y0])
            length, breadth = rectangle.length, rectangle.width
            found.append(rectangle_at(centre, rectangle.heading_rad, length, breadth))
    return found


def _holds(outer: Window, inner: Window) -> bool:
    return (
        outer.x0 <= inner.x0
        and outer.y0 <= inner.y0
        and inner.x1 <= outer.x1
        and inner.y1 <= outer.y1
    )


def _sample(view: Rgb, guess: Rectangle, truth: Rectangle, mirror: tuple[int, int]) -> HullSample:
    u, v = guess.from_middle(truth.centre_xy[None])[0] * mirror
    turn = (truth.heading_rad - guess.heading_rad) * mirror[0] * mirror[1]
    # Headings end at half a turn; a guess may lie on the other side of it.
    turn = (turn + math.pi) % math.tau - math.pi
    return HullSample(
        torch.from_numpy(view.copy()),
        torch.tensor(seen_px(guess), dtype=torch.float32),
        torch.tensor([0, 0, 0, guess.length, guess.width], dtype=torch.float32),
        torch.tensor([u, v, turn, truth.length, truth.width], dtype=torch.float32),
    )
