from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.errors import ImageTooLargeError, ShipsegError, UsageError
from shipseg.inference.batch import Outcome
from shipseg.inference.detector import Detection
from shipseg.inference.ray_parts import Parts
from shipseg.inference.ships import Ship


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts.make(tmp_path)


def detection(name: str, probability: float, score: float) -> Detection:
    ships = (
        Ship(np.array([[3, 2], [13, 2]]), (10, 20), score),
        Ship(np.array([[100, 7]]), (10, 20), 0.5),
    )
    return Detection(name, (10, 20), probability, True, ships, ("no profile", "CMYK"))


@given(probability=st.floats(0, 1), score=st.floats(0, 1, width=32))
def test_what_is_found_comes_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, probability: float, score: float
) -> None:
    parts = Parts.make(tmp_path_factory.mktemp("out"))
    path = Path("tiles/a.png")
    parts.write(3, [Outcome(path.absolute(), path.name, detection("a.png", probability, score))])
    (outcome,) = parts.read(3, [path])
    found = outcome.detection
    assert found is not None
    assert (outcome.path, outcome.name, found.name) == (path, "a.png", "a.png")
    assert (found.ship_probability, found.ships[0].score) == (probability, score)
    assert (found.shape_hw, found.passed) == ((10, 20), True)
    assert found.warnings == ("no profile", "CMYK")
    assert [ship.runs.tolist() for ship in found.ships] == [[[3, 2], [13, 2]], [[100, 7]]]
    assert found.ships[0].runs.dtype == np.int64


def test_an_error_is_of_its_kind_and_names_the_picture_as_the_caller_does(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("b.png")
    error = ImageTooLargeError(f"{path.absolute()}: is 9 GB", hint="cut it")
    parts.write(0, [Outcome(path.absolute(), "b.png", error=error)])
    (outcome,) = parts.read(0, [path])
    assert type(outcome.error) is ImageTooLargeError
    assert (outcome.error.message, outcome.error.hint) == ("b.png: is 9 GB", "cut it")


def test_a_part_of_other_pictures_is_an_error(parts: Parts) -> None:
    parts.write(0, [Outcome(Path("a.png"), "a.png", error=ShipsegError("no"))])
    with pytest.raises(ValueError, match="longer"):
        list(parts.read(0, [Path("a.png"), Path("b.png")]))


def test_tries_are_counted_apart_and_forgotten(parts: Parts) -> None:
    assert [parts.begin("a"), parts.begin("a"), parts.begin("b")] == [1, 2, 1]
    parts.forget("a")
    parts.forget("never begun")
    assert [parts.begin("a"), parts.begin("b")] == [1, 2]
    assert not parts.has(0)


def test_why_a_worker_gave_up_is_kept(parts: Parts) -> None:
    assert parts.failure() is None
    with pytest.raises(ZeroDivisionError), parts.telling():
        _ = 1 / 0
    failure = parts.failure()
    assert type(failure) is ShipsegError
    assert failure.message == "a worker failed: ZeroDivisionError: division by zero"
    with pytest.raises(UsageError), parts.telling():
        raise UsageError("no such device", hint="choose another")
    failure = parts.failure()
    assert type(failure) is UsageError
    assert failure.hint == "choose another"


def test_only_what_is_ours_is_removed(tmp_path: Path) -> None:
    one, other = Parts.make(tmp_path), Parts.make(tmp_path)
    other.write(0, [])
    (tmp_path / "theirs").touch()
    one.begin("a")
    one.remove()
    assert {path.name for path in tmp_path.iterdir()} == {other.folder.name, "theirs"}
    with pytest.raises(FileNotFoundError):
        one.write(0, [])
