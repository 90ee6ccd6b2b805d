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
from dataset.tiles import Tiles

from shipseg.dataset.crops import CropSample, ShipCrops
from shipseg.training.folder import RunFolder

from .runs import TINY, paths_of, run

pytestmark = pytest.mark.train

# Epochs of a second or more: the folder is looked at every 20 ms, so the kill falls into one.
LONG = ("epochs=3", "tiles_per_epoch=96")
DEADLINE_S = 240


def kill_after_first_epoch(root: Path, tiles: Tiles) -> None:
    """Train a gate in a process of its own, and kill -9 it in its second epoch."""
    command = [sys.executable, "-m", "shipseg", "train", "gate", "-o", str(root)]
    for name, path in paths_of(tiles).items():
        command += [f"--{name}", str(path)]
    for setting in (*TINY["gate"], *LONG):
        command += ["--set", setting]
    checkpoint = RunFolder(root).checkpoint
    deadline = time.monotonic() + DEADLINE_S
    with subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}) as training:
        try:
            while not checkpoint.exists():
                assert training.poll() is None, "the training ended before its first epoch did"
                assert time.monotonic() < deadline
                time.sleep(0.02)
            # Into the middle of the second epoch.
            time.sleep(0.3)
        finally:
            training.kill()
        assert training.wait() == -signal.SIGKILL


def test_a_killed_run_ends_with_the_same_bytes(tiles, tmp_path):
    whole, killed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    kill_after_first_epoch(killed.root, tiles)
    # The table may be one epoch ahead of the checkpoint, never the other way round.
    assert len(killed.metrics.read_text().splitlines()) - 1 in (1, 2)
    assert not killed.summary.exists()

    run("gate", killed.root, tiles, resume=True)
    run("gate", whole.root, tiles, LONG)
    assert_same_runs(killed, whole)
    assert not list(killed.root.glob(".*.tmp*"))


def test_a_segmenter_stopped_in_an_epoch_ends_with_the_same_bytes(tiles, tmp_path, monkeypatch):
    whole, stopped = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "stopped")
    settings = ("epochs=3", "crops_per_epoch=16")
    draw = ShipCrops.__getitem__

    def draw_or_stop(self: ShipCrops, name: tuple[int, int]) -> CropSample:
        if name == (2, 9):
            raise KeyboardInterrupt
        return draw(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(ShipCrops, "__getitem__", draw_or_stop)
        with pytest.raises(KeyboardInterrupt):
            run("segmenter", stopped.root, tiles, settings)
    run("segmenter", stopped.root, tiles, resume=True)
    run("segmenter", whole.root, tiles, settings)
    assert_same_runs(stopped, whole)


def assert_same_runs(one: RunFolder, other: RunFolder) -> None:
    for name in ("best.safetensors", "metrics.csv", "curves.png", "summary.json"):
        assert (one.root / name).read_bytes() == (other.root / name).read_bytes(), name
    assert_same(*(torch.load(run.checkpoint, weights_only=True) for run in (one, other)))


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
