"""Ships of a scene in constant memory: the gate everywhere, the segmenter around what it saw.

Both passes go through windows; what stays is a flag and a probability for each of the gate's
cells, and the pixels that are ship. A cluster of cells that fits a window is looked at exactly as
`Detector.predict` looks at it, so on a scene that fits into memory both find the same. A larger
cluster is looked at square by square (`shipseg.scenes.looks`), and the squares' answers are blended
across their borders (`shipseg.scenes.joining`), where `Detector.predict` shows the segmenter larger
windows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from shipseg.errors import BadInputError
from shipseg.imaging.tiling import Window
from shipseg.inference.detector import Detector
from shipseg.inference.gate_cells import Heat, gate_windows, place_cells
from shipseg.inference.windows import heat_beyond
from shipseg.parallel import in_order, worker_count
from shipseg.scenes import cells
from shipseg.scenes.blobs import Blob, blobs_of, pack_blobs, unpack_blobs
from shipseg.scenes.cells import Cells
from shipseg.scenes.joining import Joiner
from shipseg.scenes.journal import Journal
from shipseg.scenes.looks import WHOLE_PX, Look, known_sides, plan_looks, sides_of
from shipseg.scenes.open import Scene
from shipseg.scenes.outlines import Candidate, candidates_of, reading_order, settled
from shipseg.scenes.result import SceneResult

Progress = Callable[[str, int, int], None]
"""Called with a stage, finished windows and windows of this stage."""

# What is kept of blobs, in bytes; each pixel of a blob's box takes eight.
_MOST_BYTES = 256 * 1024**2

Found = dict[Look, list[Blob]]
Grid = TypeVar("Grid")


def detect_scene(
    detector: Detector,
    scene: Scene,
    *,
    journal: Journal | None = None,
    workers: int | None = 1,
    gated: bool = True,
    whole_px: int = WHOLE_PX,
    progress: Progress | None = None,
) -> SceneResult:
    """Find the ships of an open scene.

    The result is the same whatever the workers, and whether a journal helped.

    Args:
        detector: With one thread per call.
        scene: From `shipseg.scenes.open.open_scene`.
        journal: Finished work of an earlier run, and where this run's is noted.
        workers: Windows at a time, each of up to 340 MB; None takes one per core.
        gated: False asks the segmenter wherever there is data.
        whole_px: Largest side of a cluster of hot cells that is segmented in one go.
        progress: Told of every finished window.

    Raises:
        ImageError: The file is truncated or corrupt.
        BadInputError: So much is ship that it cannot be one, or the journal is damaged.
        UsageError: `workers` is below 1.
    """
    work = _Work(detector, scene, journal or Journal(None, ""), worker_count(workers), progress)
    hot, heat, looked_at = work.gate(gated=gated)
    found = work.segment(hot, whole_px)
    blobs, apart = Joiner(found).blobs()
    ships = settled(work.candidates(blobs, heat), scene)
    warnings = scene.warnings
    if apart:
        warnings += (f"{apart} pieces, larger together than any ship, were left apart",)
    return SceneResult(
        scene.name, scene.grid, tuple(sorted(ships, key=reading_order)), looked_at, warnings
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """The two passes over one scene."""

    detector: Detector
    scene: Scene
    journal: Journal
    workers: int
    progress: Progress | None

    def gate(self, *, gated: bool) -> tuple[Cells, Heat | None, int]:
        """Ask the gate about every window.

        Returns:
            The hot cells; what the gate says of all, None where it was not to be asked; and how
            many scene pixels hold data.
        """
        cell, shape_hw = self.detector.cell_px, self.scene.shape_hw
        hot = np.zeros(cells.grid_hw(shape_hw, cell), np.bool_)
        heat = np.zeros(hot.shape, np.float32)
        holding, counted = np.zeros_like(hot), 0
        windows = gate_windows(shape_hw, self.detector.manifest.gate.tile_size)
        shares = cells.first_seen(windows)

        def glance(index: int) -> list[Any]:
            return self._glance(windows[index], shares[index], gated=gated)

        names = [f"gate {window.x0} {window.y0}" for window in windows]
        with closing(self._run("gate", names, glance)) as results:
            for index, (warmth, holds, count) in results:
                window = windows[index]
                place = cells.place_of(window, cell)
                found = _unpacked(cells.unpack_heat, warmth, cells.grid_hw(window.shape_hw, cell))
                place_cells(heat, found, window, cell)
                place_cells(hot, self.detector.warm(found), window, cell)
                holding[place] |= _unpacked(cells.unpack_cells, holds, holding[place].shape)
                counted += count
        height, width = self.scene.grid.shape_hw
        area = self.scene.rows.factor * self.scene.columns.factor
        looked_at = min(round(counted * area), height * width)
        return (hot & holding, Heat(heat, cell), looked_at) if gated else (holding, None, looked_at)

    def _glance(self, window: Window, share: Window, *, gated: bool) -> list[Any]:
        """Give the cells' heat, which of them hold data, both packed, and the pixels of data."""
        picture = self.scene.read(window)
        valid = picture.valid
        if valid is None:
            valid = np.ones(window.shape_hw, np.bool_)
        heat = self.detector.glance(picture)[1] if gated else np.zeros((1, 1), np.float32)
        holds = cells.holding_cells(valid, window, self.detector.cell_px)
        count = np.count_nonzero(valid[share.y0 - window.y0 :, share.x0 - window.x0 :])
        return [cells.pack_heat(heat), cells.pack_cells(holds), int(count)]

    def segment(self, hot: Cells, whole_px: int) -> Found:
        """Look around the hot cells, and go on where a hull runs out of what was looked at.

        As `Detector.predict` does it: the reach doubles, and when nothing runs out any more, no
        ship is cut.
        """
        spec, cell = self.detector.manifest.segmenter, self.detector.cell_px
        shape_hw = self.scene.shape_hw
        hot, found, reach, before = hot.copy(), Found(), 1, -1
        while (count := int(np.count_nonzero(hot))) != before:
            before = count
            looks = plan_looks(
                hot, shape_hw, cell_px=cell, least_px=self.detector.least_window_px,
                multiple=spec.multiple, whole_px=whole_px,
            )  # fmt: skip
            found = self._look_at(looks, found)
            sides, joiner = sides_of(looks), Joiner(found)
            for look in found:
                heat_beyond(
                    hot, look.core, joiner.ship_in(look), shape_hw,
                    cell_px=cell, reach_cells=reach, known=known_sides(look.core, sides),
                )  # fmt: skip
            reach *= 2
        return found

    def candidates(self, blobs: Iterable[Blob], heat: Heat | None) -> list[Candidate]:
        """Part blobs into ships, in order; a refiner reads the scene around each again."""

        def outline(blob: Blob) -> list[Candidate]:
            return candidates_of(self.detector, self.scene, blob, heat)

        with closing(in_order(outline, blobs, self.workers)) as results:
            return [one for found in results for one in found]

    def _look_at(self, looks: list[Look], known: Found) -> Found:
        """Look where it is not known yet what is there."""
        found = {look: known.get(look, []) for look in looks}
        new = [look for look in looks if look not in known]
        size = sum(blob.maps.nbytes for blobs in found.values() for blob in blobs)

        def look_at(index: int) -> Any:
            return pack_blobs(self._blobs(new[index]))

        with closing(self._run("segmenter", [look.name for look in new], look_at)) as results:
            for index, packed in results:
                blobs = unpack_blobs(packed)
                found[new[index]] = blobs
                size += sum(blob.maps.nbytes for blob in blobs)
                if size > _MOST_BYTES:
                    raise BadInputError(
                        f"{self.scene.name}: ships would fill more than {size // 8:,} pixels",
                        hint="see that --bands and --gsd are right, or raise --threshold",
                    )
        return found

    def _blobs(self, look: Look) -> list[Blob]:
        picture = self.scene.read(look.read)
        nodata = None if picture.valid is None else ~picture.valid
        if nodata is not None and nodata.all():
            return []
        maps = self.detector.segment(picture)
        return blobs_of(maps, nodata, look, self.scene.shape_hw, threshold=self.detector.threshold)

    def _run(
        self, stage: str, names: list[str], work: Callable[[int], Any]
    ) -> Generator[tuple[int, Any], None, None]:
        """Work on what the journal does not have; results come in order, known ones as well.

        Closed, it waits for its threads: none reads a scene that is closed meanwhile.
        """
        journal = self.journal
        # Known before the threads begin: what they find is noted while they run.
        new = [index for index, name in enumerate(names) if name not in journal]
        with closing(in_order(work, new, self.workers)) as results:
            for index, name in enumerate(names):
                if name in journal:
                    result = journal[name]
                else:
                    result = next(results)
                    journal.write(name, result)
                if self.progress is not None:
                    self.progress(stage, index + 1, len(names))
                yield index, result


def _unpacked(
    unpack: Callable[[str, tuple[int, int]], Grid], text: str, shape_hw: tuple[int, int]
) -> Grid:
    try:
        return unpack(text, shape_hw)
    except ValueError as error:
        raise BadInputError("a journal's line is damaged", hint="start without --resume") from error
