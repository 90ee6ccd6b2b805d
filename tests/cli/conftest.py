from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shipseg.cli.main import main
from shipseg.labels import write_labels
from shipseg.rle import encode_rle

from .fakes import FakeDetector

SHIP = (slice(100, 112), slice(200, 240))


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program in this process, as `shipseg ARGUMENTS` would, away from any terminal."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> type[FakeDetector]:
    """Put the fake where the commands look for the detector."""
    monkeypatch.setattr("shipseg.inference.detector.Detector", FakeDetector)
    monkeypatch.setattr(FakeDetector, "interrupt_after", None)
    return FakeDetector


def save_tile(path: Path, *, ships: int, sea: int = 40, size: int = 768) -> np.ndarray:
    """Write a PNG with white rectangles on grey; return their mask."""
    rgb = np.full((size, size, 3), sea, np.uint8)
    for i in range(ships):
        rgb[SHIP[0], 20 + 60 * i : 60 + 60 * i] = 255
    Image.fromarray(rgb).save(path)
    return rgb[..., 0] == 255


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """Four tiles: two ships, none, one, and one ship that the gate's threshold of 0.9 drops."""
    folder = tmp_path / "tiles"
    folder.mkdir()
    save_tile(folder / "a.png", ships=2)
    save_tile(folder / "b.png", ships=0)
    save_tile(folder / "c.png", ships=1)
    dim = np.full((768, 768, 3), 40, np.uint8)
    dim[SHIP] = 210
    Image.fromarray(dim).save(folder / "d.png")
    return folder


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """The truth of `tiles`; c's ship lies elsewhere, and b's is one that nobody finds."""

    def rectangle(rows: slice, columns: slice) -> str:
        mask = np.zeros((768, 768), np.bool_)
        mask[rows, columns] = True
        return encode_rle(mask)

    path = tmp_path / "labels.csv"
    rows = [
        ("a.png", rectangle(SHIP[0], slice(20, 60))),
        ("a.png", rectangle(SHIP[0], slice(80, 120))),
        ("b.png", ""),
        ("c.png", rectangle(slice(500, 510), slice(500, 540))),
        ("d.png", rectangle(*SHIP)),
    ]
    write_labels(path, rows)
    return path


@pytest.fixture
def broken(tiles: Path) -> Path:
    """A fifth tile that is no picture."""
    path = tiles / "broken.jpg"
    path.write_text("<html>no picture</html>")
    return path
