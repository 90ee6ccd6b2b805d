from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shipseg.imaging.synthetic import SyntheticScene, draw_scene
from shipseg.labels import read_labels

from .conftest import Run

pytestmark = pytest.mark.usefixtures("detector", "small_sea")

SIDE = 192


@pytest.fixture
def small_sea(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw small scenes: a tile of 768 px takes a second."""

    def draw_small(seed: int, **options: Any) -> SyntheticScene:
        return draw_scene(seed, (SIDE, SIDE), **options)

    monkeypatch.setattr("shipseg.cli.demonstration.draw_scene", draw_small)


def test_the_demo_leaves_pictures_tables_and_a_page(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    result = run("demo", "-o", out)
    assert result.code == 0, result.err
    assert str(out / "index.html") in result.out
    names = ["open-sea.png", "coast.png", "clouds.png"]
    assert list(read_labels(out / "labels.csv", shape_hw=(SIDE, SIDE)).image_ids) == names
    assert list(read_labels(out / "submission.csv", shape_hw=(SIDE, SIDE)).image_ids) == names
    for folder in ("tiles", "overlays"):
        assert sorted(path.name for path in (out / folder).iterdir()) == sorted(names)
    page = (out / "index.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == 3
    assert "http" not in page.replace("http-equiv", "")


def test_the_truth_is_that_of_the_drawing(run: Run, tmp_path: Path) -> None:
    run("demo", "-o", tmp_path / "demo")
    table = read_labels(tmp_path / "demo" / "labels.csv", shape_hw=(SIDE, SIDE))
    assert table.has_ships("open-sea.png")
    assert not table.has_ships("clouds.png")


def test_a_seed_draws_the_same_sea_again(run: Run, tmp_path: Path) -> None:
    def sea(folder: str, *options: object) -> np.ndarray:
        assert run("demo", "-o", tmp_path / folder, *options).code == 0
        with Image.open(tmp_path / folder / "tiles" / "open-sea.png") as image:
            return np.asarray(image)

    first = sea("a")
    assert np.array_equal(first, sea("b", "--seed", 0))
    assert not np.array_equal(first, sea("c", "--seed", 1))


def test_json_names_the_files(run: Run, tmp_path: Path) -> None:
    document = json.loads(run("demo", "-o", tmp_path / "demo", "--json").out)
    assert document["tiles"] == 3
    assert document["drawn"] >= 1
    assert Path(document["page"]).is_file()


def test_an_earlier_demo_is_not_written_over(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    assert run("demo", "-o", out).code == 0
    again = run("demo", "-o", out)
    assert again.code == 2
    assert "--overwrite" in again.err
    assert run("demo", "-o", out, "--overwrite").code == 0
