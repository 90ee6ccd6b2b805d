"""Many pictures side by side: in order, one broken picture never stops the rest."""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from shipseg.errors import ShipsegError, UsageError
from shipseg.imaging.decode import Picture, read_image
from shipseg.inference.detector import Detection, Detector

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
"""What counts as a picture where a folder is named; a file named by itself is always tried."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of one picture: a detection or an error, never both.

    Attributes:
        path: The file.
        name: Its file name, the ImageId.
        detection: What was found.
        picture: The decoded picture, where it was asked to be kept.
        error: Why nothing can be said.
    """

    path: Path
    name: str
    detection: Detection | None = None
    picture: Picture | None = None
    error: ShipsegError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """What the gate said of one picture: a probability or an error, never both."""

    path: Path
    name: str
    ship_probability: float | None = None
    error: ShipsegError | None = None


def find_images(arguments: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Turn files, folders and globs into a list of pictures.

    Folders are searched whole, by suffix, in the order of their names.

    Raises:
        UsageError: An argument finds nothing, or two files share the name that would be their
            ImageId.
    """
    found: dict[Path, None] = {}
    for argument in arguments:
        for path in _expand(Path(argument)):
            found.setdefault(path)
    by_name: dict[str, Path] = {}
    for path in found:
        first = by_name.setdefault(path.name, path)
        if first is not path:
            raise UsageError(
                f"two pictures would share the ImageId '{path.name}': '{first}' and '{path}'",
                hint="predict them in two calls",
            )
    return list(found)


def _expand(path: Path) -> list[Path]:
    if path.is_dir():
        inside = [
            Path(folder) / name
            for folder, _, names in os.walk(path)
            for name in names
            if Path(name).suffix.lower() in SUFFIXES
        ]
        if not inside:
            raise UsageError(
                f"the folder '{path}' holds no picture",
                hint=f"looked for {', '.join(sorted(SUFFIXES))}",
            )
        return sorted(inside)
    if path.exists():
        return [path]
    matches = sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207  takes absolute ones
    if not matches:
        raise UsageError(f"'{path}' is no file, no folder and no pattern that matches one")
    return [inner for match in matches for inner in (_expand(match) if match.is_dir() else [match])]


def predict_paths(
    detector: Detector,
    paths: Iterable[Path],
    *,
    workers: int | None = None,
    gated: bool = True,
    keep_pictures: bool = False,
) -> Iterator[Outcome]:
    """Find ships in many files, several at a time; outcomes come in the order of `paths`.

    Args:
        detector: With one thread per call.
        paths: Files.
        workers: Pictures at a time; None takes one per core.
        gated: False asks the segmenter about every picture.
        keep_pictures: Hand the decoded pixels on, for drawing.
    """

    def work(path: Path) -> Outcome:
        try:
            picture = read_image(path)
            detection = detector.predict(picture, gated=gated, name=path.name)
        except ShipsegError as error:
            return Outcome(path, path.name, error=error)
        return Outcome(path, path.name, detection, picture if keep_pictures else None)

    return _in_order(work, paths, workers)


def classify_paths(
    detector: Detector, paths: Iterable[Path], *, workers: int | None = None
) -> Iterator[Classification]:
    """Ask the gate about many files; outcomes come in the order of `paths`."""

    def work(path: Path) -> Classification:
        try:
            return Classification(path, path.name, detector.classify(path))
        except ShipsegError as error:
            return Classification(path, path.name, error=error)

    return _in_order(work, paths, workers)


Result = TypeVar("Result")


def _in_order(
    work: Callable[[Path], Result], paths: Iterable[Path], workers: int | None
) -> Iterator[Result]:
    """Run `work` on threads, a bounded number ahead of whoever takes the results."""
    count = workers or os.cpu_count() or 1
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="shipseg") as pool:
        try:
            for path in paths:
                waiting.append(pool.submit(work, path))
                # Decoding, gate and segmenter release the interpreter, so threads do run at once.
                if len(waiting) >= 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # Ctrl-C or a caller that stops early: what has not started shall not.
            for future in waiting:
                future.cancel()
