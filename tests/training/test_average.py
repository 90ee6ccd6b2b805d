"""Averaging runs: the mean of what they kept, and only of runs that belong together."""

from __future__ import annotations

import shutil

import pytest
import torch
from dataset.tiles import Tiles, write_tiles
from safetensors.torch import load_file

from shipseg.errors import BadInputError, OutputExistsError, UsageError
from shipseg.training.average import average_runs, mean_of
from shipseg.training.folder import RunFolder, open_run

from .runs import run

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def tiles(tmp_path_factory) -> Tiles:
    return write_tiles(tmp_path_factory.mktemp("tiles"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory, tiles) -> list[RunFolder]:
    root = tmp_path_factory.mktemp("runs")
    first = root / "first"
    run("segmenter", first, tiles, ["epochs=1"])
    start = f"start_from={first / 'best.safetensors'}"
    run("segmenter", root / "second", tiles, ["epochs=1", "seed=1", "learning_rate=0.01", start])
    return [RunFolder(first), RunFolder(root / "second")]


def test_the_mean_of_two_runs_is_a_run(runs, tmp_path):
    with open_run(tmp_path / "mean") as folder:
        summary = average_runs(runs, folder)
    assert summary["averaged"] == [str(run.root) for run in runs]
    one, other = (load_file(run.weights) for run in runs)
    mean = load_file(folder.weights)
    assert mean.keys() == one.keys()
    moved = 0
    for name, value in mean.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (one[name] + other[name]) / 2)
            moved += not torch.equal(one[name], other[name])
        else:
            assert torch.equal(value, one[name])
    assert moved > 40
    assert folder.config.read_text() == runs[0].config.read_text()


def test_a_mean_of_one_is_refused(runs, tmp_path):
    with open_run(tmp_path / "mean") as folder, pytest.raises(UsageError, match="found 1"):
        average_runs(runs[:1], folder)
    assert not (tmp_path / "mean").exists()


def test_a_run_that_is_there_is_not_replaced(runs):
    with pytest.raises(OutputExistsError), open_run(runs[0].root):
        pass


def test_an_unfinished_run(runs, tmp_path):
    shutil.copytree(runs[1].root, tmp_path / "killed")
    killed = RunFolder(tmp_path / "killed")
    killed.summary.unlink()
    with open_run(tmp_path / "mean") as folder, pytest.raises(UsageError, match="no finished run"):
        average_runs([runs[0], killed], folder)


def test_another_network(runs, tiles, tmp_path):
    run("segmenter", tmp_path / "full", tiles, ["epochs=1", "half_resolution=false"])
    with (
        open_run(tmp_path / "mean") as folder,
        pytest.raises(BadInputError, match="half_resolution: True and False"),
    ):
        average_runs([runs[0], RunFolder(tmp_path / "full")], folder)


def test_segmenters_may_have_learnt_from_labels_moved_or_not(runs, tmp_path):
    shutil.copytree(runs[1].root, tmp_path / "moved")
    moved = RunFolder(tmp_path / "moved")
    text = moved.config.read_text()
    assert "truth_shift_px: 0.0" in text
    moved.config.write_text(text.replace("truth_shift_px: 0.0", "truth_shift_px: 0.5"))
    with open_run(tmp_path / "mean") as folder:
        assert average_runs([runs[0], moved], folder)["finished"]


def test_refiners_may_not(tiles, tmp_path):
    # What such a mean finds would lie neither where the labels are nor where the ships are.
    for shift in (0.0, 0.5):
        settings = ["epochs=1", f"truth_shift_px={shift}"]
        run("refiner", tmp_path / str(shift), tiles, settings)
    refiners = [RunFolder(tmp_path / name) for name in ("0.0", "0.5")]
    with (
        open_run(tmp_path / "mean") as folder,
        pytest.raises(BadInputError, match=r"truth_shift_px: 0\.0 and 0\.5"),
    ):
        average_runs(refiners, folder)


def test_other_tiles(runs, tmp_path):
    shutil.copytree(runs[1].root, tmp_path / "other")
    other = RunFolder(tmp_path / "other")
    text = other.environment.read_text()
    assert '"ships": ' in text
    other.environment.write_text(text.replace('"ships": ', '"ships": 9'))
    with open_run(tmp_path / "mean") as folder, pytest.raises(BadInputError, match="other tiles"):
        average_runs([runs[0], other], folder)


def test_a_truncated_file(runs, tmp_path):
    shutil.copytree(runs[1].root, tmp_path / "cut")
    cut = RunFolder(tmp_path / "cut")
    cut.weights.write_bytes(cut.weights.read_bytes()[:-100])
    with open_run(tmp_path / "mean") as folder, pytest.raises(BadInputError, match="truncated"):
        average_runs([runs[0], cut], folder)


def test_tensors_that_differ_are_named():
    states = [{"a": torch.zeros(2)}, {"a": torch.zeros(3)}]
    with pytest.raises(BadInputError, match="differ in 1 tensors, the first is 'a'"):
        mean_of(states, ["one", "two"])


def test_the_last_epoch_is_kept_where_it_is_asked_for(tiles, tmp_path):
    kept = {}
    for keep in ("best", "last"):
        # Nothing is learnt, so that the first epoch stays the best.
        settings = ["epochs=2", "learning_rate=1e-12", f"keep={keep}"]
        kept[keep] = run("segmenter", tmp_path / keep, tiles, settings)["kept_epoch"]
    assert kept["last"] == 2
    assert kept["best"] == 1
