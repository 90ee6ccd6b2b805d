"""Many scenes on many machines, through Ray Data (needs the `ray` extra): one scene, one worker.

A worker writes a scene's results itself, and notes in the scene's folder what is finished of it; so
whoever takes over from a worker that died goes on where that one was. The run's own journal is
written here, as on one machine. What comes out has the bytes of the local engine.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shipseg.errors import ShipsegError
from shipseg.inference.detector import Detector
from shipseg.inference.ray_actors import finished
from shipseg.inference.ray_parts import Parts, error_of, error_values, named_as
from shipseg.scenes.batch import SceneOutcome, SceneSettings, Write, detect_scenes
from shipseg.scenes.journal import Journal, fingerprint


@dataclass(frozen=True, slots=True)
class RaySceneJob:
    """What the workers do. It is sent to them, so it has to pickle.

    Attributes:
        make_detector: Makes a worker's detector.
        writer: Gives for a folder what writes there.
        settings: How scenes are read; the areas' files are named by absolute paths.
        key: From `shipseg.scenes.batch.settings_key`.
        resume: Go on with what an interrupted run left in the folders.
        cards: Whether each worker needs an NVIDIA card of its own.
    """

    make_detector: Callable[[], Detector]
    writer: Callable[[Path], Write]
    settings: SceneSettings
    key: dict[str, Any]
    resume: bool = False
    cards: bool = False

    def load(self) -> Detector:
        """Make a worker's detector."""
        if self.settings.allow_vrt:
            # Before anything of this process starts GDAL.
            from shipseg.imaging.gdal import allow_vrt

            allow_vrt()
        return self.make_detector()

    def work(
        self, detector: Detector, parts: Parts, number: int, paths: Sequence[Path], tries: int
    ) -> None:
        """Find the ships of a scene, or go on where a worker died."""
        path, folder = paths
        outcomes = detect_scenes(
            detector,
            [(path, folder)],
            self.writer,
            settings=self.settings,
            key=self.key,
            journal=Journal(None, ""),
            resume=self.resume or tries > 1,
            workers=1,
        )
        parts.write_rows(number, [_row(outcome) for outcome in outcomes])

    def name(self, paths: Sequence[Path]) -> str:
        """Call a scene by name, for messages."""
        return f"the scene '{paths[0].name}'"


def detect_scenes_on_ray(
    folders: Sequence[tuple[Path, Path]],
    job: RaySceneJob,
    root: Path,
    *,
    journal: Journal,
    workers: int | None = None,
) -> Generator[SceneOutcome, None, None]:
    """Find the ships of scenes on a Ray cluster; outcomes come in the order of `folders`.

    On an interrupt, and on an error that ends the work, the outcomes of all scenes that are
    finished come out before it is raised again.

    Args:
        folders: Scenes, and where the results of each go; every machine sees them under the same
            absolute paths.
        job: What to do with them.
        root: Where the workers put their parts of the result for the time of the call.
        journal: Of the whole run: finished scenes.
        workers: Actors, each with a core of its own; None takes one per core of the cluster.

    Raises:
        MissingDependencyError: Ray is not installed.
        UsageError: No cluster answers, or it has no core or no card.
        ShipsegError: A worker cannot load the detector, or a scene killed every worker that tried.
    """
    marks = {path: fingerprint(path, job.key) for path, _ in folders}
    waiting = [pair for pair in folders if marks[pair[0]] not in journal]
    for path, _ in folders:
        if marks[path] in journal:
            yield SceneOutcome(path, journal[marks[path]], resumed=True)
    if not waiting:
        return
    parts = Parts.make(root)
    taken, stopped = 0, None
    try:
        try:
            with closing(finished(waiting, job, parts, workers)) as steps:
                for taken, _ in enumerate(steps, start=1):
                    yield _noted(parts, taken - 1, waiting, marks, journal)
        except (KeyboardInterrupt, ShipsegError) as error:
            stopped = error
        for number in range(taken, len(waiting)):
            if parts.has(number):
                yield _noted(parts, number, waiting, marks, journal)
        if stopped is not None:
            raise stopped
    finally:
        parts.remove()


def _noted(
    parts: Parts,
    number: int,
    folders: Sequence[tuple[Path, Path]],
    marks: dict[Path, str],
    journal: Journal,
) -> SceneOutcome:
    path = folders[number][0]
    (row,) = parts.read_rows(number)
    if "error" in row:
        return SceneOutcome(path, error=named_as(error_of(row["error"]), path))
    journal.write(marks[path], row["row"])
    journal.sync()
    return SceneOutcome(path, row["row"])


def _row(outcome: SceneOutcome) -> dict[str, Any]:
    if outcome.row is None:
        return {"error": error_values(outcome.error or ShipsegError("no result"))}
    return {"row": outcome.row}


def with_absolute_areas(settings: SceneSettings) -> SceneSettings:
    """Name the files of areas so that a worker, in a folder of its own, finds them."""
    return replace(
        settings,
        aoi=None if settings.aoi is None else settings.aoi.absolute(),
        exclude=None if settings.exclude is None else settings.exclude.absolute(),
    )
