"""Whole trainings, tiny: what they leave behind, how they stop, and what they refuse."""

from __future__ import annotations

import csv
import json
import logging
import shutil
import signal
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from dataset.tiles import Tiles, write_tiles
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from shipseg.bundle.choices import Choices
from shipseg.bundle.export import export_bundle
from shipseg.dataset.crops import WholeTiles
from shipseg.dataset.gate_tiles import GateTiles, GateTilesPlain
from shipseg.dataset.hulls import HullsPlain
from shipseg.dataset.source import TileCount
from shipseg.errors import BadInputError, ConfigError
from shipseg.evaluation.classification import best_f1
from shipseg.models.losses import (
    fit_loss,
    gate_loss,
    rectangle_iou,
    rectangles_at,
    refiner_loss,
    segmenter_loss,
)
from shipseg.training.config import read_config
from shipseg.training.data import open_tiles
from shipseg.training.fit import Start, positive_weight
from shipseg.training.folder import RunFolder
from shipseg.training.modules import GateModule, RefinerModule, SegmenterModule

from .runs import MONITORS, run

pytestmark = pytest.mark.train


def rows_of(folder: RunFolder) -> list[dict[str, float]]:
    with folder.metrics.open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def contents(folder: RunFolder) -> dict[str, bytes]:
    paths = (
        folder.metrics, folder.curves, folder.weights, folder.summary, folder.samples / "val.png",
    )  # fmt: skip
    return {path.name: path.read_bytes() for path in paths}


@pytest.fixture(scope="module", params=["gate", "segmenter", "refiner"])
def finished(request, tiles, tmp_path_factory) -> tuple[str, RunFolder]:
    """A run that ended by itself; treat it as read-only, or copy it."""
    root = tmp_path_factory.mktemp("runs") / request.param
    # Warm enough to move away from the start within two epochs.
    run(request.param, root, tiles, ["learning_rate=0.01"])
    return request.param, RunFolder(root)


@pytest.fixture
def copied(finished, tmp_path) -> tuple[str, RunFolder]:
    kind, folder = finished
    return kind, RunFolder(shutil.copytree(folder.root, tmp_path / kind))


class TestWhatIsLeft:
    def test_one_row_per_epoch(self, finished):
        kind, folder = finished
        rows = rows_of(folder)
        assert [row["epoch"] for row in rows] == [1, 2]
        for row in rows:
            assert row.keys() >= {"train_loss", "val_loss", MONITORS[kind]}
            assert 0 <= row[MONITORS[kind]] <= 1
            assert 0 < row["train_loss"] < 50

    def test_the_summary_names_the_best_epoch(self, finished):
        kind, folder = finished
        summary = json.loads(folder.summary.read_text())
        best = max(row[MONITORS[kind]] for row in rows_of(folder))
        assert summary["best"][MONITORS[kind]] == pytest.approx(best, abs=1e-6)
        assert (summary["finished"], summary["stopped_early"], summary["epochs"]) == (
            True,
            False,
            2,
        )

    def test_pictures_for_people(self, finished):
        _, folder = finished
        for path in (folder.curves, folder.samples / "val.png"):
            with Image.open(path) as image:
                assert image.format == "PNG"
                assert np.asarray(image.convert("L")).std() > 5

    def test_events_for_tensorboard(self, finished):
        assert len(list(finished[1].tensorboard.glob("events.out.tfevents.*"))) == 1

    def test_the_environment_says_which_tiles(self, finished, tiles):
        data = json.loads(finished[1].environment.read_text())["data"]
        assert data["train"]["tiles"] + data["val"]["tiles"] == len(tiles.ids)
        assert (data["val"]["tiles"], data["val"]["with_ships"]) == (4, 2)

    def test_the_weights_kept_are_those_that_were_validated(self, finished):
        """With a moving average the network that steps is another one: score the kept weights."""
        kind, folder = finished
        config = read_config(folder.config)
        train, val = open_tiles(config)
        best = json.loads(folder.summary.read_text())["best"]
        with safe_open(folder.weights, "pt") as file:
            assert file.metadata() == {"epoch": str(best["epoch"])}
        for name, value in SCORES[kind](config, folder, train, val).items():
            assert best[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name


@torch.inference_mode()
def gate_scores(config, folder, train, val) -> dict[str, float]:
    net = GateModule(config).net.eval()
    net.load_state_dict(load_file(folder.weights))
    data = GateTilesPlain(val, input_size=config.input_size, stride=16)
    batch = [torch.stack(part) for part in zip(*(data[i] for i in range(len(data))), strict=True)]
    tile, cells = net(batch[0])
    loss = gate_loss(
        tile, cells, batch[1], batch[2],
        positive_weight=positive_weight(config, train), cell_weight=config.cell_weight,
    )  # fmt: skip
    point = best_f1(tile.double().numpy(), batch[1].numpy() > 0)
    assert point is not None
    return {"val_loss": float(loss), "val_f1": point.counts.f1 or 0.0}


@torch.inference_mode()
def segmenter_scores(config, folder, train, val) -> dict[str, float]:
    net = SegmenterModule(config).net.eval()
    net.load_state_dict(load_file(folder.weights))
    data = WholeTiles(val, limit=None)
    losses, dices = [], []
    for image, mask, core, _weight in (data[i] for i in range(len(data))):
        logits = net(image[None])[0]
        of_ship, of_core = (
            float(segmenter_loss(
                plane[None], target[None], dice_weight=config.dice_weight,
                pixel_positive_weight=config.pixel_positive_weight,
            ))
            for plane, target in zip(logits, (mask, core), strict=True)
        )  # fmt: skip
        losses.append(of_ship + config.core_weight * of_core)
        if mask.any():
            found = (logits[0] > 0).numpy()
            truth = mask.numpy() > 0
            dices.append(2 * (found & truth).sum() / (found.sum() + truth.sum()))
    return {"val_loss": float(np.mean(losses)), "val_dice": float(np.mean(dices))}


@torch.inference_mode()
def refiner_scores(config, folder, train, val) -> dict[str, float]:
    net = RefinerModule(config).net.eval()
    net.load_state_dict(load_file(folder.weights))
    data = HullsPlain(val, truth_shift_px=config.truth_shift_px)
    image, seen, guess, truth, is_hull, fit = (
        torch.stack(part) for part in zip(*(data[i] for i in range(len(data))), strict=True)
    )
    assert is_hull.all()
    sides, log_odds = net(image)
    result = rectangles_at(sides, seen)
    loss = refiner_loss(result, truth) + config.fit_weight * fit_loss(log_odds, fit)
    return {
        "val_loss": float(loss),
        "val_iou": float(rectangle_iou(result, truth).mean()),
        "val_iou_before": float(rectangle_iou(guess, truth).mean()),
    }


SCORES = {"gate": gate_scores, "segmenter": segmenter_scores, "refiner": refiner_scores}
MODULES = {"gate": GateModule, "segmenter": SegmenterModule, "refiner": RefinerModule}


class TestResume:
    def test_a_finished_run_is_only_written_again(self, copied, tiles):
        kind, folder = copied
        before = contents(folder)
        # What a kill can leave: files of an epoch that the checkpoint does not know.
        folder.weights.write_bytes(b"later")
        folder.metrics.write_text("later")
        folder.summary.unlink()
        (folder.samples / "val.png").unlink()
        run(kind, folder.root, tiles, resume=True)
        assert contents(folder) == before

    def test_more_epochs_go_on_where_it_ended(self, copied, tiles):
        kind, folder = copied
        before = rows_of(folder)
        starts: list[Start] = []
        summary = run(kind, folder.root, tiles, ["epochs=3"], resume=True, announce=starts.append)
        assert summary["epochs"] == 3
        assert rows_of(folder)[:2] == before
        assert [(start.resumed, start.epochs) for start in starts] == [(True, 3)]
        assert read_config(folder.config).epochs == 3

    def test_other_labels_are_refused(self, copied, tiles, tmp_path):
        kind, folder = copied
        labels = tmp_path / "labels.csv"
        labels.write_text(tiles.labels.read_text().replace("00001.jpg,\n", "00001.jpg,1 9\n"))
        before = contents(folder)
        with pytest.raises(ConfigError, match="the 'train' tiles or their labels are not those"):
            run(kind, folder.root, tiles, [f"labels={labels}"], resume=True)
        assert contents(folder) == before

    def test_the_same_tiles_elsewhere_are_taken(self, copied, tiles, tmp_path):
        kind, folder = copied
        (tmp_path / "moved").symlink_to(tiles.images)
        run(kind, folder.root, tiles, [f"images={tmp_path / 'moved'}"], resume=True)
        assert read_config(folder.config).images == tmp_path / "moved"

    @pytest.mark.parametrize("keep", [0, 1000])
    def test_a_damaged_checkpoint_is_named(self, copied, tiles, keep):
        kind, folder = copied
        folder.checkpoint.write_bytes(folder.checkpoint.read_bytes()[:keep])
        with pytest.raises(BadInputError, match=r"last\.ckpt' is no checkpoint") as caught:
            run(kind, folder.root, tiles, resume=True)
        assert "--overwrite" in str(caught.value.hint)

    def test_a_pickle_in_its_place_is_not_run(self, copied, tiles, tmp_path):
        kind, folder = copied
        torch.save({"state_dict": Trap(tmp_path / "sprung")}, folder.checkpoint)
        with pytest.raises(BadInputError, match="is no checkpoint"):
            run(kind, folder.root, tiles, resume=True)
        assert not (tmp_path / "sprung").exists()


class Trap:
    """An object whose unpickling makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return Path.touch, (self._path,)


class TestStops:
    # At this rate nothing moves, so no epoch is better than the first.
    STILL = ("learning_rate=1e-12", "tiles_per_epoch=4", "ema_decay=0", "epochs=5")

    def test_patience_and_what_a_resume_makes_of_it(self, tiles, tmp_path):
        summary = run("gate", tmp_path / "run", tiles, [*self.STILL, "patience=1"])
        assert (summary["epochs"], summary["stopped_early"]) == (2, True)
        # Killed after its last checkpoint and before its summary, it trains no further.
        folder = RunFolder(tmp_path / "run")
        before = contents(folder)
        folder.summary.unlink()
        run("gate", folder.root, tiles, resume=True)
        assert contents(folder) == before
        # Unless it is given more patience.
        summary = run("gate", folder.root, tiles, ["patience=3"], resume=True)
        assert (summary["epochs"], summary["stopped_early"]) == (4, True)

    def test_ctrl_c_keeps_whole_epochs_and_gives_the_signal_back(
        self, tiles, tmp_path, monkeypatch
    ):
        draw = GateTiles.__getitem__

        def interrupted(self, name):
            if name == (1, 2):
                raise KeyboardInterrupt
            return draw(self, name)

        handler = signal.getsignal(signal.SIGINT)
        with monkeypatch.context() as patch:
            patch.setattr(GateTiles, "__getitem__", interrupted)
            with pytest.raises(KeyboardInterrupt):
                run("gate", tmp_path / "run", tiles, ["tiles_per_epoch=4"])
        assert signal.getsignal(signal.SIGINT) is handler
        folder = RunFolder(tmp_path / "run")
        assert len(rows_of(folder)) == 1
        assert not folder.summary.exists()
        assert run("gate", folder.root, tiles, resume=True)["epochs"] == 2

    def test_a_training_that_diverges_says_so(self, tiles, tmp_path):
        settings = ["learning_rate=1e30", "warmup=0", "ema_decay=0", "tiles_per_epoch=8"]
        with pytest.raises(ConfigError, match="diverged: in epoch 1") as caught:
            run("gate", tmp_path / "run", tiles, settings)
        assert "learning_rate" in str(caught.value.hint)

    def test_a_start_from_another_run_is_where_it_begins(self, tiles, tmp_path):
        first, second = tmp_path / "first", tmp_path / "second"
        run("segmenter", first, tiles, ["epochs=1"])
        # Steps too small to move a weight, so that what comes out is what it began with.
        # The run's folder says as much as the file in it, which other tests name.
        still = ["learning_rate=1e-12", "epochs=1", f"start_from={first}"]
        run("segmenter", second, tiles, still)
        before, after = (load_file(folder / "best.safetensors") for folder in (first, second))
        trained = [name for name in before if not name.endswith(("mean", "var", "tracked"))]
        assert len(trained) > 40
        for name in trained:
            torch.testing.assert_close(before[name], after[name], atol=1e-6, rtol=0)
        # A resumed run has weights of its own and does not look for the others again.
        shutil.rmtree(first)
        assert run("segmenter", second, tiles, ["epochs=2"], resume=True)["epochs"] == 2

    def test_a_start_from_a_bundle_is_where_it_begins(self, tiles, tmp_path):
        runs = [tmp_path / kind for kind in ("gate", "segmenter")]
        for root in runs:
            run(root.name, root, tiles, ["epochs=1"])
        export_bundle(*runs, tmp_path / "bundle", choices=Choices(gate_threshold=0.5))
        still = ["learning_rate=1e-12", "epochs=1", f"start_from={tmp_path / 'bundle'}"]
        for root in runs:
            begun = run(root.name, tmp_path / f"{root.name}-2", tiles, still)
            trained = json.loads((root / "summary.json").read_text())
            monitor = MONITORS[root.name]
            assert begun["best"][monitor] == pytest.approx(trained["best"][monitor], abs=0.05)

    def test_a_refiner_needs_a_run_to_start_from(self, tiles, tmp_path):
        with pytest.raises(ConfigError, match="a refiner cannot start from the bundle") as caught:
            run("refiner", tmp_path / "run", tiles, [f"start_from={tmp_path}"])
        assert "best.safetensors" in str(caught.value.hint)

    def test_overwrite_begins_anew(self, tiles, tmp_path):
        for overwrite in (False, True):
            settings = ["tiles_per_epoch=4", "epochs=1"]
            summary = run("gate", tmp_path / "run", tiles, settings, overwrite=overwrite)
            assert summary["epochs"] == 1
        assert len(list(RunFolder(tmp_path / "run").tensorboard.glob("events*"))) == 1


class TestTiles:
    def split(self, tiles: Tiles, path: Path, **parts: range) -> Path:
        lines = [f"{tiles.ids[i]},{name}\n" for name, part in parts.items() for i in part]
        path.write_text("ImageId,split\n" + "".join(lines))
        return path

    @pytest.mark.parametrize(
        ("parts", "named"),
        [
            ({"train": range(0, 8), "val": range(9, 16, 2)}, "4 validation tiles"),
            ({"train": range(1, 16, 2), "val": range(0, 16, 2)}, "8 training tiles"),
        ],
    )
    def test_a_part_without_ships_is_refused_before_anything_is_made(
        self, tiles, tmp_path, parts, named
    ):
        split = self.split(tiles, tmp_path / "split.csv", **parts)
        with pytest.raises(ConfigError, match=f"none of the {named} holds a ship"):
            run("gate", tmp_path / "run", tiles, [f"split={split}"])
        assert not (tmp_path / "run").exists()

    def test_without_a_split_a_warning_says_that_it_leaks(self, tiles, tmp_path, caplog):
        with caplog.at_level(logging.WARNING):
            run(
                "gate", tmp_path / "run", tiles,
                ["split=", "val_share=0.5", "epochs=1", "tiles_per_epoch=4"],
            )  # fmt: skip
        assert "no split given: a random 50 %" in caplog.text

    def test_a_broken_tile_is_told_and_does_not_end_the_run(self, tmp_path, caplog):
        tiles = write_tiles(tmp_path / "own")
        for image_id in (tiles.ids[0], tiles.ids[6]):
            path = tiles.images / image_id
            path.write_bytes(path.read_bytes()[:-60])
        with caplog.at_level(logging.WARNING):
            run("gate", tmp_path / "run", tiles, ["epochs=1"])
        for image_id in (tiles.ids[0], tiles.ids[6]):
            assert sum(image_id in record.message for record in caplog.records) == 1
        assert (tmp_path / "run" / "samples" / "val.png").exists()

    def test_tiles_of_another_size_are_refused_with_the_key(self, tiles, tmp_path, caplog):
        # Empty tiles fit any size, so their labels alone show nothing.
        with pytest.raises(BadInputError, match="tiles in a row"), caplog.at_level(logging.WARNING):
            run("gate", tmp_path / "run", tiles, ["tile_size=160", "on_bad_row=skip"])
        assert "128 x 128 pixels, expected 160 x 160" in caplog.text


def test_a_start_is_announced_and_nothing_else_is_said(tiles, tmp_path, capfd):
    starts: list[Start] = []
    run(
        "segmenter", tmp_path / "run", tiles, ["epochs=1", "crops_per_epoch=10"],
        announce=starts.append,
    )  # fmt: skip
    assert starts == [
        Start(
            encoder="test_efficientnet",
            device="CPU, threads: 1",
            train=TileCount(tiles=12, with_ships=6, ships=8),
            val=TileCount(tiles=4, with_ships=2, ships=4),
            epochs=1,
            steps_per_epoch=2,
            resumed=False,
        )
    ]
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_an_accelerator_that_is_not_there(tiles, tmp_path):
    with pytest.raises(ConfigError, match=r"accelerator, devices or precision: .*MPS"):
        run("gate", tmp_path / "run", tiles, ["accelerator=mps"])


class TestOptimiser:
    @pytest.fixture
    def module(self, finished) -> GateModule | SegmenterModule | RefinerModule:
        kind, folder = finished
        config = read_config(folder.config)
        module = MODULES[kind](config)
        module.config = config.model_copy(update={"pretrained": True, "warmup": 0.1})
        module._trainer = SimpleNamespace(estimated_stepping_batches=100)
        return module

    def test_decay_spares_biases_and_norms_and_the_encoder_learns_slower(self, module):
        optimizer = module.configure_optimizers()["optimizer"]
        encoder = {id(parameter) for parameter in module._encoder().parameters()}
        seen = set()
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                seen.add(id(parameter))
                assert group["weight_decay"] == (0.01 if parameter.ndim > 1 else 0.0)
                rate = 0.3 if id(parameter) in encoder else 1.0
                assert group["initial_lr"] == pytest.approx(rate * module.config.learning_rate)
        assert seen == {id(parameter) for parameter in module.net.parameters()}

    def test_the_rate_rises_then_falls_to_a_hundredth(self, module):
        made = module.configure_optimizers()
        rates = []
        for _ in range(100):
            rates.append(made["optimizer"].param_groups[-1]["lr"])
            made["optimizer"].step()
            made["lr_scheduler"]["scheduler"].step()
        peak = made["optimizer"].param_groups[-1]["initial_lr"]
        assert rates[:10] == pytest.approx([peak * (step + 1) / 10 for step in range(10)])
        assert rates[10] == pytest.approx(peak)
        assert all(a > b for a, b in pairwise(rates[10:]))
        assert rates[-1] == pytest.approx(0.01 * peak, rel=0.1)
