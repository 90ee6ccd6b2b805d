"""Parts of a result: what one worker found on a batch of pictures, as a file that appears whole.

A batch that is worked on twice, because a worker died after it wrote and before it could say so,
is written twice under the same name with the same bytes: nothing is lost and nothing doubled.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shipseg.errors import ShipsegError
from shipseg.files import atomic_write_text
from shipseg.imaging.formats import shown_name
from shipseg.inference.batch import Outcome
from shipseg.inference.detector import Detection
from shipseg.inference.ships import Ship

PREFIX = ".shipseg-parts-"
"""What the folders begin with; one that is left over is of a run that was killed."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one run.

    Attributes:
        folder: Where they are, on a disk that every machine sees.
    """

    folder: Path

    @classmethod
    def make(cls, inside: Path) -> Parts:
        """Make a folder of this run's own, so that whatever else is there stays."""
        folder = inside.absolute() / f"{PREFIX}{uuid.uuid4().hex[:12]}"
        folder.mkdir()
        return cls(folder)

    def remove(self) -> None:
        """Remove them, also while a worker that is not told yet writes one more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def has(self, number: int) -> bool:
        """Tell whether a batch is finished."""
        return self._path(number).exists()

    def begin(self, what: str) -> int:
        """Note that something is tried, and tell how often it has been, this time included.

        Args:
            what: A name of its own for each thing that may be tried again.
        """
        with (self.folder / f"{what}.tries").open("ab") as file:
            file.write(b".")
            return file.tell()

    def forget(self, what: str) -> None:
        """Begin to count anew."""
        (self.folder / f"{what}.tries").unlink(missing_ok=True)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Note an error for whoever waits for the work: Ray hands on only the text of it."""
        try:
            yield
        except Exception as error:
            told = error
            if not isinstance(told, ShipsegError):
                told = ShipsegError(f"a worker failed: {type(error).__name__}: {error}")
            with suppress(OSError):
                atomic_write_text(self._failure, json.dumps(error_values(told)) + "\n")
            raise

    def failure(self) -> ShipsegError | None:
        """Tell why the work cannot go on; None where no worker could say."""
        try:
            values = json.loads(self._failure.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return error_of(values)

    def write(self, number: int, outcomes: Sequence[Outcome]) -> None:
        """Write what was found on a batch; pictures are left out."""
        self.write_rows(number, [_row(outcome) for outcome in outcomes])

    def write_rows(self, number: int, rows: Sequence[dict[str, Any]]) -> None:
        """Write what a piece of work came to, as JSON holds it."""
        atomic_write_text(self._path(number), json.dumps(rows, allow_nan=False) + "\n")

    def read_rows(self, number: int) -> list[dict[str, Any]]:
        """Read what `write_rows` wrote."""
        rows: list[dict[str, Any]] = json.loads(self._path(number).read_text(encoding="utf-8"))
        return rows

    def read(self, number: int, pictures: Sequence[Path]) -> Iterator[Outcome]:
        """Read what was found on the pictures of a batch, in their order.

        Args:
            number: The batch's.
            pictures: As the caller named them.
        """
        for row, picture in zip(self.read_rows(number), pictures, strict=True):
            yield _outcome(row, picture)

    @property
    def _failure(self) -> Path:
        return self.folder / "failure.json"

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.json"


def _row(outcome: Outcome) -> dict[str, Any]:
    found, error = outcome.detection, outcome.error
    if found is None:
        error = error or ShipsegError("no result")
        return {"error": error_values(error)}
    return {
        "shape_hw": list(found.shape_hw),
        # A float's shortest decimal form gives back the same float.
        "ship_probability": float(found.ship_probability),
        "passed": bool(found.passed),
        "ships": [[float(ship.score), ship.runs.ravel().tolist()] for ship in found.ships],
        "warnings": list(found.warnings),
    }


def _outcome(row: dict[str, Any], path: Path) -> Outcome:
    if "error" in row:
        return Outcome(path, path.name, error=named_as(error_of(row["error"]), path))
    height, width = row["shape_hw"]
    ships = tuple(
        Ship(np.array(runs, dtype=np.int64).reshape(-1, 2), (height, width), score)
        for score, runs in row["ships"]
    )
    detection = Detection(
        name=path.name,
        shape_hw=(height, width),
        ship_probability=row["ship_probability"],
        passed=row["passed"],
        ships=ships,
        warnings=tuple(row["warnings"]),
    )
    return Outcome(path, path.name, detection)


def error_values(error: ShipsegError) -> dict[str, str | None]:
    """Turn an error into what JSON holds."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def error_of(values: dict[str, Any]) -> ShipsegError:
    """Undo `error_values`."""
    return _kinds().get(values["code"], ShipsegError)(values["message"], hint=values["hint"])


def named_as(error: ShipsegError, path: Path) -> ShipsegError:
    """Call the picture in an error's message what the caller calls it."""
    # The worker was given the whole path, because it works in a folder of its own.
    inside = f"{shown_name(str(path.absolute()))}: "
    if error.message.startswith(inside):
        error.message = f"{shown_name(str(path))}: {error.message.removeprefix(inside)}"
    return error


def _kinds(root: type[ShipsegError] = ShipsegError) -> dict[str, type[ShipsegError]]:
    """Find every class of error by its code."""
    kinds = {root.code: root}
    for child in root.__subclasses__():
        # A class without a code of its own has its parent's, who comes first.
        kinds = _kinds(child) | kinds
    return kinds
