"""Views of single hulls for the refiner, each with a wrong rectangle around it and the true one.

Among them, views of what is no one hull: from those the refiner learns to tell how well a rectangle
fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from shipseg.dataset.augment import degrade, distort_colour
from shipseg.dataset.guesses import WrongGuesses, draw_guess, fit_of
from shipseg.dataset.hull_ships import HullShip, HullShips
from shipseg.dataset.source import TileSource
from shipseg.dataset.stream import SampleName, generator_of
from shipseg.imaging.hull_view import seen_px
from shipseg.rectangle import Rectangle

Rgb = npt.NDArray[np.uint8]


class HullSample(NamedTuple):
    """One hull as the refiner learns it.

    Rectangles are x, y, heading_rad, length, width in pixels of the tile, in the frame of the view:
    from the guess's middle, x along it, mirrored as the view is.

    Attributes:
        image: (64, 128, 3) uint8 RGB, the view that the guess gives.
        seen: (2,) float32, what the view shows along and across, in pixels of the tile.
        guess: (5,) float32, the wrong rectangle: 0, 0, 0, length, width.
        truth: (5,) float32, the true one; the guess itself where there is none to be found.
        is_hull: () bool, whether there is one.
        fit: () float32, the IoU, 0..1, of the guess with the ship that it fits best.
    """

    image: torch.Tensor
    seen: torch.Tensor
    guess: torch.Tensor
    truth: torch.Tensor
    is_hull: torch.Tensor
    fit: torch.Tensor


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
        wrong_share: Share of samples that show no one hull.
        mined: What a segmenter drew on the tiles: index of the tile, and the rectangle.

    Raises:
        ConfigError: The tiles hold no ship that can be learnt from.
    """

    def __init__(
        self,
        source: TileSource,
        *,
        truth_shift_px: float,
        seed: int,
        augment: float,
        wrong_share: float = 0.0,
        mined: Sequence[tuple[int, Rectangle]] = (),
    ) -> None:
        self._seed, self._augment, self._wrong_share = seed, augment, wrong_share
        self._ships = HullShips(source, truth_shift_px)
        self._wrong = WrongGuesses(self._ships.on_tiles, mined, source.table.shape_hw)

    def __getitem__(self, name: SampleName) -> HullSample:
        """Draw the sample of that name."""
        rng = generator_of(self._seed, name)
        if rng.random() < self._wrong_share:
            tile, guess = self._wrong.draw(rng)
            mirror = _mirror(rng)
            tile, view = self._ships.view_on(tile, guess, mirror)
            truth = None
        else:
            ship = self._ships.read(int(rng.integers(len(self._ships))))
            tile, truth = ship.tile, ship.truth
            guess, mirror = draw_guess(truth, rng), _mirror(rng)
            view = self._ships.view(ship, guess, mirror)
        view = degrade(distort_colour(view, rng, self._augment), rng, self._augment)
        return _sample(view, guess, truth, mirror, fit_of(guess, self._ships.on_tiles[tile]))


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
        self._ships, self._guesses = HullShips(source, truth_shift_px), guesses

    def __len__(self) -> int:
        """Return the number of guesses, over all hulls."""
        return len(self._ships) * self._guesses

    def __getitem__(self, index: int) -> HullSample:
        """Return one guess; those at one hull follow each other."""
        ship, guess = self._drawn(index)
        mirror = 1, 1
        view = self._ships.view(ship, guess, mirror)
        fit = fit_of(guess, self._ships.on_tiles[ship.tile])
        return _sample(view, guess, ship.truth, mirror, fit)

    def pose(self, index: int) -> HullPose:
        """Return where on which tile the sample at `index` lies."""
        ship, guess = self._drawn(index)
        return HullPose(ship.image_id, guess, ship.truth)

    def _drawn(self, index: int) -> tuple[HullShip, Rectangle]:
        ship = self._ships.read(index // self._guesses)
        return ship, draw_guess(ship.truth, np.random.default_rng(index))


def _mirror(rng: np.random.Generator) -> tuple[int, int]:
    return 1 - 2 * int(rng.integers(2)), 1 - 2 * int(rng.integers(2))


def _sample(
    view: Rgb, guess: Rectangle, truth: Rectangle | None, mirror: tuple[int, int], fit: float
) -> HullSample:
    found = guess if truth is None else truth
    u, v = guess.from_middle(found.centre_xy[None])[0] * mirror
    turn = (found.heading_rad - guess.heading_rad) * mirror[0] * mirror[1]
    # Headings end at half a turn; a guess may lie on the other side of it.
    turn = (turn + math.pi) % math.tau - math.pi
    return HullSample(
        torch.from_numpy(view.copy()),
        torch.tensor(seen_px(guess), dtype=torch.float32),
        torch.tensor([0, 0, 0, guess.length, guess.width], dtype=torch.float32),
        torch.tensor([u, v, turn, found.length, found.width], dtype=torch.float32),
        torch.tensor(truth is not None),
        torch.tensor(fit, dtype=torch.float32),
    )
