"""`shipseg train`: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dataset.tiles import Tiles

from shipseg.cli import train as command
from shipseg.cli.main import main
from shipseg.training import fit

from .runs import TINY

pytestmark = pytest.mark.train


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Call = Callable[..., Result]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run `shipseg train ...` in this process, away from any terminal."""

    def run(*words: object) -> Result:
        capsys.readouterr()
        code = main(["train", *map(str, words)])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


def words_of(kind: str, tiles: Tiles, *settings: str) -> list[object]:
    words: list[object] = [kind, "--images", tiles.images, "--labels", tiles.labels]
    for setting in (*TINY[kind], "epochs=1", *settings):
        words += ["--set", setting]
    return words


SHORT = {
    "gate": "tiles_per_epoch=4", "segmenter": "crops_per_epoch=4", "refiner": "hulls_per_epoch=4",
}  # fmt: skip


class TestTalk:
    def test_a_summary_first_the_result_last_and_the_next_command(self, call, tiles, tmp_path):
        root = tmp_path / "runs" / "gate"
        words = words_of("gate", tiles, SHORT["gate"])
        result = call(*words, "--split", tiles.split, "-o", root)
        assert result.code == 0
        assert "training the gate (test_efficientnet) on 12 tiles, 6 with ships" in result.err
        assert "validating on 4, 2 with ships" in result.err
        assert "at most 1 epochs of 1 steps, on CPU" in result.err
        best, folder, following = result.out.splitlines()
        assert best.split()[:5] == ["best", "epoch", "1", "of", "1,"]
        assert folder.split()[-1] == str(root)
        # A long command is one line, so that it can be copied.
        assert f"--images {tiles.images} --labels {tiles.labels}" in following
        assert f"--split {tiles.split} --set tile_size=128" in following
        assert following.endswith(f"-o {tmp_path / 'runs' / 'segmenter'}")

    def test_json_is_one_document(self, call, tiles, tmp_path):
        words = words_of("segmenter", tiles, SHORT["segmenter"])
        result = call(*words, "--split", tiles.split, "-o", tmp_path / "s", "--json")
        document = json.loads(result.out)
        assert (document["kind"], document["run"]) == ("segmenter", str(tmp_path / "s"))
        assert document["summary"]["monitor"] == "val_dice"
        # No gate lies beside it, so its place is held.
        assert document["next"] == f"shipseg export RUN_GATE {tmp_path / 's'} -o bundle"

    def test_the_refiner_is_exported_beside_the_others(self, call, tiles, tmp_path):
        (tmp_path / "gate").mkdir()
        (tmp_path / "gate" / "config.yaml").touch()
        words = words_of("refiner", tiles, SHORT["refiner"])
        result = call(*words, "--split", tiles.split, "-o", tmp_path / "r", "--json")
        document = json.loads(result.out)
        assert document["summary"]["monitor"] == "val_iou"
        expected = f"shipseg export {tmp_path / 'gate'} RUN_SEGMENTER {tmp_path / 'r'} -o bundle"
        assert document["next"] == expected

    def test_without_a_split_a_note_says_that_it_leaks(self, call, tiles, tmp_path):
        words = words_of("gate", tiles, SHORT["gate"], "val_share=0.5")
        result = call(*words, "-o", tmp_path / "run")
        assert result.code == 0
        assert result.err.count("no split given: a random 50 %") == 1

    def test_help_shows_an_example_and_loads_no_torch(self, call, monkeypatch):
        monkeypatch.setattr(command, "_require_extra", lambda: pytest.fail("loaded"))
        for kind in ("gate", "segmenter", "refiner"):
            result = call(kind, "--help")
            assert result.code == 0
            assert f"Example: shipseg train {kind}" in " ".join(result.out.split())
            for option in ("--split", "--config", "--set", "--resume", "--overwrite", "--json"):
                assert option in result.out


class TestErrors:
    @pytest.mark.parametrize(
        ("module", "package"),
        [
            ("torch", "torch"),
            ("timm", "timm"),
            ("pytorch_lightning", "pytorch-lightning"),
            ("segmentation_models_pytorch", "segmentation-models-pytorch"),
        ],
    )
    def test_a_missing_package_gets_the_install_line(
        self, call, tiles, monkeypatch, module, package
    ):
        # What the import system keeps for a module that is known not to be there.
        monkeypatch.setitem(sys.modules, module, None)
        result = call(*words_of("gate", tiles))
        assert result.code == 5
        assert f"training needs the package '{package}', which is not installed" in result.err
        assert 'pip install "shipseg[train]"' in result.err

    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            (["--set", "learning_rat=1"], 2, "learning_rat: unknown key"),
            (["--set", "learning_rate=.nan"], 2, "learning_rate: "),
            (["--set", "epochs"], 2, "--set takes key=value"),
            (["--config", "gone.yaml"], 2, "gone.yaml"),
            (["--set", "encoder=tf_efficientnet_lite9"], 2, "tf_efficientnet_lite9"),
            (["--split", "gone.csv"], 2, "gone.csv"),
            (["--set", "tile_size=64"], 3, "labels.csv"),
            (["--resume"], 2, "no run to resume"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_left_behind(
        self, call, tiles, tmp_path, words, code, said
    ):
        result = call(*words_of("gate", tiles), "-o", tmp_path / "run", *words)
        assert result.code == code
        assert said in result.err
        assert result.out == ""
        assert not (tmp_path / "run").exists()

    def test_no_tiles_named(self, call, tmp_path):
        result = call("gate", "-o", tmp_path / "run")
        assert result.code == 2
        assert "images: is needed; labels: is needed" in result.err

    def test_a_run_is_not_replaced_unless_told(self, call, tiles, tmp_path):
        words = [*words_of("gate", tiles, SHORT["gate"]), "--split", tiles.split]
        assert call(*words, "-o", tmp_path / "run").code == 0
        weights = (tmp_path / "run" / "best.safetensors").read_bytes()
        result = call(*words, "-o", tmp_path / "run", "--set", "seed=1")
        assert result.code == 2
        assert "--overwrite" in result.err
        assert (tmp_path / "run" / "best.safetensors").read_bytes() == weights
        assert call(*words, "-o", tmp_path / "run", "--set", "seed=1", "--overwrite").code == 0
        assert (tmp_path / "run" / "best.safetensors").read_bytes() != weights

    def test_an_interrupt_says_how_to_go_on(self, call, tiles, tmp_path, monkeypatch):
        def interrupted(*args: Any, **options: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(fit, "train", interrupted)
        result = call(*words_of("gate", tiles), "-o", tmp_path / "my run")
        assert result.code == 130
        assert f"shipseg train gate -o '{tmp_path / 'my run'}' --resume" in result.err


def test_a_resumed_run_needs_nothing_but_its_folder(call, tiles, tmp_path):
    root = tmp_path / "run"
    words = words_of("gate", tiles, SHORT["gate"])
    assert call(*words, "--split", tiles.split, "-o", root).code == 0
    result = call("gate", "-o", root, "--resume", "--set", "epochs=2")
    assert result.code == 0
    assert "going on with the gate" in result.err
    assert len(Path(root / "metrics.csv").read_text().splitlines()) == 3
    refused = call("gate", "-o", root, "--resume", "--set", "learning_rate=0.5")
    assert refused.code == 2
    assert "cannot change learning_rate from 0.001 to 0.5" in refused.err
    other = call("segmenter", "-o", root, "--resume")
    assert other.code == 2
    assert "the run trains another network" in other.err
