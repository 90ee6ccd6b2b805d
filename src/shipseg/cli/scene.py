"""The work behind `shipseg predict` on scenes: a folder of results for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from time import perf_counter
from typing import Any

from shipseg.cli.console import Notes, note, show_json, show_lines, stages
from shipseg.cli.detector_settings import DetectorSettings
from shipseg.cli.failures import exit_code_of, reason_of
from shipseg.cli.options import Engine
from shipseg.cli.outputs import make_folder, refuse_inputs_in
from shipseg.cli.scene_engines import SceneEngine, SceneWriter, choose_scene_engine
from shipseg.cli.scene_folder import SceneFolder, refuse_old_results
from shipseg.imaging.formats import shown_name
from shipseg.scenes.batch import SceneOutcome, SceneSettings, settings_key
from shipseg.scenes.detect import Progress
from shipseg.scenes.journal import Journal
from shipseg.writers.rows import CsvRows, open_rows
from shipseg.writers.scenes import check_formats

_COLUMNS = (
    "scene", "ships", "cut", "width", "height", "gsd_m", "looked_at_px", "looked_at_km2",
    "warnings", "error",
)  # fmt: skip


def predict_scenes(
    images: Sequence[Path],
    folder: SceneFolder,
    settings: SceneSettings,
    detection: DetectorSettings,
    *,
    engine: Engine,
    workers: int | None,
    overwrite: bool,
    resume: bool,
    as_json: bool,
) -> int:
    """Find the ships of scenes, write and print what comes of it.

    Args:
        images: All scenes, also those of other shards.
        folder: Where results go.
        settings: How scenes are read.
        detection: Of the detector, made when nothing else is left to refuse.
        engine: Where to work.
        workers: Windows at a time, or scenes on a cluster; None takes one per core, here at most
            two.
        overwrite: Replace results that are there.
        resume: Go on with what an earlier run left.
        as_json: Print one JSON document.

    Returns:
        The exit code.
    """
    check_formats(folder.formats)
    scenes = folder.folders(images)
    refuse_inputs_in([place for _, place in scenes], images)
    refuse_old_results(folder, scenes, overwrite=overwrite, resume=resume)
    chosen = choose_scene_engine(
        engine, detection, settings, SceneWriter(folder.formats, settings),
        root=folder.root, resume=resume, workers=workers,
    )  # fmt: skip
    make_folder(folder.root)
    prediction = ScenePrediction(chosen, folder, settings, resume=resume)
    summary = prediction.run(scenes)
    if as_json:
        show_json(summary)
    else:
        show_lines(scene_lines(summary))
    return exit_code_of(prediction.failed, len(scenes))


class ScenePrediction:
    """One run of a detector over scenes."""

    def __init__(
        self, engine: SceneEngine, folder: SceneFolder, settings: SceneSettings, *, resume: bool
    ) -> None:
        """Set up.

        Args:
            engine: Finds the ships.
            folder: Where results go; it exists.
            settings: How scenes are read.
            resume: Go on with what an earlier run left.
        """
        self._engine, self._folder, self._settings = engine, folder, settings
        self._resume = resume
        self._notes = Notes()
        self._rows: list[dict[str, Any]] = []
        self._bars = ExitStack()
        self.failed = 0

    def run(self, scenes: Sequence[tuple[Path, Path]]) -> dict[str, Any]:
        """Predict scenes and write what comes of them.

        Args:
            scenes: Each with the folder of its results.

        Returns:
            A summary, ready for JSON.

        Raises:
            KeyboardInterrupt: After the journal of what is finished is in place.
        """
        started = perf_counter()
        try:
            self._work(scenes)
        except KeyboardInterrupt:
            note(
                f"interrupted: {len(self._rows):,} of {len(scenes):,} scenes are finished in "
                f"'{self._folder.root}'; --resume goes on"
            )
            raise
        finally:
            self._notes.close(f"; see '{self._folder.table}'")
        return self._summary(perf_counter() - started)

    def _work(self, scenes: Sequence[tuple[Path, Path]]) -> None:
        key = settings_key(self._engine.detector, self._settings, self._extra())
        mark = json.dumps(key, sort_keys=True)
        with closing(Journal(self._folder.journal, mark, resume=self._resume)) as journal:
            outcomes = self._engine.run(scenes, key=key, journal=journal, progress=self._progress)
            with (
                open_rows(self._folder.table, _COLUMNS) as table,
                self._bars,
                closing(outcomes),
            ):
                for outcome in outcomes:
                    self._bars.close()
                    self._count(outcome, table)

    def _extra(self) -> dict[str, Any]:
        return {
            "formats": list(self._folder.formats),
            "device": str(self._engine.device),
        }

    def _progress(self, path: Path) -> Progress:
        told: Callable[[str, int, int], None] = self._bars.enter_context(stages(path.name))
        return told

    def _count(self, outcome: SceneOutcome, table: CsvRows) -> None:
        name = shown_name(outcome.path.name)
        if outcome.row is None:
            self.failed += 1
            message = reason_of(outcome.error, outcome.path)
            code = "error" if outcome.error is None else outcome.error.code
            row: dict[str, Any] = {"scene": outcome.path.name, "code": code, "error": message}
            hint = None if outcome.error is None else outcome.error.hint
            self._notes.add(name, f"{message}; {hint}" if hint else message)
        else:
            row = outcome.row
            if row["warnings"] and not outcome.resumed:
                self._notes.add(name, "; ".join(row["warnings"]))
        self._rows.append(row)
        table.write([[_cell(row.get(column)) for column in _COLUMNS]])

    def _summary(self, seconds: float) -> dict[str, Any]:
        detector = self._engine.detector
        manifest = detector.manifest
        return {
            "bundle": manifest.name,
            "gate_threshold": detector.gate_threshold,
            "threshold": detector.threshold,
            "scenes": self._rows,
            "ships": sum(row.get("ships", 0) for row in self._rows),
            "failed": self.failed,
            "seconds": round(seconds, 3),
            "outputs": {"table": str(self._folder.table), "folder": f"{self._folder.root}/"},
        }


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(value)
    return "" if value is None else str(value)


def scene_lines(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Give a summary as names and values, to be read."""
    rows = [row for row in summary["scenes"] if "error" not in row]
    area = [row["looked_at_km2"] for row in rows if row["looked_at_km2"] is not None]
    lines = [("scenes", f"{len(summary['scenes']):,}"), ("ships", f"{summary['ships']:,}")]
    if area:
        lines.append(("looked at", f"{sum(area):,.1f} km²"))
    if summary["failed"]:
        lines.append(("could not be read", f"{summary['failed']:,}, named in the table"))
    lines.append(("time", f"{summary['seconds']:.1f} s"))
    return [
        *lines,
        ("written", summary["outputs"]["table"]),
        *(("", f"{summary['outputs']['folder']}<scene>/") for _ in rows[:1]),
    ]
