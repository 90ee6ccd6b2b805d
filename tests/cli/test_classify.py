from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run
from .fakes import FakeDetector

pytestmark = pytest.mark.usefixtures("detector")


def test_the_table_is_on_stdout(run: Run, tiles: Path) -> None:
    result = run("classify", tiles)
    assert result.code == 0, result.err
    assert result.out.splitlines() == [
        "ImageId,ship_probability,passed,error",
        "a.png,1.000000,true,",
        "b.png,0.156863,false,",
        "c.png,1.000000,true,",
        "d.png,0.823529,false,",
    ]
    assert result.err == ""


def test_labels_stand_beside_and_figures_are_told(run: Run, tiles: Path, labels: Path) -> None:
    result = run("classify", tiles, "--labels", labels)
    assert result.out.splitlines()[0] == "ImageId,ship_probability,passed,truth_ships,error"
    assert result.out.splitlines()[1] == "a.png,1.000000,true,2,"
    words = " ".join(result.err.split())
    assert "tiles with truth 4, 3 with ships" in words
    # Two of three tiles with ships pass, and no empty one.
    assert "F1 0.800 precision 1.000 recall 0.667" in words
    assert "best F1 1.000" in words


def test_the_threshold_decides_what_passes(run: Run, tiles: Path, labels: Path) -> None:
    result = run("classify", tiles, "--labels", labels, "--threshold", "0.8", "--json")
    document = json.loads(result.out)
    assert document["gate_threshold"] == 0.8
    assert document["passed"] == 3
    assert document["figures"]["f1"] == 1.0
    assert document["rows"][1] == {
        "image_id": "b.png",
        "ship_probability": pytest.approx(40 / 255),
        "passed": False,
        "truth_ships": 0,
        "error": "",
    }


def test_tiles_without_truth_are_left_out_of_the_figures(
    run: Run, tiles: Path, labels: Path
) -> None:
    (tiles / "a.png").rename(tiles / "z.png")
    result = run("classify", tiles, "--labels", labels)
    assert result.out.splitlines()[-1] == "z.png,1.000000,true,,"
    assert "1 of 4 tiles are not in the label table" in result.err
    assert "3, 2 with ships" in result.err


@pytest.mark.usefixtures("broken")
def test_broken_tiles_are_named(run: Run, tiles: Path, labels: Path) -> None:
    result = run("classify", tiles)
    assert result.code == 4
    assert '\nbroken.jpg,,,"found an HTML page, expected' in result.out
    assert "broken.jpg" in result.err
    assert run("classify", tiles / "broken.jpg").code == 3
    assert run("classify", tiles / "broken.jpg", "--labels", labels, "--json").code == 3


def test_the_table_can_go_to_a_file(run: Run, tiles: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "gate.csv"
    result = run("classify", tiles, "-o", path)
    assert result.code == 0
    assert result.out == ""
    assert len(path.read_text().splitlines()) == 5
    again = run("classify", tiles, "-o", path)
    assert again.code == 2
    assert "--overwrite" in again.err
    assert run("classify", tiles, "-o", path, "--overwrite").code == 0


def test_an_interrupt_keeps_the_rows_so_far(
    run: Run, tiles: Path, tmp_path: Path, detector: type[FakeDetector]
) -> None:
    detector.interrupt_after = 2
    result = run("classify", tiles, "-o", tmp_path / "gate.csv", "--workers", 1)
    assert result.code == 130
    assert "2 of 4 tiles" in result.err
    assert len((tmp_path / "gate.csv").read_text().splitlines()) == 3
