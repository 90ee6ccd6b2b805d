"""Many pictures side by side: in order, one broken picture never stops the rest."""

from __future__ import annotations

import glob
import os
from collections.abc import Generator, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from shipseg.errors import ShipsegError, UsageError
from shipseg.imaging.decode import Picture, read_image
from shipseg.inference.detector import Detection, Detector
from shipseg.parallel import in_order, worker_count

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
    """What the gate said of one picture: a probability or an error, never both.

    Attributes:
        path: The file.
        name: Its file name, the ImageId.
        ship_probability: Of a ship anywhere in it, 0..1.
        error: Why nothing can be said.
    """

    path: Path
    name: str
    ship_probability: float | None = None
    error: ShipsegError | None = None


def find_images(
    arguments: Sequence[str | os.PathLike[str]], *, suffixes: Set[str] = SUFFIXES
) -> list[Path]:
    """Turn files, folders and globs into a list of pictures, each file once.

    Folders are searched whole, by suffix, in the order of their names. Names that start with a dot
    (thumbnails, and the second file that macOS writes beside each picture) are passed over there,
    and by `*`.

    Args:
        arguments: What a person named.
        suffixes: What counts as a picture where a folder is named, in lower case.

    Raises:
        UsageError: An argument finds nothing, a folder cannot be read, or two files share the name
            that would be their ImageId.
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        for path in _expand(os.fspath(argument), suffixes):
            # Not resolve(): a link is a picture with a name of its own.
            found.setdefault(os.path.abspath(path), path)  # noqa: PTH100  absolute() keeps '..'
    by_name: dict[str, Path] = {}
    for path in found.values():
        first = by_name.setdefault(path.name, path)
        if first is not path:
            raise UsageError(
                f"two pictures would share the ImageId '{path.name}': '{first}' and '{path}'",
                hint="predict them in two calls",
            )
    return list(found.values())


def _expand(argument: str, suffixes: Set[str]) -> list[Path]:
    path = Path(argument)
    try:
        # Path("") is the working folder, which nobody meant.
        if argument and path.is_dir():
            return _pictures_in(path, suffixes)
        if argument and path.exists():
            return [path]
        matches = sorted(map(Path, glob.glob(argument, recursive=True)))  # noqa: PTH207  absolute too
        # A pattern may match folders beside pictures, and some of them may hold none.
        found = [
            inner
            for match in matches
            for inner in (_walk(match, suffixes) if match.is_dir() else [match])
        ]
    except OSError as error:
        raise UsageError(f"'{error.filename or path}' cannot be read: {error.strerror}") from error
    if not found:
        raise UsageError(f"'{argument}' is no file, no folder and no pattern that finds a picture")
    return found


def _pictures_in(folder: Path, suffixes: Set[str]) -> list[Path]:
    inside = _walk(folder, suffixes)
    if not inside:
        raise UsageError(
            f"the folder '{folder}' holds no picture",
            hint=f"looked for {', '.join(sorted(suffixes))}",
        )
    return inside


def _walk(folder: Path, suffixes: Set[str]) -> list[Path]:
    def stop(error: OSError) -> None:
        raise error

    inside = []
    # Without onerror, a folder that cannot be read would be passed over in silence.
    for place, folders, names in os.walk(folder, onerror=stop):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside += [
            Path(place, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes
        ]
    return sorted(inside)


def predict_paths(
    detector: Detector,
    paths: Iterable[Path],
    *,
    workers: int | None = None,
    gated: bool = True,
    keep_pictures: bool = False,
) -> Generator[Outcome, None, None]:
    """Find ships in many files, several at a time; outcomes come in the order of `paths`.

    Args:
        detector: With one thread per call.
        paths: Files.
        workers: Pictures at a time; None takes one per core.
        gated: False asks the segmenter about every picture.
        keep_pictures: Hand the decoded pixels on, for drawing.

    Raises:
        UsageError: `workers` is below 1.
    """

    def work(path: Path) -> Outcome:
        try:
            picture = read_image(path)
            detection = detector.predict(picture, gated=gated, name=path.name)
        except ShipsegError as error:
            return Outcome(path, path.name, error=error)
        return Outcome(path, path.name, detection, picture if keep_pictures else None)

    return in_order(work, paths, worker_count(workers))


def classify_paths(
    detector: Detector, paths: Iterable[Path], *, workers: int | None = None
) -> Iterator[Classification]:
    """Ask the gate about many files; outcomes come in the order of `paths`.

    Raises:
        UsageError: `workers` is below 1.
    """

    def work(path: Path) -> Classification:
        try:
            return Classification(path, path.name, detector.classify(path))
        except ShipsegError as error:
            return Classification(path, path.name, error=error)

    return in_order(work, paths, worker_count(workers))
