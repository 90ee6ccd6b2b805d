"""The work behind `shipseg evaluate`: which tiles, and what is found on them in two ways."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg import __version__
from shipseg.cli.console import Notes, note, progress
from shipseg.cli.failures import reason_of
from shipseg.errors import LabelError, ShipsegError, UsageError
from shipseg.evaluation.report import tiles_csv
from shipseg.evaluation.results import EvaluationReport, TileResult
from shipseg.explore.score_page import render_scores
from shipseg.imaging.decode import read_image
from shipseg.imaging.formats import shown_name
from shipseg.inference.batch import predict_paths
from shipseg.inference.detector import Detection, Detector
from shipseg.labels import LabelTable

FILES = ("report.html", "evaluation.json", "tiles.csv")
"""What an evaluation writes."""

Failure = tuple[str, str]
"""Code and message."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the detector found on all tiles.

    Attributes:
        results: Tiles to score.
        failed: Tiles left out, each with its error.
        seconds: Time for all tiles with the gate, and without it.
    """

    results: tuple[TileResult, ...]
    failed: tuple[dict[str, str], ...]
    seconds: dict[str, float]


def choose_tiles(
    images: Sequence[Path], labels: LabelTable, split: Mapping[str, str] | None, subset: str
) -> list[Path]:
    """Keep the tiles that have truth and are in the subset; say how many are left out.

    Raises:
        UsageError: The split has no such subset, or no tile is left.
    """
    wanted = set(labels.image_ids)
    if split is not None:
        if subset not in split.values():
            names = ", ".join(sorted(set(split.values())))
            raise UsageError(f"the split has no subset '{subset}', only {names}")
        wanted = {image_id for image_id, part in split.items() if part == subset}
    chosen = [path for path in images if path.name in wanted and path.name in labels]
    if not chosen:
        raise UsageError(
            f"none of {len(images):,} pictures is in the label table"
            + ("" if split is None else f" and in the subset '{subset}'"),
            hint="an ImageId is the file's name with its suffix, such as 0a1b2c3d4.jpg",
        )
    lacking = wanted - {path.name for path in chosen}
    if lacking:
        first = shown_name(min(lacking))
        note(f"{len(lacking):,} of {len(wanted):,} tiles lack picture or truth, {first} first")
    return chosen


def detect_both_ways(
    detector: Detector, images: Sequence[Path], labels: LabelTable, *, workers: int | None = None
) -> Findings:
    """Find ships with the gate, then without it, and set the truth beside them."""
    failed: dict[str, Failure] = {}
    seconds: dict[str, float] = {}
    gated = _detect(detector, images, failed, seconds, gated=True, workers=workers)
    left = [path for path in images if path.name not in failed]
    ungated = _detect(detector, left, failed, seconds, gated=False, workers=workers)
    results = []
    for path in images:
        if path.name in failed:
            continue
        try:
            results.append(_result(gated[path.name], ungated[path.name], labels))
        except LabelError as error:
            failed[path.name] = (error.code, error.message)
    _name_failed(failed)
    return Findings(
        results=tuple(results),
        failed=tuple(
            {"ImageId": name, "code": code, "message": message}
            for name, (code, message) in failed.items()
        ),
        seconds=seconds,
    )


def _detect(
    detector: Detector,
    images: Sequence[Path],
    failed: dict[str, Failure],
    seconds: dict[str, float],
    *,
    gated: bool,
    workers: int | None,
) -> dict[str, Detection]:
    way = "with the gate" if gated else "without the gate"
    found: dict[str, Detection] = {}
    started = perf_counter()
    outcomes = predict_paths(detector, images, workers=workers, gated=gated)
    with progress(outcomes, total=len(images), label=way) as running:
        for outcome in running:
            if outcome.detection is not None:
                found[outcome.name] = outcome.detection
            elif outcome.error is not None:
                reason = reason_of(outcome.error, outcome.path)
                failed[outcome.name] = (outcome.error.code, reason)
    seconds[way.replace(" ", "_")] = round(perf_counter() - started, 3)
    return found


def _result(gated: Detection, ungated: Detection, labels: LabelTable) -> TileResult:
    if gated.shape_hw != labels.shape_hw:
        found, expected = gated.shape_hw, labels.shape_hw
        raise LabelError(
            f"the picture is {found[0]} x {found[1]} px, and the label table's tiles are "
            f"{expected[0]} x {expected[1]} px"
        )
    return TileResult(
        image_id=gated.name,
        truth=labels.ships_of(gated.name),
        predicted=tuple(ship.runs for ship in gated.ships),
        predicted_ungated=tuple(ship.runs for ship in ungated.ships),
        gate_probability=gated.ship_probability,
        scores=tuple(ship.score for ship in gated.ships),
        shape_hw=gated.shape_hw,
    )


def _name_failed(failed: Mapping[str, Failure]) -> None:
    if not failed:
        return
    notes = Notes()
    for name, (_, message) in failed.items():
        notes.add(shown_name(name), message)
    notes.close("")
    note(f"{len(failed):,} tiles are left out of all figures")


def documents_of(
    report: EvaluationReport, findings: Findings, detector: Detector
) -> tuple[dict[str, Any], dict[str, str]]:
    """Give the evaluation as a document, and as the text of its files by name."""
    document = {
        "bundle": detector.manifest.name,
        "threshold": detector.threshold,
        "gate_threshold": detector.gate_threshold,
        "seconds": findings.seconds,
        "failed": list(findings.failed),
        **report.to_dict(),
    }
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    return document, {"evaluation.json": text, "tiles.csv": tiles_csv(report)}


def page_of(
    report: EvaluationReport, findings: Findings, detector: Detector, images: Sequence[Path]
) -> str:
    """Lay the evaluation out as a page with the tiles that went worst."""
    paths = {path.name: path for path in images}

    def read(image_id: str) -> npt.NDArray[np.uint8] | None:
        try:
            return read_image(paths[image_id]).rgb
        except (ShipsegError, OSError):
            # It could be read a moment ago; a page without it is still a page.
            return None

    return render_scores(
        report, findings.results, read, bundle=detector.manifest.name, version=__version__
    )
