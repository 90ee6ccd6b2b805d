import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shipseg.errors import ImageError, UsageError
from shipseg.imaging.decode import Picture
from shipseg.inference import batch
from shipseg.inference.batch import Outcome, classify_paths, find_images, predict_paths
from shipseg.inference.detector import Detector

from .pixels import draw, sea


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


# --- find_images


def test_a_folder_is_searched_whole_by_suffix_and_in_order(tmp_path: Path) -> None:
    kept = [touch(tmp_path / name) for name in ("B.JPG", "a.png", "sub/c.tiff", "sub/deep/d.webp")]
    for name in ("notes.txt", "._a.png", ".thumbs/e.png", "sub/.f.jpg"):
        touch(tmp_path / name)
    assert find_images([tmp_path]) == kept


def test_a_file_named_by_itself_is_always_taken(tmp_path: Path) -> None:
    named = [touch(tmp_path / name) for name in ("picture.dat", ".hidden.jpg")]
    assert find_images(named) == named


def test_globs_find_files_and_what_is_in_folders(tmp_path: Path) -> None:
    one, two = touch(tmp_path / "x/1.png"), touch(tmp_path / "y/2.png")
    touch(tmp_path / "z/none.txt")
    assert find_images([f"{tmp_path}/*/*.png"]) == [one, two]
    assert find_images([f"{tmp_path}/**/[12].png"]) == [one, two]
    # A folder without pictures is no reason to refuse those beside it.
    assert find_images([f"{tmp_path}/*"]) == [one, two]


def test_a_name_with_brackets_that_is_there_is_no_glob(tmp_path: Path) -> None:
    odd = touch(tmp_path / "tile[1].png")
    touch(tmp_path / "tile1.png")
    assert find_images([odd]) == [odd]


def test_a_file_named_twice_comes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "a/1.png")
    monkeypatch.chdir(tmp_path)
    spellings = ["a/1.png", "a", "./a/1.png", "a/../a/1.png", str(tmp_path / "a/1.png"), "a/*.png"]
    assert find_images(spellings) == [Path("a/1.png")]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "a/1.png")
    touch(tmp_path / "b/1.png")
    with pytest.raises(UsageError, match=r"share the ImageId '1\.png'"):
        find_images([tmp_path])


@pytest.mark.parametrize("argument", ["none.png", "none*.png", "", "a\0b", "x" * 5000])
def test_what_finds_nothing_is_refused(
    argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path / "1.png")
    with pytest.raises(UsageError):
        find_images([argument])


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no picture"):
        find_images([tmp_path])


def test_a_folder_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "1.png")
    locked = tmp_path / "locked"
    locked.mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(locked))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UsageError, match="locked' cannot be read: Permission denied"):
        find_images([tmp_path])


# --- predict_paths


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    made = []
    for index in range(8):
        rgb = sea(*(int(side) for side in rng.integers(100, 900, 2)))
        for _ in range(index % 4):
            x, y = (int(rng.integers(0, side - 40)) for side in (rgb.shape[1], rgb.shape[0]))
            draw(rgb, (x, y, x + 40, y + 12), (int(rng.integers(150, 256)),) * 3)
        path = folder / f"{index}.png"
        Image.fromarray(rgb).save(path)
        made.append(path)
    return made


def said(outcomes: Iterator[Outcome]) -> dict[str, tuple[object, ...]]:
    found = {}
    for outcome in outcomes:
        assert outcome.detection is not None
        detection = outcome.detection
        found[outcome.name] = (
            detection.ship_probability,
            *((ship.rle, ship.score) for ship in detection.ships),
        )
    return found


def test_the_same_whatever_the_workers_and_the_order(detector: Detector, paths: list[Path]) -> None:
    one = said(predict_paths(detector, paths, workers=1))
    many = said(predict_paths(detector, paths, workers=4))
    turned = said(predict_paths(detector, paths[::-1], workers=4))
    assert list(one) == list(many) == [path.name for path in paths]
    assert list(turned) == list(one)[::-1]
    assert one == many == turned
    assert any(len(found) > 1 for found in one.values())


def test_one_broken_picture_does_not_stop_the_rest(
    detector: Detector, paths: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(paths[1].read_bytes()[:60])
    outcomes = list(predict_paths(detector, [paths[0], broken, tmp_path / "none.png", paths[1]]))
    assert [type(outcome.error) for outcome in outcomes] == [
        type(None), ImageError, UsageError, type(None),
    ]  # fmt: skip
    for outcome in outcomes:
        assert (outcome.detection is None) == (outcome.error is not None)
        assert outcome.picture is None


def test_pictures_are_kept_where_asked(detector: Detector, paths: list[Path]) -> None:
    for outcome in predict_paths(detector, paths[:2], keep_pictures=True):
        assert isinstance(outcome.picture, Picture)
        assert outcome.detection is not None
        assert outcome.picture.shape_hw == outcome.detection.shape_hw


def test_ungated_asks_about_every_picture(detector: Detector, paths: list[Path]) -> None:
    outcomes = predict_paths(detector, paths[:2], gated=False)
    assert all(outcome.detection and outcome.detection.passed for outcome in outcomes)


def test_classify_paths_gives_the_gate_s_word(
    detector: Detector, paths: list[Path], tmp_path: Path
) -> None:
    found = list(classify_paths(detector, [*paths[:2], tmp_path / "none.png"], workers=2))
    assert [one.name for one in found] == ["0.png", "1.png", "none.png"]
    assert found[0].ship_probability == 0.0
    assert found[1].ship_probability == detector.classify(paths[1]) > 0
    assert found[2].ship_probability is None
    assert isinstance(found[2].error, UsageError)


@pytest.mark.parametrize("workers", [0, -1])
def test_there_is_at_least_one_worker(detector: Detector, workers: int) -> None:
    # At the call, not when the first outcome is asked for.
    with pytest.raises(UsageError, match="expected 1 or more"):
        predict_paths(detector, [], workers=workers)
    with pytest.raises(UsageError, match="expected 1 or more"):
        classify_paths(detector, [], workers=workers)


def test_an_unforeseen_error_comes_out_in_its_turn_and_stops(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def read(path: Path) -> Picture:
        started.append(path)
        if path.name == "2":
            raise ZeroDivisionError("a bug")
        time.sleep(0.005)
        return Picture(sea(8, 8))

    monkeypatch.setattr(batch, "read_image", read)
    outcomes = predict_paths(detector, [Path(str(index)) for index in range(100)], workers=2)
    assert [next(outcomes).name, next(outcomes).name] == ["0", "1"]
    with pytest.raises(ZeroDivisionError, match="a bug"):
        next(outcomes)
    assert len(started) < 20


def test_a_caller_that_stops_early_leaves_no_thread_and_no_work(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def read(path: Path) -> Picture:
        started.append(path.name)
        if path.name != "0":
            time.sleep(0.2)
        return Picture(sea(8, 8))

    monkeypatch.setattr(batch, "read_image", read)
    outcomes = predict_paths(detector, (Path(str(index)) for index in range(1000)), workers=2)
    assert next(outcomes).name == "0"
    outcomes.close()  # type: ignore[attr-defined]
    # 1 and 2 were under way; 3 was waiting, and is called off.
    assert set(started) <= {"0", "1", "2"}
    assert not [t for t in threading.enumerate() if t.name.startswith("shipseg")]


def test_paths_are_taken_a_bounded_number_ahead(detector: Detector, paths: list[Path]) -> None:
    taken = []

    def supply() -> Iterator[Path]:
        for _ in range(100):
            taken.append(1)
            yield paths[0]

    outcomes = predict_paths(detector, supply(), workers=3)
    for _ in range(5):
        next(outcomes)
    assert len(taken) <= 5 + 6
    outcomes.close()  # type: ignore[attr-defined]


def test_one_detector_serves_many_threads(detector: Detector, paths: list[Path]) -> None:
    expected = [[ship.rle for ship in detector.detect(path)] for path in paths]
    found: list[list[list[str]]] = []

    def work() -> None:
        ships = [detector.detect(path) for path in paths]
        for ship in (ship for some in ships for ship in some):
            assert ship.polygon.area == ship.area_px
        found.append([[ship.rle for ship in some] for some in ships])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [expected] * 4
