"""The main job from end to end: draw tiles, train both networks, export, predict, evaluate.

The networks are tiny and train for a few steps, so what they find is noise; what is asserted is
that every file, format and figure along the line is what the next step and the user rely on.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from shipseg.bundle.format import load_bundle
from shipseg.cli.main import main
from shipseg.imaging.synthetic import write_synthetic_dataset
from shipseg.inference.detector import Detector
from shipseg.labels import LabelTable, read_labels, read_split
from shipseg.rle import runs_to_mask, union

pytestmark = pytest.mark.train

TILES = 8
_TINY = ("encoder=test_efficientnet", "pretrained=false", "threads=1", "accelerator=cpu")
SETTINGS = {
    "gate": (*_TINY, "epochs=2", "tiles_per_epoch=8", "ema_decay=0.5"),
    "segmenter": (
        *_TINY, "epochs=2", "crop_size=128", "crops_per_epoch=96", "ema_decay=0.5",
        "learning_rate=0.01",
    ),
}  # fmt: skip


def shipseg(*words: object) -> str:
    """Run a command in this process, for torch takes seconds to load; return its stdout."""
    out = io.StringIO()
    with redirect_stdout(out):
        assert main([str(word) for word in words]) == 0
    return out.getvalue()


@dataclass(frozen=True)
class Line:
    """Where the line left its results, and what its commands printed."""

    root: Path
    trained: dict[str, dict[str, Any]]
    exported: dict[str, Any]

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def bundle(self) -> Path:
        return self.root / "bundle"

    def predict(self, name: str, *options: object) -> Path:
        """Predict all tiles into a folder of that name."""
        out = self.root / name
        shipseg("predict", self.data / "images", "-o", out, "-b", self.bundle, *options)
        return out

    def evaluate(self) -> dict[str, Any]:
        """Evaluate on the validation tiles; the time it took is left out."""
        document: dict[str, Any] = json.loads(
            shipseg(
                "evaluate", self.data / "images", self.data / "labels.csv",
                "--split", self.data / "split.csv", "--subset", "val", "-b", self.bundle, "--json",
            )
        )  # fmt: skip
        assert document.pop("seconds").keys() == {"with_the_gate", "without_the_gate"}
        return document


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """Everything up to the bundle, by the commands that a user types."""
    root = tmp_path_factory.mktemp("line")
    data = write_synthetic_dataset(root / "data", TILES, seed=1)
    trained = {}
    for kind, settings in SETTINGS.items():
        said = [word for setting in settings for word in ("--set", setting)]
        said += ["--images", data / "images", "--labels", data / "labels.csv"]
        said += ["--split", data / "split.csv", "-o", root / "runs" / kind, "--json"]
        trained[kind] = json.loads(shipseg("train", kind, *said))
    runs = (root / "runs" / kind for kind in SETTINGS)
    exported = json.loads(shipseg("export", *runs, "-o", root / "bundle", "--json"))
    return Line(root, trained, exported)


@pytest.fixture(scope="module")
def predicted(line: Line) -> Path:
    """Every tile segmented, whatever the gate says of it."""
    return line.predict("predicted", "--no-gate", "--masks", "--overlays")


def tile_ids(line: Line) -> list[str]:
    return sorted(path.name for path in (line.data / "images").iterdir())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def masks_of(table: LabelTable) -> Iterator[tuple[str, np.ndarray]]:
    for image_id in table.image_ids:
        yield image_id, runs_to_mask(union(table.ships_of(image_id)), table.shape_hw)


@pytest.mark.parametrize(("kind", "monitor"), [("gate", "val_f1"), ("segmenter", "val_dice")])
def test_a_training_leaves_a_whole_run(line, kind, monitor):
    summary = line.trained[kind]["summary"]
    assert (summary["finished"], summary["epochs"], summary["monitor"]) == (True, 2, monitor)
    folder = line.root / "runs" / kind
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == {
        "config.yaml", "environment.json", "metrics.csv", "curves.png", "tensorboard", "samples",
        "best.safetensors", "last.ckpt", "summary.json",
    }  # fmt: skip
    scores = [float(row[monitor]) for row in rows_of(folder / "metrics.csv")]
    assert len(scores) == 2
    assert summary["best"][monitor] == pytest.approx(max(scores), abs=1e-6)
    for picture in (folder / "curves.png", folder / "samples" / "val.png"):
        with Image.open(picture) as image:
            assert image.format == "PNG"


def test_each_step_names_the_next(line):
    assert line.trained["gate"]["next"].startswith("shipseg train segmenter --images ")
    runs = f"{line.root / 'runs' / 'gate'} {line.root / 'runs' / 'segmenter'}"
    assert line.trained["segmenter"]["next"] == f"shipseg export {runs} -o bundle"
    assert line.exported["next"].startswith("shipseg evaluate ")


def test_the_bundle_is_whole_and_the_graphs_say_what_the_networks_say(line):
    manifest = load_bundle(line.bundle).manifest
    assert {path.name for path in line.bundle.iterdir()} == {
        "bundle.json", "README.md", "gate.onnx", "segmenter.onnx",
    }  # fmt: skip
    # Real tiles were compared: exactly equal graphs would mean that nothing was.
    assert 0 < manifest.parity.segmenter_max_abs_difference < 0.02
    assert 0 <= manifest.parity.gate_max_abs_difference < 0.02
    assert manifest.parity.torch == torch.__version__.split("+")[0]
    split = list(read_split(line.data / "split.csv").values())
    assert manifest.provenance.train_tiles == split.count("train")
    assert manifest.provenance.val_tiles == split.count("val")
    assert (line.bundle / "README.md").read_text(encoding="utf-8").startswith("---\n")


def test_the_submission_is_kaggle_s_and_parses_back(line, predicted):
    text = (predicted / "submission.csv").read_text()
    assert text.splitlines()[0] == "ImageId,EncodedPixels"
    # Strict reading refuses runs out of order, past the end, or shared by two ships.
    table = read_labels(predicted / "submission.csv")
    assert sorted(table.image_ids) == tile_ids(line)
    assert table.ship_count > 0
    empty = [image_id for image_id in table.image_ids if not table.has_ships(image_id)]
    assert len(text.splitlines()) == 1 + table.ship_count + len(empty)


def test_tiles_csv_counts_what_the_submission_holds(line, predicted):
    table = read_labels(predicted / "submission.csv")
    rows = rows_of(predicted / "tiles.csv")
    assert list(rows[0]) == ["ImageId", "ship_probability", "ships", "error"]
    assert [row["ImageId"] for row in rows] == tile_ids(line)
    for row in rows:
        assert int(row["ships"]) == len(table.ships_of(row["ImageId"]))
        assert 0 < float(row["ship_probability"]) < 1
        assert row["error"] == ""


def test_masks_and_overlays_show_the_submission(line, predicted):
    marked = set()
    for image_id, mask in masks_of(read_labels(predicted / "submission.csv")):
        stem = Path(image_id).stem
        with Image.open(predicted / "masks" / f"{stem}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), np.where(mask, 255, 0))
        if mask.any():
            marked.add(stem)
    # A tile without ships has no overlay.
    assert {path.stem for path in (predicted / "overlays").iterdir()} == marked
    assert marked


def test_the_same_tiles_give_the_same_bytes_whatever_the_workers(line):
    one, two = line.predict("one", "-j", 1), line.predict("two", "-j", 2)
    for name in ("submission.csv", "tiles.csv"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_the_gate_decides_which_tiles_are_segmented(line, predicted):
    gated = line.predict("gated")
    threshold = load_bundle(line.bundle).manifest.gate.threshold
    everything = read_labels(predicted / "submission.csv")
    table = read_labels(gated / "submission.csv")
    assert table.image_ids == everything.image_ids
    for row in rows_of(gated / "tiles.csv"):
        if float(row["ship_probability"]) < threshold:
            assert not table.has_ships(row["ImageId"])


def test_the_python_interface_finds_the_same_ships(line, predicted):
    detector = Detector(line.bundle)
    table = read_labels(predicted / "submission.csv")
    name = next(image_id for image_id in table.image_ids if table.has_ships(image_id))
    found = detector.predict(line.data / "images" / name, gated=False).ships
    assert len(found) == len(table.ships_of(name))
    for ship, runs in zip(found, table.ships_of(name), strict=True):
        np.testing.assert_array_equal(ship.runs, runs)
        assert 0 < ship.score <= 1


def test_the_evaluation_is_in_range_and_the_same_twice(line):
    document = line.evaluate()
    assert document == line.evaluate()
    truth = read_labels(line.data / "labels.csv")
    val = [name for name, part in read_split(line.data / "split.csv").items() if part == "val"]
    ships = sum(truth.has_ships(image_id) for image_id in val)
    assert (document["tile_count"], document["ship_tile_count"]) == (len(val), ships)
    assert document["failed"] == []
    counts = document["gate"]["counts"]
    assert counts["true_positives"] + counts["false_negatives"] == ships
    assert sum(counts.values()) == len(val)
    for way in ("two_stage", "ungated"):
        figures = document[way]
        assert figures["f2_of_nothing"] == 1 - ships / len(val)
        for name in ("f2_all", "f2_on_ship_tiles", "mean_dice_on_ship_tiles", "pixel_iou"):
            assert 0 <= figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"] <= 1


def test_the_card_and_the_evaluation_agree(line):
    """Two roads to the same figures: measured at the export, and by `shipseg evaluate`."""
    figures = load_bundle(line.bundle).manifest.figures
    document = line.evaluate()
    for name in ("f2_all", "f2_on_ship_tiles", "mean_dice_on_ship_tiles"):
        assert figures[name] == pytest.approx(document["two_stage"][name]["value"], abs=1e-5)
    assert figures["gate.auc"] == pytest.approx(document["gate"]["auc"]["value"], abs=1e-5)
