"""`predict --engine ray`: the same bytes as the local engine, whoever dies in between."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from inference.pixels import draw, sea, write_pixel_bundle
from scenes.rasters import save

from shipseg.cli.main import main

from .conftest import Run, save_tile
from .test_predict import files_in, rows_of

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the ray extra")
TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    codes: list[int]
    out: str
    err: list[str]
    log: list[tuple[str, str]]


def run_on_ray(tmp_path: Path, *runs: dict[str, Any]) -> Done:
    """Run `tests/cli/ray_runs.py`; more than one run share a cluster."""
    log = tmp_path / "log"
    log.touch()
    runs = tuple(run | {"arguments": list(map(str, run["arguments"]))} for run in runs)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("ray_runs.py"), log, json.dumps(runs)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    codes = json.loads((tmp_path / "codes").read_text())
    pairs = [tuple(line.split(" ", 1)) for line in log.read_text().splitlines()]
    return Done(
        codes, done.stdout, done.stderr.split("--- ")[1:],
        [(pid, what) for pid, what in pairs],
    )  # fmt: skip


def tile(path: Path, ships: int) -> None:
    save_tile(path, ships=ships, size=256)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_pixel_bundle(tmp_path / "bundle")


@needs_ray
def test_workers_that_are_killed_lose_and_double_nothing(tmp_path: Path, bundle: Path) -> None:
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    names = [f"{i:02d}.png" for i in range(9)]
    names[3], names[6] = "03-kill.png", "06-written.png"
    for i, name in enumerate(names):
        tile(tiles / name, ships=i % 3)
    (tiles / "broken.png").write_text("<html>no picture</html>")
    # A name that is no text, as an archive from elsewhere may leave it.
    tile(tiles / os.fsdecode(b"caf\xe9.png"), ships=1)
    arguments = ["predict", "tiles", "--masks", "--overlays", "--bundle", "bundle", "--json"]
    local, ray = tmp_path / "local", tmp_path / "ray"
    done = run_on_ray(
        tmp_path, {"arguments": [*arguments, "-o", "ray", "--engine", "ray", "-j", 3]}
    )
    assert done.codes == [4], done.err
    assert (
        main([*map(str, arguments[:1]), str(tiles), *arguments[2:5], str(bundle), "-o", str(local)])
        == 4
    )

    assert (tmp_path / "died-03-kill.png").exists()
    assert (tmp_path / "died-written").exists()
    assert len({pid for pid, what in done.log if what == "loaded"}) >= 5
    asked = [what for _, what in done.log]
    assert asked.count("03-kill.png") == asked.count("06-written.png") == 2

    assert files_in(ray) == files_in(local)
    for name in files_in(local):
        assert (ray / name).read_bytes() == (local / name).read_bytes(), name
    assert len(rows_of(ray / "tiles.csv")) == 11
    summary = json.loads(done.out)
    assert (summary["tiles"], summary["ships"]) == (11, 10)
    assert [failed["ImageId"] for failed in summary["failed"]] == ["broken.png"]
    # Workers that die are no news to who can do nothing about it.
    assert done.err[0].splitlines()[1:] == [
        "Note: broken.png: found an HTML page, expected JPEG, PNG, TIFF, WebP or BMP"
    ]


@needs_ray
def test_what_ends_a_run_is_said_and_what_is_finished_stays(tmp_path: Path, bundle: Path) -> None:
    tiles = tmp_path / "tiles"
    for kind in ("slow", "hostile"):
        (tiles / kind).mkdir(parents=True)
        for i in range(4):
            tile(tiles / kind / f"{i}.png", ships=1)
        tile(tiles / kind / f"1-{kind}.png", ships=1)
    theirs = tmp_path / "slow" / ".shipseg-parts-theirs"
    theirs.mkdir(parents=True)
    (theirs / "00000000.json").write_text("of another run")

    def run(kind: str, out: str, **options: Any) -> dict[str, Any]:
        arguments = ["predict", tiles / kind, "-o", out, "-b", "bundle"]
        return {"arguments": [*arguments, "--engine", "ray"], **options}

    done = run_on_ray(
        tmp_path,
        # One part is already there, and four pictures go on beside the slow one.
        run("slow", "slow", interrupt=5),
        run("hostile", "hostile"),
        run("hostile", "unloaded", loads=False),
    )
    assert done.codes == [130, 1, 3], done.err
    interrupted, hostile, unloaded = done.err
    assert "interrupted: 4 of 5 tiles are finished" in interrupted
    finished = [f"{i}.png" for i in range(4)]
    assert [row["ImageId"] for row in rows_of(tmp_path / "slow" / "tiles.csv")] == finished
    assert len(rows_of(tmp_path / "slow" / "submission.csv")) == 4
    assert files_in(tmp_path / "slow") == [
        ".shipseg-parts-theirs/00000000.json", "submission.csv", "tiles.csv",
    ]  # fmt: skip

    assert "3 workers died over the 1 pictures from '1-hostile.png' to '1-hostile.png'" in hostile
    assert [what for _, what in done.log].count("1-hostile.png") == 3
    assert files_in(tmp_path / "hostile") == []

    assert "Error: there is no bundle on this machine" in unloaded
    assert "Hint: copy it there" in unloaded
    assert files_in(tmp_path / "unloaded") == []


def test_without_ray_the_install_line_is_named_and_nothing_made(
    run: Run, tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shipseg.inference.ray_cluster.find_spec", lambda name: None)
    result = run("predict", tiles, "-o", tmp_path / "out", "--engine", "ray")
    assert result.code == 5
    assert 'pip install "shipseg[ray]"' in result.err
    assert not (tmp_path / "out").exists()


@needs_ray
def test_a_scene_whose_worker_is_killed_is_gone_on_with(tmp_path: Path, bundle: Path) -> None:
    scenes = tmp_path / "scenes"
    scenes.mkdir()
    save(scenes / "two.tif", draw(draw(sea(400, 900), (100, 100, 160, 112)), (700, 50, 740, 60)))
    save(scenes / "none.tif", sea(300, 300))
    # Four windows of the gate: the worker dies over the third.
    save(scenes / "large.tif", draw(sea(1000, 1000), (740, 640, 800, 652)))
    (scenes / "torn.tif").write_bytes((scenes / "two.tif").read_bytes()[:3000])
    arguments = ["predict", scenes, "--scene", "--bundle", bundle, "--formats", "geojson,csv,mask"]
    local, ray = tmp_path / "local", tmp_path / "ray"
    done = run_on_ray(tmp_path, {"arguments": [*arguments, "-o", ray, "--engine", "ray", "-j", 2]})
    assert done.codes == [4], done.err
    assert main([*map(str, arguments), "-o", str(local)]) == 4

    assert (tmp_path / "died-scene").exists()
    assert len({pid for pid, what in done.log if what == "loaded"}) == 3
    assert files_in(ray) == files_in(local)
    for name in files_in(local):
        assert (ray / name).read_bytes() == (local / name).read_bytes(), name
    # The journal is the local engine's as well: nothing is left to do but the torn scene.
    assert main([*map(str, arguments), "-o", str(ray), "--resume"]) == 4
    assert (ray / "scenes.csv").read_bytes() == (local / "scenes.csv").read_bytes()


@needs_ray
def test_a_cluster_that_does_not_answer(run: Run, tiles: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        # Bound, and not listened at: nobody else can answer there.
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code = "import sys; from shipseg.cli.main import main; sys.exit(main(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", code, "predict", tiles, "-o", "out", "--engine", "ray"],
            cwd=tmp_path, env=os.environ | {"RAY_ADDRESS": address}, capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert f"no Ray cluster answers at RAY_ADDRESS={address}" in done.stderr
    assert files_in(tmp_path / "out") == []
