"""The graph for QGIS, read as the plug-in reads it and held against the detector."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference.pixels import TILE, draw, gate_graph, pixel_bundle_of, sea, write_pixel_bundle

from shipseg.bundle.deepness import _not_below, deepness_graph, deepness_metadata
from shipseg.bundle.deepness_parity import check_deepness_graph
from shipseg.bundle.format import Bundle, load_bundle
from shipseg.cli.main import main
from shipseg.errors import BundleError, QualityGateError
from shipseg.imaging.picture import Picture
from shipseg.imaging.synthetic import draw_scene
from shipseg.inference.detector import Detector

from .plugin import Plugin

RED = (255, 0, 0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_pixel_bundle(tmp_path_factory.mktemp("b") / "pixels"))


@pytest.fixture(scope="module")
def plugin(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Plugin:
    path = tmp_path_factory.mktemp("g") / "ships.onnx"
    path.write_bytes(deepness_graph(bundle, gsd_m=1.5))
    return Plugin(path)


def found_by(plugin: Plugin, *tiles: np.ndarray) -> np.ndarray:
    return plugin.classes(np.stack(tiles))


# What the plug-in reads before it asks


def test_the_dialog_is_filled_from_the_metadata(plugin: Plugin, bundle: Bundle) -> None:
    assert plugin.model_type == "Segmentor"
    assert plugin.class_names == ["background", "ship"]
    assert len(plugin.class_names) == plugin.class_count()
    assert plugin.resolution_cm == 150
    assert plugin.tile_size == TILE
    assert 0 < plugin.overlap_percent < 50
    assert plugin.threshold == bundle.manifest.segmenter.threshold
    assert plugin.blur_px == 1


def test_every_value_is_json_and_both_spellings_are_there(plugin: Plugin) -> None:
    values = {key: json.loads(text) for key, text in plugin.metadata.items()}
    assert values["tile_size"] == values["tiles_size"] == TILE
    assert values["license"] == "none"


def test_the_input_is_square_and_fixed_and_its_batch_has_a_name(plugin: Plugin) -> None:
    assert plugin.input_shape[1:] == [3, TILE, TILE]
    assert plugin.batch_size() is None
    (output,) = plugin.outputs
    assert output.shape[1:] == [1, TILE, TILE]


def test_the_graph_is_one_that_old_runtimes_read(bundle: Bundle) -> None:
    model = onnx.load_from_string(deepness_graph(bundle, gsd_m=1.5))
    assert model.ir_version <= 9
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]


def test_the_same_bundle_gives_the_same_bytes(bundle: Bundle) -> None:
    assert deepness_graph(bundle, gsd_m=2) == deepness_graph(bundle, gsd_m=2)


def test_resolution_is_in_centimetres(bundle: Bundle) -> None:
    assert json.loads(deepness_metadata(bundle, gsd_m=0.3)["resolution"]) == 30


# What it then shows


def test_a_ship_is_found_exactly_where_it_is(plugin: Plugin) -> None:
    box = (100, 200, 163, 231)
    expected = np.zeros((TILE, TILE), int)
    expected[200:231, 100:163] = 1
    assert np.array_equal(found_by(plugin, draw(sea(TILE, TILE), box))[0], expected)


def test_a_tile_that_does_not_pass_shows_nothing(plugin: Plugin) -> None:
    # The segmenter alone would see it.
    assert not found_by(plugin, draw(sea(TILE, TILE), (100, 200, 163, 231), RED)).any()


def test_only_what_lies_near_a_hot_cell_counts(plugin: Plugin) -> None:
    tile = draw(sea(TILE, TILE), (0, 0, 32, 32))
    draw(tile, (64, 0, 96, 32), RED)
    draw(tile, (600, 600, 632, 632), RED)
    found = found_by(plugin, tile)[0]
    assert found[0:32, 64:96].all()
    assert not found[600:632, 600:632].any()


def test_each_tile_of_a_batch_is_judged_for_itself(plugin: Plugin) -> None:
    ship = draw(sea(TILE, TILE), (0, 0, 32, 32))
    unseen = draw(sea(TILE, TILE), (0, 0, 32, 32), RED)
    both = found_by(plugin, unseen, ship, sea(TILE, TILE))
    assert [int(tile.sum()) for tile in both] == [0, 32 * 32, 0]
    assert np.array_equal(both[1], found_by(plugin, ship)[0])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([127, 128]), min_size=12, max_size=12), st.integers(0, 23))
def test_shrinking_rounds_as_the_detector_does(
    bundle: Bundle, plugin: Plugin, values: list[int], row: int
) -> None:
    # The gate passes from 128/255 on: means of 127.25 must not, and those of 127.5 must.
    tile = sea(TILE, TILE)
    block = np.array(values, np.uint8).reshape(3, 2, 2)
    for index, square in enumerate(block):
        left = 200 * index + 64
        tile[32 * row : 32 * row + 2, left : left + 2, 1] = square
        tile[32 * row : 32 * row + 2, left : left + 2, 0] = 255
    expected = Detector(bundle.source).look(Picture(tile)).hot
    found = found_by(plugin, tile)[0]
    cells = found.reshape(24, 32, 24, 32).any(axis=(1, 3))
    assert bool(cells.any()) == bool(expected.any())
    assert (cells | ~expected).all()


def test_it_agrees_with_the_detector_on_noise(bundle: Bundle) -> None:
    rng = np.random.default_rng(0)
    tiles = [rng.integers(0, 140, (TILE, TILE, 3), np.uint8) for _ in range(3)]
    graph = deepness_graph(bundle, gsd_m=1.5)
    assert check_deepness_graph(graph, bundle, Detector(bundle.source), tiles) == 0


def test_it_agrees_with_the_bundled_detector_on_a_drawn_tile() -> None:
    bundle = load_bundle()
    detector = Detector()
    tile = draw_scene(1, ships=6).rgb
    assert detector.classify(tile) > detector.gate_threshold
    graph = deepness_graph(bundle, gsd_m=1.5)
    assert check_deepness_graph(graph, bundle, detector, [tile]) < 1e-4


def test_a_graph_that_says_something_else_is_refused(bundle: Bundle) -> None:
    tile = draw(sea(TILE, TILE), (100, 200, 163, 231), (200, 200, 200))
    graph = deepness_graph(bundle, gsd_m=1.5)
    stricter = Detector(bundle.source, gate_threshold=0.9)
    with pytest.raises(QualityGateError, match=r"differs from the detector by 0\.78"):
        check_deepness_graph(graph, bundle, stricter, [tile])


# What cannot be composed


def test_a_graph_of_another_operator_set_is_refused() -> None:
    model = onnx.load_from_string(gate_graph())
    model.opset_import[0].version = 17
    with pytest.raises(BundleError, match="the gate's graph is of IR 9 and operator sets"):
        deepness_graph(pixel_bundle_of(gate=model.SerializeToString()), gsd_m=1.5)


def test_tiles_that_the_segmenter_cannot_take_whole_are_refused() -> None:
    with pytest.raises(BundleError, match="768 px are no multiple of the segmenter's 160"):
        deepness_graph(pixel_bundle_of(multiple=160), gsd_m=1.5)


@given(st.floats(1e-6, 1 - 1e-6))
def test_thresholds_decide_on_float32_as_on_float64(threshold: float) -> None:
    least = _not_below(threshold)
    assert float(least) >= threshold
    assert float(np.nextafter(least, np.float32(0))) < threshold


# The command


def run(*words: object) -> int:
    return main([str(word) for word in ("export", *words)])


def test_the_command_writes_a_graph_of_a_bundle(
    tmp_path: Path, bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "ships.onnx"
    assert run("--format", "deepness", bundle.source, "-o", out, "--gsd", 0.5, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["max_abs_difference"] == 0
    assert said["bytes"] == out.stat().st_size
    assert Plugin(out).resolution_cm == 50
    assert run("--format", "deepness", bundle.source, "-o", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run("--format", "deepness", bundle.source, "-o", out, "--overwrite") == 0
    assert "parity" in capsys.readouterr().out


def test_the_command_makes_it_from_run_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporting = pytest.importorskip("shipseg.bundle.export", exc_type=ImportError)

    class Exported:
        path: Path

    def export_bundle(run_gate: Path, run_segmenter: Path, out: Path, **_: object) -> Exported:
        assert (run_gate.name, run_segmenter.name) == ("gate", "segmenter")
        Exported.path = write_pixel_bundle(out)
        return Exported()

    monkeypatch.setattr(exporting, "export_bundle", export_bundle)
    out = tmp_path / "ships.onnx"
    assert run("--format", "deepness", "runs/gate", "runs/segmenter", "-o", out) == 0
    assert Plugin(out).tile_size == TILE
    assert not Exported.path.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "b"], "0 paths given, expected two or three run folders"),
        (["one", "-o", "b"], "1 path given, expected two or three run folders"),
        (["a", "b", "--gsd", "2", "-o", "c"], "--gsd is for --format deepness"),
        (["a", "b", "c", "--format", "deepness", "-o", "s.onnx"], "3 paths given"),
        (["--format", "deepness", "-o", "ships"], "ends in .onnx"),
        (["--format", "deepness", "--name", "x", "-o", "s.onnx"], "--name would need run folders"),
        (
            ["--format", "deepness", "--choose-on", "all", "--one-look", "-o", "s.onnx"],
            "--one-look, --choose-on would need run folders",
        ),
        (["--format", "deepness", "gone", "-o", "s.onnx"], "no model bundle at 'gone'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert said in capsys.readouterr().err


def test_without_onnx_the_install_line_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("shipseg.cli.exporting.find_spec", lambda _: None)
    assert run("--format", "deepness", "-o", tmp_path / "s.onnx") == 5
    assert 'pip install "shipseg[export]"' in capsys.readouterr().err
