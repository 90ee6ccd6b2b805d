"""Ships of a scene in constant memory: the gate everywhere, the segmenter around what it saw.

Both passes go through windows; what stays is one bit for each of the gate's cells, and the pixels
that are ship. A cluster of cells that fits a window is looked at as `Detector.predict` would look
at it, so on a scene that fits into memory both find the same. A larger cluster is looked at square
by square; there a pixel's probability comes from one square with its surroundings, where
`Detector.predict` would have shown the segmenter a larger window or blended several.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.errors import BadInputError
from shipseg.imaging.tiling import Window
from shipseg.inference.detector import Detector, cells_with, gate_windows, place_cells
from shipseg.inference.windows import heat_beyond
from shipseg.parallel import in_order, worker_count
from shipseg.scenes.blobs import Blob, blobs_of, edge_mask, joined, pack_blobs, unpack_blobs
from shipseg.scenes.journal import Journal
from shipseg.scenes.looks import WHOLE_PX, Look, plan_looks
from shipseg.scenes.open import Scene
from shipseg.scenes.outlines import ships_of_blob
from shipseg.scenes.result import SceneResult, SceneShip

Progress = Callable[[str, int, int], None]
"""Called with a stage, pieces done and pieces known of."""

# Bytes of ship pixels that are kept; 12 for each. Ships are 0.1 % of a harbour tile's pixels.
_MOST_BYTES = 256 * 1024**2

Hot = npt.NDArray[np.bool_]
Found = dict[Look, list[Blob]]


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

    The same bytes come out whatever the workers, and whether a journal helped.

    Args:
        detector: With one thread per call.
        scene: From `shipseg.scenes.open.open_scene`.
        journal: Finished work of an earlier run, and where this run's is noted.
        workers: Windows at a time, each of up to 250 MB; None takes one per core.
        gated: False asks the segmenter everywhere.
        whole_px: Largest side of a cluster of hot cells that is segmented in one go.
        progress: Told of every finished window.

    Raises:
        ImageError: The file is truncated or corrupt.
        BadInputError: So much is ship that it cannot be one.
    """
    work = _Work(detector, scene, journal or Journal(None, ""), worker_count(workers), progress)
    hot, looked_at = work.gate(gated=gated)
    looks, apart = joined(
        [(look.core, blobs) for look, blobs in work.segment(hot, whole_px).items()]
    )
    ships: list[SceneShip] = []
    for blob in looks:
        ships += ships_of_blob(detector, scene, blob)
    ships.sort(key=_reading_order)
    warnings = scene.warnings
    if apart:
        warnings += (f"{apart} pieces larger together than any ship were left apart",)
    return SceneResult(scene.name, scene.grid, tuple(ships), looked_at, warnings)


class _Work:
    """The two passes over one scene."""

    def __init__(
        self,
        detector: Detector,
        scene: Scene,
        journal: Journal,
        workers: int,
        progress: Progress | None,
    ) -> None:
        self._detector, self._scene, self._journal = detector, scene, journal
        self._workers, self._progress = workers, progress

    def gate(self, *, gated: bool) -> tuple[Hot, int]:
        """Ask the gate about every window: the hot cells, and scene pixels that hold data."""
        scene, cell = self._scene, self._detector.cell_px
        shape_hw = scene.shape_hw
        hot = np.zeros([-(-side // cell) for side in shape_hw], np.bool_)
        seen = np.zeros_like(hot)
        places = gate_windows(shape_hw, self._detector.manifest.gate.tile_size)
        owned = _owned(places)
        names = [f"gate {w.x0} {w.y0}" for w in places]

        def work(index: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], int]:
            window = places[index]
            picture = scene.read(window)
            valid = (
                np.ones(window.shape_hw, np.bool_) if picture.valid is None else picture.valid
            )
            own = owned[index]
            count = int(valid[own.y0 - window.y0 :, own.x0 - window.x0 :].sum())
            holds = cells_with(valid, cell)
            return self._detector.glance(picture)[1] if gated else holds, holds, count

        looked_at = 0
        results = self._run("gate", names, range(len(places)), work, _pack_cells, _unpack_cells)
        for index, (warm, holds, count) in results:
            place_cells(hot, warm, places[index], cell)
            place_cells(seen, holds, places[index], cell)
            looked_at += count
        area = scene.rows.factor * scene.columns.factor
        return hot & seen, min(round(looked_at * area), scene.grid.shape_hw[0] * scene.grid.shape_hw[1])

    def segment(self, hot: Hot, whole_px: int) -> Found:
        """Look around the hot cells, and go on where a hull runs out of what was looked at.

        As `Detector.predict` does it: the reach doubles, and when nothing runs out any more, no
        ship is cut.
        """
        detector, scene = self._detector, self._scene
        spec, cell, shape_hw = detector.manifest.segmenter, detector.cell_px, scene.shape_hw
        hot, found, reach, before = hot.copy(), Found(), 1, -1
        while (count := int(np.count_nonzero(hot))) != before:
            before = count
            looks = plan_looks(
                hot, shape_hw, cell_px=cell, least_px=spec.crop_size, multiple=spec.multiple,
                whole_px=whole_px,
            )  # fmt: skip
            found = self._look_at(looks, found)
            cores = {look.core for look in looks}
            for look, blobs in found.items():
                if not blobs:
                    continue
                mask = edge_mask(blobs, look.core)
                _forget_known_sides(mask, look.core, cores)
                heat_beyond(hot, look.core, mask, shape_hw, cell_px=cell, reach_cells=reach)
            reach *= 2
        return found

    def _look_at(self, looks: list[Look], known: Found) -> Found:
        found = {look: known[look] for look in looks if look in known}
        new = [look for look in looks if look not in known]
        names = [f"look {' '.join(map(str, _numbers(look)))}" for look in new]
        size = sum(_bytes_of(blobs) for blobs in found.values())
        results = self._run(
            "segmenter", names, range(len(new)), lambda index: self._blobs(new[index]),
            pack_blobs, unpack_blobs,
        )  # fmt: skip
        for index, blobs in results:
            found[new[index]] = blobs
            size += _bytes_of(blobs)
            if size > _MOST_BYTES:
                raise BadInputError(
                    f"{self._scene.name}: more than {size // 12:,} pixels are ship so far; this "
                    "cannot be",
                    hint="raise --threshold, and see that --bands and the GSD are right",
                )
        # In the order of the plan, whatever was known before.
        return {look: found[look] for look in looks}

    def _blobs(self, look: Look) -> list[Blob]:
        picture = self._scene.read(look.read)
        nodata = None if picture.valid is None else ~picture.valid
        if nodata is not None and nodata.all():
            return []
        maps = self._detector.segment(picture)
        return blobs_of(
            maps, nodata, look.core, look.read, self._scene.shape_hw,
            # Nodata lies at -1, and a threshold of 0 must not reach it.
            threshold=self._detector.threshold,
        )  # fmt: skip

    def _run(
        self,
        stage: str,
        names: list[str],
        items: range,
        work: Callable[[int], Any],
        pack: Callable[[Any], Any],
        unpack: Callable[[Any], Any],
    ) -> Iterator[tuple[int, Any]]:
        """Work on what the journal does not have; results come in order."""
        journal = self._journal

        def known_or_new(index: int) -> tuple[bool, Any]:
            if names[index] in journal:
                return True, unpack(journal[names[index]])
            return False, work(index)

        results = in_order(known_or_new, items, self._workers)
        try:
            for index, (known, result) in enumerate(results):
                if not known:
                    journal.write(names[index], pack(result))
                if self._progress is not None:
                    self._progress(stage, index + 1, len(items))
                yield index, result
        finally:
            results.close()  # type: ignore[attr-defined]


def _owned(places: list[Window]) -> list[Window]:
    """Give each window the pixels that none before it has, so that each is counted once."""
    rights: dict[int, int] = {}
    lefts = sorted({w.x0 for w in places})
    tops = sorted({w.y0 for w in places})
    ends_x = {w.x0: w.x1 for w in places}
    ends_y = {w.y0: w.y1 for w in places}
    first_x = {x: ends_x[lefts[i - 1]] if i else 0 for i, x in enumerate(lefts)}
    first_y = {y: ends_y[tops[i - 1]] if i else 0 for i, y in enumerate(tops)}
    del rights
    return [Window(first_x[w.x0], first_y[w.y0], w.x1, w.y1) for w in places]


def _forget_known_sides(mask: npt.NDArray[np.bool_], core: Window, cores: set[Window]) -> None:
    """Clear the edges of a mask that another look goes on from, in place.

    Lattice squares have neighbours with whole sides in common; so may two clusters, by chance.
    """
    clear = []
    for other in cores:
        if other.y0 <= core.y0 and other.y1 >= core.y1:
            clear += [np.s_[:, 0]] * (other.x1 == core.x0) + [np.s_[:, -1]] * (other.x0 == core.x1)
        if other.x0 <= core.x0 and other.x1 >= core.x1:
            clear += [np.s_[0]] * (other.y1 == core.y0) + [np.s_[-1]] * (other.y0 == core.y1)
    for line in clear:
        mask[line] = False


def _numbers(look: Look) -> tuple[int, ...]:
    return tuple(n for w in (look.core, look.read) for n in (w.x0, w.y0, w.x1, w.y1))


def _bytes_of(blobs: list[Blob]) -> int:
    return sum(blob.maps.nbytes for blob in blobs)


def _pack_cells(result: tuple[Hot, Hot, int]) -> list[Any]:
    warm, holds, count = result
    return [*warm.shape, _bits(warm), _bits(holds), count]


def _unpack_cells(packed: list[Any]) -> tuple[Hot, Hot, int]:
    rows, columns, warm, holds, count = packed
    return _unbits(warm, rows, columns), _unbits(holds, rows, columns), count


def _bits(cells: Hot) -> str:
    # Nothing and everything are by far the most frequent.
    if not cells.any():
        return "0"
    return "1" if cells.all() else base64.b64encode(np.packbits(cells).tobytes()).decode("ascii")


def _unbits(text: str, rows: int, columns: int) -> Hot:
    if text in ("0", "1"):
        return np.full((rows, columns), text == "1")
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=rows * columns)
    return bits.reshape(rows, columns).astype(np.bool_)


def _reading_order(ship: SceneShip) -> tuple[float, ...]:
    x0, y0, x1, y1 = ship.outline.bounds
    return (y0, x0, y1, x1, -ship.score)
