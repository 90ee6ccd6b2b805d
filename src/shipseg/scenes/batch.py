"""Many scenes, one after the other: each is written and noted before the next begins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shipseg import __version__
from shipseg.errors import ShipsegError
from shipseg.imaging.files import open_file
from shipseg.imaging.formats import shown_name
from shipseg.inference.detector import Detector
from shipseg.scenes.detect import Progress, detect_scene
from shipseg.scenes.journal import Journal, fingerprint
from shipseg.scenes.open import Scene, open_scene
from shipseg.scenes.result import SceneResult

WORK_JOURNAL = ".work.journal"
"""What is finished of a scene, in its folder; removed when all of it is."""

Write = Callable[[SceneResult, Path], list[Path]]
"""Write a scene's result, of a raster that lies at this path, and list the files."""


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """How scenes are read, and where on them ships are wanted.

    Attributes:
        bands: One or three bands from 1; None goes by their colour interpretation.
        gsd_m: Metres per pixel; None measures it.
        aoi: Vector file; ships are wanted inside.
        exclude: Vector file; ships are wanted outside.
        gated: False asks the segmenter wherever there is data.
        allow_vrt: Take virtual rasters.
    """

    bands: tuple[int, ...] | None = None
    gsd_m: float | None = None
    aoi: Path | None = None
    exclude: Path | None = None
    gated: bool = True
    allow_vrt: bool = False


@dataclass(frozen=True, slots=True)
class SceneOutcome:
    """What became of one scene: a row of results or an error, never both.

    Attributes:
        path: The file.
        row: What is to be said of it: `row_of`; None where it failed.
        resumed: An earlier run had finished it.
        error: Why nothing can be said.
    """

    path: Path
    row: dict[str, Any] | None = None
    resumed: bool = False
    error: ShipsegError | None = None


def settings_key(detector: Detector, settings: SceneSettings, extra: Any = None) -> dict[str, Any]:
    """Tell what results depend on, beside the scene, as JSON holds it.

    Args:
        detector: Its graphs and thresholds count.
        settings: The files of areas count by their content.
        extra: More that counts.
    """
    manifest, straightening = detector.manifest, detector.outliner.straightening
    values = asdict(settings)
    for name in ("aoi", "exclude"):
        values[name] = _digest(values[name])
    return {
        "shipseg": __version__,
        "gate": manifest.gate.sha256,
        "segmenter": manifest.segmenter.sha256,
        "refiner": None if manifest.refiner is None else manifest.refiner.sha256,
        "thresholds": [detector.gate_threshold, detector.threshold],
        "straightening": None if straightening is None else asdict(straightening),
        "settings": values,
        "extra": extra,
    }


def detect_scenes(
    detector: Detector,
    folders: Sequence[tuple[Path, Path]],
    write: Callable[[Path], Write],
    *,
    settings: SceneSettings,
    key: dict[str, Any],
    journal: Journal,
    resume: bool = False,
    workers: int | None = None,
    progress: Callable[[Path], Progress] | None = None,
) -> Generator[SceneOutcome, None, None]:
    """Find the ships of scene after scene; one that cannot be read stops none.

    Args:
        detector: With one thread per call.
        folders: Scenes, and where the results of each go.
        write: Gives for a folder what writes there.
        settings: How to read them.
        key: From `settings_key`.
        journal: Of the whole run: finished scenes.
        resume: Go on with what an interrupted run left in the folders.
        workers: Windows at a time; None takes one per core.
        progress: Gives for a scene what is told of its windows.
    """
    for path, folder in folders:
        try:
            mark = fingerprint(path, key)
            if mark in journal:
                # Killed between the two, a run notes a scene and leaves its journal.
                (folder / WORK_JOURNAL).unlink(missing_ok=True)
                yield SceneOutcome(path, journal[mark], resumed=True)
                continue
            folder.mkdir(parents=True, exist_ok=True)
            work = folder / WORK_JOURNAL
            with closing(Journal(work, mark, resume=resume)) as steps:
                try:
                    told = None if progress is None else progress(path)
                    result = _detect(detector, path, settings, steps, workers, told)
                    write(folder)(result, path)
                except ShipsegError:
                    _clear(work)
                    raise
            row = row_of(result)
            journal.write(mark, row)
            journal.sync()
            work.unlink()
        except ShipsegError as error:
            yield SceneOutcome(path, error=error)
        else:
            yield SceneOutcome(path, row)


def _clear(work: Path) -> None:
    """Remove the journal of a scene that cannot be read, and its folder where nothing else is."""
    work.unlink()
    if not any(work.parent.iterdir()):
        work.parent.rmdir()


def row_of(result: SceneResult) -> dict[str, Any]:
    """Sum a result up, as JSON holds it."""
    height, width = result.grid.shape_hw
    gsd_m = result.grid.gsd_m
    return {
        "scene": result.name,
        "ships": len(result.ships),
        "cut": sum(ship.cut for ship in result.ships),
        "width": width,
        "height": height,
        "gsd_m": None if gsd_m is None else round(gsd_m, 4),
        "looked_at_px": result.looked_at_px,
        "looked_at_km2": (
            None if gsd_m is None else round(result.looked_at_px * gsd_m**2 / 1e6, 4)
        ),
        "warnings": list(result.warnings),
    }


def _detect(
    detector: Detector,
    path: Path,
    settings: SceneSettings,
    journal: Journal,
    workers: int | None,
    progress: Progress | None,
) -> SceneResult:
    with open_scene(
        path, bands=settings.bands, gsd_m=settings.gsd_m, allow_vrt=settings.allow_vrt
    ) as scene:
        limit_to_area(scene, settings)
        return detect_scene(
            detector, scene, journal=journal, workers=workers, gated=settings.gated,
            progress=progress,
        )  # fmt: skip


def limit_to_area(scene: Scene, settings: SceneSettings) -> None:
    """Look only where the vector files of the settings want ships.

    Raises:
        BadInputError: A file does not fit the scene; see `shipseg.scenes.area.read_area`.
    """
    if settings.aoi is None and settings.exclude is None:
        return
    # Imported here: most scenes are looked at as a whole.
    from shipseg.scenes.area import read_area

    area = read_area(scene.grid, aoi=settings.aoi, exclude=settings.exclude)
    scene.limit_to(area.valid)


def _digest(path: Path | None) -> str | None:
    if path is None:
        return None
    with open_file(path, name=shown_name(str(path))) as file:
        return hashlib.sha256(file.read()).hexdigest()
