"""A training that is killed ends with the very weights that it would have had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from shipseg.training.folder import RunFolder

from .runs import TINY, paths_of, run

pytestmark = pytest.mark.train

# Long epochs beside the time between two looks at the folder, so that the kill falls into one.
LONG = {"gate": ("epochs=3", "tiles_per_epoch=96"), "segmenter": ("epochs=3", "crops_per_epoch=96")}
PATIENCE_S = 240


def kill_after_first_epoch(kind: str, root: Path, tiles) -> None:
    """Run the command in a process of its own, and kill -9 it in its second epoch."""
    command = [sys.executable, "-m", "shipseg", "train", kind, "-o", str(root)]
    for name, path in paths_of(tiles).items():
        command += [f"--{name}", str(path)]
    for setting in (*TINY[kind], *LONG[kind]):
        command += ["--set", setting]
    checkpoint = RunFolder(root).checkpoint
    deadline = time.monotonic() + PATIENCE_S
    with subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}) as training:
        while not checkpoint.exists():
            assert training.poll() is None, "the training ended before its first epoch did"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        # Into the middle of the second epoch.
        time.sleep(0.3)
        training.kill()
        assert training.wait() == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["gate", "segmenter"])
def test_a_killed_run_ends_with_the_same_bytes(kind, tiles, tmp_path):
    whole, killed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    kill_after_first_epoch(kind, killed.root, tiles)
    epochs = len(killed.metrics.read_text().splitlines()) - 1
    assert epochs in (1, 2)
    assert not killed.summary.exists()

    run(kind, killed.root, tiles, resume=True)
    run(kind, whole.root, tiles, LONG[kind])

    for name in ("best.safetensors", "metrics.csv", "curves.png", "summary.json"):
        assert (killed.root / name).read_bytes() == (whole.root / name).read_bytes(), name
    assert_same(*(torch.load(run.checkpoint, weights_only=True) for run in (killed, whole)))
    # And the training had an effect that the comparison could have missed.
    weights = load_file(whole.weights)
    assert any(value.abs().sum() > 0 for value in weights.values())
    assert not list(killed.root.glob(".*.tmp*"))


def assert_same(one: object, other: object, place: str = "") -> None:
    """Compare two checkpoints, tensors bit by bit; only the folder's name may differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            if key not in ("best_model_path", "dirpath"):
                assert_same(one[key], other[key], f"{place}/{key}")
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
        assert len(one) == len(other), place
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{place}[{index}]")
    elif isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        assert torch.equal(one, other), place
    else:
        assert one == other, place
