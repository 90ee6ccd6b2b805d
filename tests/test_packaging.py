"""The package as installed for prediction: no torch, and a missing extra names its install line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def core_python() -> str:
    """Return the interpreter of an environment with the core dependencies alone.

    `make test` makes that environment and names it. Without it these tests fail: a skip would hide
    that nobody ever ran shipseg without torch.
    """
    name = os.environ.get("SHIPSEG_CORE_PYTHON")
    assert name, "run the tests with 'make test', which sets SHIPSEG_CORE_PYTHON"
    return name


def run(python: str, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    # An empty home and no proxy: the bundled model must need neither.
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [python, *arguments], capture_output=True, text=True, env=environment, timeout=120
    )


def test_core_environment_has_no_torch(core_python: str, tmp_path: Path) -> None:
    done = run(core_python, "-c", "import torch", home=tmp_path)
    assert "No module named 'torch'" in done.stderr


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["train", "gate", "--images", ".", "--labels", "x.csv"], "train"),
        (["train", "segmenter", "--images", ".", "--labels", "x.csv"], "train"),
        (["export", "a", "b", "-o", "c"], "train"),
        (["serve"], "serve"),
    ],
    ids=["gate", "segmenter", "export", "serve"],
)
def test_missing_extra_names_the_install_line(
    core_python: str, command: list[str], extra: str, tmp_path: Path
) -> None:
    done = run(core_python, "-m", "shipseg", *command, home=tmp_path)
    assert done.returncode == 5, done.stderr
    assert f'pip install "shipseg[{extra}]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_runs_with_an_empty_home_and_no_torch(core_python: str, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = run(core_python, "-m", "shipseg", "demo", "-o", str(out), home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert (out / "index.html").is_file()
    rows = (out / "submission.csv").read_text().splitlines()
    assert rows[0] == "ImageId,EncodedPixels"
    assert any(row.split(",")[1] for row in rows[1:]), "the bundled model found no drawn ship"
