"""Where the tiles of a prediction are worked on: on this machine, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shipseg.cli.detector_settings import DetectorSettings, for_ray
from shipseg.cli.options import Engine
from shipseg.cli.tile_pictures import TilePictures
from shipseg.inference.batch import Outcome, predict_paths
from shipseg.inference.devices import CARDS, Device

if TYPE_CHECKING:
    from shipseg.inference.detector import Detector

TileEngine = Callable[[Sequence[Path], TilePictures], Generator[Outcome, None, None]]
"""Gives the outcome of each file, in their order, once its pictures are written."""


def choose_engine(
    engine: Engine, settings: DetectorSettings, *, gated: bool, workers: int | None
) -> tuple[Detector, TileEngine]:
    """Make the engine that was asked for, and a detector that says what the ships are found with.

    Args:
        engine: Where to work.
        settings: Of the detector.
        gated: Whether the gate decides which tiles are segmented.
        workers: Tiles at a time; None takes one per core, or on a cluster one per card.

    Raises:
        MissingDependencyError: The engine or the device needs a package that is not installed.
        BundleError: The bundle cannot be loaded.
    """
    if engine is Engine.local:
        detector = settings.make()
        return detector, on_this_machine(detector, gated=gated, workers=workers)
    there = for_ray(settings)
    run = on_ray(there.make, gated=gated, workers=workers, cards=there.device in CARDS)
    return replace(settings, device=Device.cpu).make(), run


def on_this_machine(detector: Detector, *, gated: bool, workers: int | None) -> TileEngine:
    """Work with threads of this process.

    Args:
        detector: With one thread per call.
        gated: Whether the gate decides which tiles are segmented.
        workers: Tiles at a time; None takes one per core.
    """

    def run(images: Sequence[Path], pictures: TilePictures) -> Generator[Outcome, None, None]:
        found = predict_paths(
            detector, images, workers=workers, gated=gated, keep_pictures=pictures.need_pixels
        )
        with closing(found):
            for outcome in found:
                pictures.write(outcome)
                yield outcome

    return run


def on_ray(
    make_detector: Callable[[], Detector], *, gated: bool, workers: int | None, cards: bool
) -> TileEngine:
    """Work with actors of a Ray cluster, which write the pictures themselves.

    Args:
        make_detector: Makes an actor's detector, on its machine.
        gated: Whether the gate decides which tiles are segmented.
        workers: Actors; None takes one per core, or per card.
        cards: Whether each actor needs an NVIDIA card.
    """

    def run(images: Sequence[Path], pictures: TilePictures) -> Generator[Outcome, None, None]:
        from shipseg.inference.ray_batch import RayJob, predict_on_ray

        # An actor works in a folder of its own.
        folder = replace(pictures.folder, root=pictures.folder.root.absolute())
        there = replace(pictures, folder=folder)
        job = RayJob(make_detector, there.write, gated, there.need_pixels, cards)
        return predict_on_ray(images, job, folder.root, workers=workers)

    return run
