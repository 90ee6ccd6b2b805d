"""The detector: gate, then segmenter where the gate saw something, then ships."""

from __future__ import annotations

import os
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from shipseg import rle
from shipseg.bundle.format import Manifest, load_bundle
from shipseg.errors import BadInputError, UsageError
from shipseg.imaging.decode import Picture, decode_image, read_image
from shipseg.imaging.tiling import Window, pad_to
from shipseg.inference.apart import keep_apart
from shipseg.inference.devices import Device, choose_device
from shipseg.inference.gate_cells import Heat, gate_windows, holding_cells, place_cells
from shipseg.inference.margins import margins_of
from shipseg.inference.outliner import Outlined, Surroundings
from shipseg.inference.outliner_of import outliner_of
from shipseg.inference.regions import segment_region
from shipseg.inference.runtime import GateSession, SegmenterSession
from shipseg.inference.second_look import Gate
from shipseg.inference.ships import Ship, reading_order
from shipseg.inference.windows import heat_beyond, least_side, windows_around

Source = str | os.PathLike[str] | bytes | Picture | npt.NDArray[np.uint8]

# Below every threshold, 0 included: a ship is never seen where the picture shows nothing.
_NODATA = -1.0
# Of a cell that the gate was asked about; 0 means that it was not.
_LEAST_HEAT = np.float32(1e-30)

Maps = dict[Window, npt.NDArray[np.float32]]
"""(2, h, w) by window, probabilities of ship and core; the first below 0 under nodata. The windows
do not overlap."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """What was found in one picture.

    Attributes:
        name: What the caller or the file calls the picture.
        shape_hw: Its height and width in pixels.
        ship_probability: The gate's probability that it holds a ship, 0..1.
        passed: Whether the segmenter was asked.
        ships: The ships, with disjoint masks, ordered by their first pixel, row by row.
        warnings: What decoding had to assume.
    """

    name: str
    shape_hw: tuple[int, int]
    ship_probability: float
    passed: bool
    ships: tuple[Ship, ...]
    warnings: tuple[str, ...] = ()

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """(H, W) bool, all ships together."""
        return rle.runs_to_mask(rle.union([ship.runs for ship in self.ships]), self.shape_hw)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """What the gate says of a picture.

    Attributes:
        probability: Of a ship anywhere in it, 0..1.
        hot: (rows, columns) bool, the cells where the segmenter has to look if the picture passes.
        heat: The probabilities of all cells, which speak for or against what the segmenter finds.
    """

    probability: float
    hot: npt.NDArray[np.bool_]
    heat: Heat


class Detector:
    """Find ships in pictures. Safe to call from several threads.

    Args:
        bundle: Model bundle, a folder or a .zip file; None takes the one inside the package.
        threads: Threads of one call. One is best where several pictures run side by side.
        threshold: Probability at which a pixel is ship; None takes the bundle's.
        gate_threshold: Probability at which a tile passes the gate; None takes the bundle's.
        straighten: Draw rectangles where the bundle says that hulls are, and refine them if it can;
            False leaves every mask as the segmenter drew it.
        device: What runs the graphs: see `shipseg.inference.devices.Device`.

    Raises:
        BundleError: The bundle is incomplete, altered or of another shape than it says.
        MissingDependencyError: The package for the device is not installed.
        UsageError: A threshold is not in 0..1, there are no threads, or no such device.

    Example:
        >>> from shipseg import Detector
        >>> ships = Detector().detect("tile.jpg")  # doctest: +SKIP
        >>> [(ship.score, ship.box_xyxy) for ship in ships]  # doctest: +SKIP
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str] | None = None,
        *,
        threads: int = 1,
        threshold: float | None = None,
        gate_threshold: float | None = None,
        straighten: bool = True,
        device: Device | str = Device.cpu,
    ) -> None:
        if threads < 1:
            raise UsageError(f"threads is {threads}, expected 1 or more")
        self.device = choose_device(device)
        loaded = load_bundle(bundle)
        self.manifest: Manifest = loaded.manifest
        self.threshold = _checked("threshold", threshold, self.manifest.segmenter.threshold)
        self.gate_threshold = _checked(
            "gate threshold", gate_threshold, self.manifest.gate.threshold
        )
        gate = GateSession(loaded, threads=threads, device=self.device)
        self._gate = Gate(gate, self.manifest.gate.doubt)
        self._segmenter = SegmenterSession(loaded, threads=threads, device=self.device)
        self.outliner = outliner_of(
            loaded, threads=threads, device=self.device, straighten=straighten
        )

    def detect(self, source: Source) -> tuple[Ship, ...]:
        """Return the ships of a picture: a path, encoded bytes, a Picture or (H, W, 3) uint8."""
        return self.predict(source).ships

    def classify(self, source: Source) -> float:
        """Return the gate's probability, 0..1, that a picture holds a ship."""
        return self.look(open_picture(source)).probability

    def predict(self, source: Source, *, gated: bool = True, name: str | None = None) -> Detection:
        """Find the ships of a picture, and say how it came to that.

        Args:
            source: A path, encoded bytes, a Picture or (H, W, 3) uint8 RGB.
            gated: False asks the segmenter about the whole picture, whatever the gate says.
            name: What to call the picture; a path's file name by default.

        Raises:
            ImageError: The picture cannot be decoded.
        """
        picture = open_picture(source)
        sighting = self.look(picture)
        maps = self.search(picture, sighting, gated=gated)
        return Detection(
            name=name or _name_of(source),
            shape_hw=picture.shape_hw,
            ship_probability=sighting.probability,
            passed=self.passes(sighting) or not gated,
            ships=self.ships_in(maps, picture, sighting.heat if gated else None),
            warnings=picture.warnings,
        )

    def with_thresholds(
        self, threshold: float | None = None, gate_threshold: float | None = None
    ) -> Detector:
        """Give a detector of other thresholds on the same graphs; None keeps this one's.

        Raises:
            UsageError: A threshold is not in 0..1.
        """
        other = copy(self)
        other.threshold = _checked("threshold", threshold, self.threshold)
        other.gate_threshold = _checked("gate threshold", gate_threshold, self.gate_threshold)
        return other

    def looking_once(self) -> Detector:
        """Give a detector on the same graphs whose gate never looks twice."""
        other = copy(self)
        other._gate = self._gate.once()
        return other

    def passes(self, sighting: Sighting) -> bool:
        """Tell whether the segmenter is to be asked about a picture."""
        return sighting.probability >= self.gate_threshold

    def search(self, picture: Picture, sighting: Sighting, *, gated: bool = True) -> Maps:
        """Ask the segmenter where the gate saw something; nowhere, if the picture did not pass.

        Args:
            picture: The picture.
            sighting: What `look` said of it.
            gated: False asks about the whole picture, whatever the gate said.
        """
        if not gated:
            return self._everywhere(picture)
        return self._around(picture, sighting.hot) if self.passes(sighting) else {}

    def look(self, picture: Picture) -> Sighting:
        """Ask the gate about a picture of any size, in windows of one tile."""
        cell, tile = self.cell_px, self.manifest.gate.tile_size
        hot = np.zeros([-(-side // cell) for side in picture.shape_hw], dtype=np.bool_)
        heat = np.zeros(hot.shape, np.float32)
        best = 0.0
        for window in gate_windows(picture.shape_hw, tile):
            probability, cells = self.glance(crop(picture, window))
            place_cells(heat, cells, window, cell)
            place_cells(hot, self.warm(cells), window, cell)
            best = max(best, probability)
        return Sighting(best, hot & holding_cells(picture, cell), Heat(heat, cell))

    def glance(self, picture: Picture) -> tuple[float, npt.NDArray[np.float32]]:
        """Ask the gate about a picture of at most one tile, or a window of a larger one.

        Returns:
            The probability of a ship, 0..1, and (rows, columns) float32, those of its cells: all 0
            where it does not pass, and where a cell holds no valid pixel. Without one at all the
            gate is not asked.
        """
        settings = self.manifest.gate
        holds = holding_cells(picture, self.cell_px)
        if not holds.any():
            return 0.0, np.zeros(holds.shape, np.float32)
        view = pad_to(picture.rgb, minimum=settings.tile_size)
        factor = settings.tile_size // settings.input_size
        probability, cells = self._gate(np.asarray(Image.fromarray(view).reduce(factor)))
        # Padding and nodata have cells too, which are no place for a ship; and the cells' threshold
        # is far lower than the tile's, for it was chosen on tiles that pass.
        counts = holds & (probability >= self.gate_threshold)
        cells = cells[: holds.shape[0], : holds.shape[1]]
        return probability, np.where(counts, np.maximum(cells, _LEAST_HEAT), np.float32(0))

    def warm(self, cells: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Tell which cells of a `glance` the segmenter has to look at: none where it did not pass.

        What passes is looked at somewhere, at the least where the gate was surest.
        """
        warm = cells >= self.manifest.gate.cell_threshold
        if cells.any():
            warm.flat[np.argmax(cells)] = True
        return warm

    @property
    def cell_px(self) -> int:
        """Side of one of the gate's cells in pixels of the picture."""
        gate = self.manifest.gate
        return gate.stride * (gate.tile_size // gate.input_size)

    @property
    def least_window_px(self) -> int:
        """Least side of what the segmenter is shown."""
        segmenter = self.manifest.segmenter
        return least_side(segmenter.crop_size, segmenter.multiple)

    def segment(self, picture: Picture) -> npt.NDArray[np.float32]:
        """Ask the segmenter about a whole picture.

        Returns:
            (2, H, W) float32, probabilities of ship and core; the first below 0 under nodata.
        """
        height, width = picture.shape_hw
        return self._maps_of(picture, Window(0, 0, width, height))

    def _everywhere(self, picture: Picture) -> Maps:
        height, width = picture.shape_hw
        whole = Window(0, 0, width, height)
        return {whole: self._maps_of(picture, whole)}

    def _around(self, picture: Picture, hot: npt.NDArray[np.bool_]) -> Maps:
        """Segment windows around the hot cells, and go on where a hull runs out of its window.

        When nothing runs out any more, no ship is cut: two windows that share one would have been
        joined. The reach doubles, so that this takes few rounds even where all is ship.
        """
        segmenter = self.manifest.segmenter
        shape_hw = picture.shape_hw
        cell = self.cell_px
        hot, maps, reach, before = hot.copy(), Maps(), 1, -1
        while (count := int(np.count_nonzero(hot))) != before:
            before = count
            regions = windows_around(
                hot, shape_hw, cell_px=cell, margin_cells=1,
                least_px=self.least_window_px, multiple=segmenter.multiple,
            )  # fmt: skip
            maps = {w: maps[w] if w in maps else self._maps_of(picture, w) for w in regions}
            for window, (ship, _) in maps.items():
                heat_beyond(
                    hot, window, ship >= self.threshold, shape_hw,
                    cell_px=cell, reach_cells=reach,
                )  # fmt: skip
            reach *= 2
        return maps

    def _maps_of(self, picture: Picture, window: Window) -> npt.NDArray[np.float32]:
        maps = segment_region(
            self._segmenter, picture.rgb[window.slices],
            least_px=self.least_window_px, multiple=self.manifest.segmenter.multiple,
        )  # fmt: skip
        if picture.valid is not None:
            maps[0, ~picture.valid[window.slices]] = _NODATA
        return maps

    def ships_in(self, maps: Maps, picture: Picture, heat: Heat | None = None) -> tuple[Ship, ...]:
        """Take the ships out of maps.

        Args:
            maps: From `search`.
            picture: The picture.
            heat: From `look`: what the gate has to say of them. None reports what it would refuse.

        Returns:
            Ordered by their first pixel, row by row.
        """
        return tuple(ship for _, ship in self.outlines_in(maps, picture, heat))

    def outlines_in(
        self, maps: Maps, picture: Picture, heat: Heat | None = None
    ) -> list[tuple[Outlined, Ship]]:
        """Give each of `ships_in` along with how it was drawn and what speaks for it."""
        shape_hw = picture.shape_hw

        def read(window: Window) -> npt.NDArray[np.uint8]:
            return picture.rgb[window.slices]

        ships = list[Outlined]()
        for window, found in maps.items():
            levels = margins_of(found[0] < 0, window, shape_hw)
            around = Surroundings((window.x0, window.y0), shape_hw, levels, read, heat)
            for mask in self.outliner.masks_in(found, around, threshold=self.threshold):
                ship = self.outliner.outlined(mask, around)
                if ship is not None:
                    ships.append(ship)
        apart = keep_apart([ship.drawn for ship in ships], [ship.straight for ship in ships])
        # Row by row over the whole picture, not window by window.
        pairs = zip(ships, apart, strict=True)
        return sorted(pairs, key=lambda pair: reading_order(pair[1]))


def open_picture(source: Source) -> Picture:
    """Bring any source into the form of a decoded picture.

    Raises:
        BadInputError: An array of another shape or dtype than (H, W, 3) uint8.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, bytes):
        return decode_image(source)
    if isinstance(source, np.ndarray):
        if source.ndim != 3 or source.shape[2] != 3 or source.dtype != np.uint8:
            raise BadInputError(
                f"the array is {source.shape} {source.dtype}, expected (H, W, 3) uint8 RGB"
            )
        if source.size == 0:
            raise BadInputError(f"the array is {source.shape}: it holds no pixel")
        return Picture(np.ascontiguousarray(source))
    return read_image(source)


def _name_of(source: Source) -> str:
    return Path(source).name if isinstance(source, (str, os.PathLike)) else "image"


def crop(picture: Picture, window: Window) -> Picture:
    """Cut a window out of a picture, as views."""
    valid = None if picture.valid is None else picture.valid[window.slices]
    return Picture(picture.rgb[window.slices], valid)


def _checked(name: str, given: float | None, default: float) -> float:
    value = default if given is None else given
    # Written so that NaN fails as well.
    if not 0 <= value <= 1:
        raise UsageError(f"the {name} is {value}, expected a number in 0..1")
    return value
