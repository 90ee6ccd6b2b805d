"""Where scenes are worked on: on this machine, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from shipseg.cli.detector_settings import DetectorSettings, for_ray
from shipseg.cli.options import Engine
from shipseg.inference.detector import Detector
from shipseg.inference.devices import CARDS, Device
from shipseg.parallel import worker_count
from shipseg.scenes.batch import SceneOutcome, SceneSettings, Write, detect_scenes
from shipseg.scenes.detect import Progress
from shipseg.scenes.journal import Journal
from shipseg.scenes.result import SceneResult
from shipseg.writers.scenes import write_scene

# Each window that is segmented takes up to 340 MB.
_MOST_WORKERS = 2

Folders = Sequence[tuple[Path, Path]]


class Run(Protocol):
    """Finds the ships of scenes, with their folders; gives outcomes in order."""

    def __call__(
        self,
        folders: Folders,
        *,
        key: dict[str, Any],
        journal: Journal,
        progress: Callable[[Path], Progress],
    ) -> Generator[SceneOutcome, None, None]:
        """Work, given the key of the settings, the run's journal, and what is told of windows."""


@dataclass(frozen=True, slots=True)
class SceneEngine:
    """What finds the ships of scenes.

    Attributes:
        detector: Says what the ships are found with.
        device: What runs the graphs.
        run: Works.
    """

    detector: Detector
    device: Device
    run: Run


@dataclass(frozen=True, slots=True)
class SceneWriter:
    """Gives for a folder what writes there; it can be sent to another process.

    Attributes:
        formats: See `shipseg.writers.scenes.write_scene`.
        settings: How the scenes are read.
    """

    formats: tuple[str, ...]
    settings: SceneSettings

    def __call__(self, folder: Path) -> Write:
        """Give what writes a result into a folder."""

        def write(result: SceneResult, path: Path) -> list[Path]:
            return write_scene(
                result, folder, formats=self.formats, scene=path,
                bands=self.settings.bands, allow_vrt=self.settings.allow_vrt,
                # Refused before the run began, unless this was asked for or is a run's own.
                overwrite=True,
            )  # fmt: skip

        return write


def choose_scene_engine(
    engine: Engine,
    detection: DetectorSettings,
    settings: SceneSettings,
    writer: SceneWriter,
    *,
    root: Path,
    resume: bool,
    workers: int | None,
) -> SceneEngine:
    """Make the engine that was asked for.

    Args:
        engine: Where to work.
        detection: Of the detector.
        settings: How scenes are read.
        writer: Writes the results.
        root: The output folder.
        resume: Go on with what an earlier run left.
        workers: On this machine, windows at a time; on a cluster, scenes. None takes one per core,
            here two at most.

    Raises:
        MissingDependencyError: The engine or the device needs a package that is not installed.
        BundleError: The bundle cannot be loaded.
    """
    if engine is Engine.ray:
        return _on_ray(detection, settings, writer, root=root, resume=resume, workers=workers)
    detector = detection.make()
    here = min(worker_count(None), _MOST_WORKERS) if workers is None else workers
    run = partial(
        detect_scenes, detector, write=writer, settings=settings, resume=resume, workers=here
    )
    return SceneEngine(detector, detector.device, run)


def _on_ray(
    detection: DetectorSettings,
    settings: SceneSettings,
    writer: SceneWriter,
    *,
    root: Path,
    resume: bool,
    workers: int | None,
) -> SceneEngine:
    from shipseg.scenes.ray_batch import RaySceneJob, detect_scenes_on_ray, with_absolute_areas

    there = for_ray(detection)

    def run(
        folders: Folders,
        *,
        key: dict[str, Any],
        journal: Journal,
        progress: Callable[[Path], Progress],
    ) -> Generator[SceneOutcome, None, None]:
        # Windows are counted by the workers alone.
        del progress
        job = RaySceneJob(
            there.make, writer, with_absolute_areas(settings), key, resume, there.device in CARDS
        )
        return detect_scenes_on_ray(folders, job, root, journal=journal, workers=workers)

    return SceneEngine(replace(detection, device=Device.cpu).make(), there.device, run)
