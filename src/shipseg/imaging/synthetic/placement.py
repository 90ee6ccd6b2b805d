"""Where ships lie: free water, quays, rafts of two, never one over another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from shipseg.imaging.synthetic.fleet import FLEET, Kind
from shipseg.imaging.synthetic.pen import OrientedBox
from shipseg.imaging.synthetic.shore import Berth

_COARSE = 4
_TRIES = 40
_CLEARANCE_PX = 4.0


@dataclass(frozen=True, slots=True)
class ShipPlan:
    """One ship to draw.

    Attributes:
        kind: What it is.
        box: Where it lies; the length runs to the bow.
        underway: Whether it makes a wake.
    """

    kind: Kind
    box: OrientedBox
    underway: bool


class Harbourmaster:
    """Finds room for ships."""

    def __init__(
        self,
        rng: np.random.Generator,
        shape_hw: tuple[int, int],
        closed: npt.NDArray[np.bool_],
        berths: Sequence[Berth] = (),
    ) -> None:
        """Open a harbour.

        Args:
            rng: Source of randomness.
            shape_hw: Height and width of the picture, in pixels.
            closed: ``(H, W)`` bool, where no ship may lie: land and thick clouds.
            berths: Quays.
        """
        self._rng = rng
        self._shape_hw = shape_hw
        self._closed = closed
        self._berths = list(berths)
        self._taken = Image.new("L", (shape_hw[1] // _COARSE + 1, shape_hw[0] // _COARSE + 1), 0)
        # Ships at anchor turn with wind and tide: one heading for all.
        self._anchored_rad = float(rng.uniform(0.0, 2.0 * np.pi))
        self._closed_small = closed[::_COARSE, ::_COARSE]

    def place(self, count: int) -> list[ShipPlan]:
        """Place `count` ships; fewer when no room is found for the rest."""
        plans: list[ShipPlan] = []
        while len(plans) < count:
            found = self._place_group(room_for=count - len(plans))
            if not found:
                break
            plans.extend(found)
        return plans

    def _place_group(self, room_for: int) -> list[ShipPlan]:
        """Place one ship, or two side by side; the longest that fits within some tries."""
        for attempt in range(_TRIES):
            # Crowded water gets ever smaller ships.
            longest = 0.75 * min(self._shape_hw) * (1.0 - 0.8 * attempt / _TRIES)
            kind, length, width = self._choose_ship(longest)
            moored = self._berths and self._rng.random() < 0.55
            box = self._berth_box(length, width) if moored else self._open_box(length, width)
            underway = not moored and self._rng.random() < FLEET[kind].underway
            if box is None:
                continue
            if underway:
                turn = float(self._rng.uniform(0.0, 2.0 * np.pi))
                box = OrientedBox(box.centre_xy, length, width, turn)
            if not self._is_free(box, quay=bool(moored)):
                continue
            plans = [ShipPlan(kind, box, underway)]
            if room_for > 1 and not underway and self._rng.random() < 0.2:
                plans.extend(self._alongside(plans[0]))
            for plan in plans:
                self._take(plan.box)
            return plans
        return []

    def _choose_ship(self, longest: float) -> tuple[Kind, float, float]:
        kinds = [kind for kind, facts in FLEET.items() if facts.length_px[0] <= longest]
        kinds = kinds or ["boat"]
        shares = np.array([FLEET[kind].share for kind in kinds])
        kind = kinds[int(self._rng.choice(len(kinds), p=shares / shares.sum()))]
        low, high = FLEET[kind].length_px
        length = low + (max(min(high, longest), low) - low) * float(self._rng.beta(1.1, 1.6))
        return kind, length, length / float(self._rng.uniform(*FLEET[kind].ratio))

    def _open_box(self, length: float, width: float) -> OrientedBox:
        height, width_px = self._shape_hw
        centre = (float(self._rng.uniform(0, width_px)), float(self._rng.uniform(0, height)))
        return OrientedBox(centre, length, width, self._anchored_rad + self._rng.normal(0.0, 0.12))

    def _berth_box(self, length: float, width: float) -> OrientedBox | None:
        berth = self._berths[int(self._rng.integers(len(self._berths)))]
        start, end = np.asarray(berth.start_xy), np.asarray(berth.end_xy)
        quay = float(np.hypot(*(end - start)))
        if quay < 1.05 * length:
            return None
        along = (end - start) / quay
        place = start + along * float(self._rng.uniform(0.52 * length, quay - 0.52 * length))
        # Fenders keep a hull a metre or two off the wall.
        centre = place + np.asarray(berth.outward_xy) * (width / 2 + self._rng.uniform(0.8, 2.0))
        heading = float(np.arctan2(along[1], along[0])) + np.pi * int(self._rng.integers(2))
        return OrientedBox((float(centre[0]), float(centre[1])), length, width, heading)

    def _alongside(self, host: ShipPlan) -> list[ShipPlan]:
        """Return a smaller ship made fast to the host, or none when there is no room."""
        length = host.box.length * float(self._rng.uniform(0.4, 1.0))
        fitting = [k for k, f in FLEET.items() if f.length_px[0] <= length <= f.length_px[1]]
        if not fitting:
            return []
        kind = fitting[int(self._rng.integers(len(fitting)))]
        width = min(length / float(self._rng.uniform(*FLEET[kind].ratio)), 1.1 * host.box.width)
        side = float(self._rng.choice([-1.0, 1.0]))
        across = side * ((host.box.width + width) / 2 + float(self._rng.uniform(0.6, 1.6)))
        along = float(self._rng.uniform(-0.5, 0.5)) * (host.box.length - length)
        x, y = host.box.to_picture([(along, across)])[0]
        turned = host.box.heading_rad + np.pi * int(self._rng.integers(2))
        box = OrientedBox((float(x), float(y)), length, width, turned)
        if not self._is_free(box, quay=True):
            return []
        return [ShipPlan(kind, box, underway=False)]

    def _is_free(self, box: OrientedBox, *, quay: bool) -> bool:
        """Say whether the box lies enough in the picture, on open water, clear of other ships."""
        inside = box.mask(self._shape_hw)
        # A ship may be cut by the picture's edge, but a sliver of one is no ship to find.
        if inside.sum() < max(0.45 * box.length * box.width, 12.0):
            return False
        if quay and (inside & self._closed).sum() > 0:
            return False
        own = self._stamp(box, 0.0 if quay else _CLEARANCE_PX + 0.05 * box.length)
        if (own & np.asarray(self._taken, np.bool_)).any():
            return False
        small = own[: self._closed_small.shape[0], : self._closed_small.shape[1]]
        return quay or not (small & self._closed_small).any()

    def _stamp(self, box: OrientedBox, margin: float) -> npt.NDArray[np.bool_]:
        stamp = Image.new("L", self._taken.size, 0)
        _fill(stamp, box, margin)
        return np.asarray(stamp, np.bool_)

    def _take(self, box: OrientedBox) -> None:
        _fill(self._taken, box, 1.0)


def _fill(image: Image.Image, box: OrientedBox, margin: float) -> None:
    points = [(float(x), float(y)) for x, y in box.corners(margin) / _COARSE]
    ImageDraw.Draw(image).polygon(points, fill=255, outline=255)
