"""What is done for a job: its picture is analysed, and every form of the answer is written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from shipseg.errors import ImageTooLargeError
from shipseg.files import atomic_write_bytes
from shipseg.imaging.limits import DEFAULT_LIMITS, check_bytes
from shipseg.imaging.picture import Picture
from shipseg.inference.detector import Detector
from shipseg.scenes.open import driver_of, is_scene, open_scene
from shipseg.scenes.result import SceneResult
from shipseg.server.analysis import Analysis, Demand, analyse
from shipseg.server.answers import render, shown_size
from shipseg.server.forms import Form, Layer
from shipseg.server.found import measured
from shipseg.server.jobs.store import Job
from shipseg.server.model import Model
from shipseg.server.pool import Ticket
from shipseg.server.view import View, speaking_of

Progress = Callable[[float], None]

# The gate sees every pixel, the segmenter a few; the second pass may go round again.
_GATE_SHARE = 0.6
# The door for pictures does not take it; the one for scenes does.
_JPEG_2000 = "JP2OpenJPEG"
_RASTERS = ("GTiff", _JPEG_2000)


def result_file(form: Form, layer: Layer) -> str:
    """Name the file of a form of the answer."""
    names = {Form.json: "result.json", Form.geojson: "ships.geojson", Form.csv: "ships.csv"}
    return names.get(form, f"{layer.value}.png")


def work_on(
    job: Job,
    picture: Path,
    folder: Path,
    model: Model,
    *,
    request_pixels: int,
    ticket: Ticket,
    progress: Progress,
) -> None:
    """Do a job: its result is written into `folder`.

    Args:
        job: What is wanted.
        picture: The file.
        folder: Where the result goes; a journal there lets a later call go on.
        model: That looks.
        request_pixels: Up to this size a picture is looked at in one go, with all its layers.
        ticket: Asked between windows whether to stop.
        progress: Told of the share that is done.

    Raises:
        ImageError: The picture cannot be decoded.
        Stopped: The ticket said so.
    """
    analysis = _analyse(job, picture, folder, model, request_pixels, ticket, progress)
    for form in Form:
        for layer in Layer if form is Form.png else (Layer.mask,):
            if layer is Layer.probability and analysis.probability is None:
                continue
            ticket.check()
            body = render(
                analysis, form, layer, name=job.name, model=model, request_id=f"job-{job.id}"
            )
            atomic_write_bytes(folder / result_file(form, layer), body)


def _analyse(
    job: Job,
    picture: Path,
    folder: Path,
    model: Model,
    request_pixels: int,
    ticket: Ticket,
    progress: Progress,
) -> Analysis:
    driver, size = driver_of(picture), picture.stat().st_size
    # A PNG or JPEG of few bytes and many pixels may be made to waste time: it is no scene.
    windowed = driver in _RASTERS or is_scene(picture)
    if not windowed:
        check_bytes(size, limits=DEFAULT_LIMITS, name=job.name)
    if driver != _JPEG_2000 and size <= DEFAULT_LIMITS.max_bytes:
        try:
            return analyse(
                model.detector, picture.read_bytes(), job.name, job.demand, ticket=ticket,
                most_pixels=request_pixels if windowed else DEFAULT_LIMITS.max_pixels,
            )  # fmt: skip
        except ImageTooLargeError:
            if not windowed:
                raise
    with speaking_of(picture, job.name):
        return _scene(job.demand, picture, folder, model, ticket, progress)


def _scene(
    demand: Demand,
    picture: Path,
    folder: Path,
    model: Model,
    ticket: Ticket,
    progress: Progress,
) -> Analysis:
    """Look at a scene through windows, in constant memory."""
    from shipseg.scenes.detect import detect_scene
    from shipseg.scenes.journal import Journal

    detector = model.detector.with_thresholds(demand.threshold, demand.gate_threshold)

    def told(stage: str, done: int, known: int) -> None:
        ticket.check()
        share = done / max(1, known)
        first = stage == "gate"
        progress(_GATE_SHARE * share if first else _GATE_SHARE + (1 - _GATE_SHARE) * share)

    start = time.perf_counter()
    journal = Journal(folder / "journal", _fingerprint(demand, model), resume=True)
    try:
        with open_scene(picture, gsd_m=demand.gsd_m) as scene:
            result = detect_scene(
                detector, scene, journal=journal, gated=demand.gated, progress=told
            )
            view = _preview(picture, result)
    finally:
        journal.close()
    seconds = time.perf_counter() - start
    return _of_scene(result, view, detector, demand, seconds)


def _fingerprint(demand: Demand, model: Model) -> str:
    return json.dumps([model.key, asdict(demand)])


def _preview(picture: Path, result: SceneResult) -> View:
    """Read the scene shrunk, for the layers that show it."""
    from shipseg.scenes.resample import Axis
    from shipseg.writers.scenes.look import Raster, read_small

    height, width = result.grid.shape_hw
    small_hw = shown_size((height, width))
    shown = Picture(np.ascontiguousarray(read_small(Raster(picture), (height, width), small_hw)))
    return View(shown, result.grid, Axis(height, 1.0), Axis(width, 1.0), result.warnings)


def _of_scene(
    result: SceneResult, view: View, detector: Detector, demand: Demand, seconds: float
) -> Analysis:
    from shipseg.scenes.measure import outline_step_px
    from shipseg.scenes.measure_positions import Positions

    positions, step_px = Positions(result.grid), outline_step_px(result.grid)
    ships = tuple(
        measured(ship.outline, ship.score, result.grid, positions, step_px)
        for ship in result.ships
        if ship.score >= demand.min_score
    )
    best = max((ship.score for ship in result.ships), default=0.0)
    return Analysis(
        view=view,
        ships=ships,
        ship_probability=best,
        passed=True,
        gate_threshold=detector.gate_threshold,
        threshold=detector.threshold,
        probability=None,
        timings_ms={"decode": 0.0, "gate": 0.0, "segment": seconds * 1000, "ships": 0.0},
    )
