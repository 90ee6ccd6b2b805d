"""From run folders to a bundle. One export serves most tests: tracing a network takes seconds."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset.tiles import Tiles

pytest.importorskip("torch")
pytestmark = pytest.mark.train

import onnx  # noqa: E402
import torch  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from timm.layers.conv2d_same import Conv2dSame  # noqa: E402
from torch import nn  # noqa: E402

from shipseg.bundle import choosing, parity  # noqa: E402
from shipseg.bundle import export as exporting  # noqa: E402
from shipseg.bundle.choices import Choices  # noqa: E402
from shipseg.bundle.export import Exported, export_bundle  # noqa: E402
from shipseg.bundle.format import load_bundle  # noqa: E402
from shipseg.bundle.networks import load_weights  # noqa: E402
from shipseg.bundle.onnx_export import halve_weights, settled  # noqa: E402
from shipseg.cli.main import main  # noqa: E402
from shipseg.errors import (  # noqa: E402
    BundleError,
    OutputExistsError,
    QualityGateError,
    UsageError,
)
from shipseg.imaging.hull_view import VIEW_HW  # noqa: E402
from shipseg.inference.detector import Detector  # noqa: E402
from shipseg.inference.runtime import GateSession, RefinerSession, SegmenterSession  # noqa: E402

from .runs import (  # noqa: E402
    PADDED,
    make_gate,
    make_refiner,
    make_segmenter,
    write_gate_run,
    write_refiner_run,
    write_segmenter_run,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiles: Tiles) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("runs")
    return write_gate_run(root / "gate", tiles), write_segmenter_run(root / "segmenter", tiles)


@pytest.fixture(scope="module")
def exported(runs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export_bundle(*runs, tmp_path_factory.mktemp("out") / "bundle")


@pytest.fixture(scope="module")
def with_refiner(
    runs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, tiles: Tiles
) -> Exported:
    root = tmp_path_factory.mktemp("refiner")
    run = write_refiner_run(root / "run", tiles)
    return export_bundle(*runs, root / "bundle", run_refiner=run)


@pytest.fixture(scope="module")
def with_another(
    runs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, tiles: Tiles
) -> Exported:
    root = tmp_path_factory.mktemp("another")
    run = write_segmenter_run(root / "run", tiles, encoder=PADDED)
    return export_bundle(*runs, root / "bundle", also=[run])


def random_rgb(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def batch(*rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(rgb))


# The networks, made ready


@pytest.mark.parametrize("shape_hw", [(64, 64), (96, 160), (128, 32)])
@pytest.mark.parametrize("make", [make_gate, make_segmenter])
@pytest.mark.parametrize("encoder", ["tf_efficientnet_lite0", PADDED])
@torch.inference_mode()
def test_constant_padding_is_the_same(make: Any, encoder: str, shape_hw: tuple[int, int]) -> None:
    net = make(encoder)
    assert any(isinstance(module, Conv2dSame) for module in net.modules())
    ready = settled(net)
    assert not any(isinstance(module, Conv2dSame) for module in ready.modules())
    image = batch(random_rgb(*shape_hw), random_rgb(*shape_hw, seed=1))
    for found, expected in zip(ready(image), net(image), strict=True):
        assert expected.std() > 0
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 7, (3, 5)])
@pytest.mark.parametrize("stride", [1, 2, (2, 1)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_constant_padding_of_any_convolution(kernel: Any, stride: Any, dilation: int) -> None:
    torch.manual_seed(0)
    same = Conv2dSame(4, 6, kernel, stride, dilation=dilation, groups=2, bias=kernel != 3)
    image = torch.randn(2, 4, 16, 24)
    found = settled(nn.Sequential(same))(image)
    torch.testing.assert_close(found, same(image), rtol=0, atol=0)


def test_the_trained_network_is_left_as_it_is() -> None:
    net = make_segmenter(PADDED)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    settled(net)
    assert any(isinstance(module, Conv2dSame) for module in net.modules())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


# Weights at half precision


def graph_of(weight: np.ndarray) -> onnx.ModelProto:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy"]
    add = helper.make_node("Add", ["x", "w"], ["y"])
    graph = helper.make_graph(
        [add], "g", ports[:1], ports[1:], [numpy_helper.from_array(weight, "w")]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_large_weights_are_stored_at_half_precision() -> None:
    weight = np.random.default_rng(0).normal(size=200_000).astype(np.float32)
    model = graph_of(weight)
    halve_weights(model)
    assert model.ByteSize() < 0.51 * weight.nbytes
    onnx.checker.check_model(model, full_check=True)
    (found,) = ReferenceEvaluator(model).run(None, {"x": np.zeros(1, np.float32)})
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, weight, rtol=2**-11, atol=2**-25)


@pytest.mark.parametrize(
    "weight",
    [
        np.ones(100, np.float32),
        np.full(200_000, 1e6, np.float32),
        np.ones(200_000, np.int64),
    ],
    ids=["small", "beyond half precision", "whole numbers"],
)
def test_what_cannot_or_need_not_be_halved_stays(weight: np.ndarray) -> None:
    model = graph_of(weight)
    before = model.SerializeToString()
    halve_weights(model)
    assert model.SerializeToString() == before


# The bundle


def test_the_bundle_can_be_loaded_and_used(exported: Exported, tiles: Tiles) -> None:
    bundle = load_bundle(exported.path)
    assert replace(bundle, source="") == replace(exported.bundle, source="")
    name = tiles.ids[0]
    found = Detector(exported.path).predict(tiles.images / name, gated=False)
    assert found.shape_hw == (128, 128)


def test_parity_is_measured_and_recorded(exported: Exported) -> None:
    found = load_bundle(exported.path).manifest.parity
    assert 0 < found.gate_max_abs_difference < 1e-3
    assert 0 < found.segmenter_max_abs_difference < 2e-3
    assert (found.gate_tiles, found.segmenter_tiles) == (4, 4)
    assert found.torch == torch.__version__.split("+")[0]


@pytest.mark.parametrize("shape_hw", [(64, 64), (96, 160), (32, 256), (224, 32)])
@torch.inference_mode()
def test_the_segmenter_takes_any_sides(exported: Exported, shape_hw: tuple[int, int]) -> None:
    rgb = random_rgb(*shape_hw)
    expected = torch.sigmoid(make_segmenter()(batch(rgb)))[0].numpy()
    found = SegmenterSession(exported.bundle, threads=1)(rgb)
    assert found.shape == (2, *shape_hw)
    assert expected.std() > 0.05  # else any graph would agree
    np.testing.assert_allclose(found, expected, atol=2e-3)


@torch.inference_mode()
def test_the_gate_says_what_the_network_says(exported: Exported) -> None:
    rgb = random_rgb(64, 64)
    tile, cells = (torch.sigmoid(logits)[0].numpy() for logits in make_gate(PADDED)(batch(rgb)))
    found_tile, found_cells = GateSession(exported.bundle, threads=1)(rgb)
    assert cells.std() > 0.05
    assert found_tile == pytest.approx(tile, abs=1e-3)
    np.testing.assert_allclose(found_cells, cells, atol=1e-3)


@torch.inference_mode()
def test_the_refiner_says_what_the_network_says(with_refiner: Exported) -> None:
    views = np.stack([random_rgb(*VIEW_HW, seed) for seed in range(3)])
    expected, log_odds = make_refiner()(batch(*views))
    found, fit = RefinerSession(with_refiner.bundle, threads=1)(views)
    assert expected.std() > 0.05
    np.testing.assert_allclose(found, expected.numpy(), atol=2e-3)
    np.testing.assert_allclose(fit, torch.sigmoid(log_odds).numpy(), atol=2e-3)


def test_a_refiner_is_told_of_in_manifest_and_card(
    with_refiner: Exported, exported: Exported
) -> None:
    manifest = load_bundle(with_refiner.path).manifest
    assert manifest.refiner is not None
    assert manifest.refiner.shift_px == 0.25
    assert manifest.provenance.refiner_encoder == "test_efficientnet"
    assert manifest.parity.refiner_max_abs_difference < 0.02
    # Without straightened masks there would be nothing to refine.
    assert manifest.segmenter.straightening.rectangularity == 0.65
    assert Detector(with_refiner.path).outliner.refiner is not None
    card = (with_refiner.path / "README.md").read_text()
    assert "| `refiner.onnx` | `image` uint8 (N, 64, 128, 3)" in card
    assert manifest.refiner.sha256 in card
    assert "moved right and down by 0.25 px" in card
    assert with_refiner.to_dict()["bytes"]["refiner"] > 0
    assert exported.bundle.manifest.refiner is None
    assert "refiner" not in (exported.path / "README.md").read_text()


@torch.inference_mode()
def test_two_segmenters_say_the_mean_of_what_each_says(with_another: Exported) -> None:
    rgb = random_rgb(64, 96)
    one, other = (
        torch.sigmoid(make_segmenter(encoder)(batch(rgb)))[0].numpy()
        for encoder in ("test_efficientnet", PADDED)
    )
    found = SegmenterSession(with_another.bundle, threads=1)(rgb)
    assert np.abs(one - other).max() > 0.1
    np.testing.assert_allclose(found, (one + other) / 2, atol=2e-3)


def test_two_segmenters_are_told_of(with_another: Exported, exported: Exported) -> None:
    manifest = load_bundle(with_another.path).manifest
    assert manifest.provenance.segmenter_encoder == f"test_efficientnet + {PADDED}"
    assert (
        f"`test_efficientnet + {PADDED}` (segmenter)"
        in (with_another.path / "README.md").read_text()
    )
    assert 0 < manifest.parity.segmenter_max_abs_difference < 2e-3
    assert manifest.segmenter.crop_size == exported.bundle.manifest.segmenter.crop_size


def test_another_segmenter_has_to_be_one_and_of_the_same_tiles(
    runs: tuple[Path, Path], tmp_path: Path, tiles: Tiles
) -> None:
    with pytest.raises(UsageError, match="a run of the other network, expected a segmenter's"):
        export_bundle(*runs, tmp_path / "b", also=[runs[0]])
    run = write_segmenter_run(tmp_path / "run", tiles)
    settings = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(settings.replace("tile_size: 128", "tile_size: 64"))
    with pytest.raises(UsageError, match="128 px, the segmenter on tiles of 64 px"):
        export_bundle(*runs, tmp_path / "b", also=[run])


def test_a_refiner_of_another_kind_or_size_is_refused(
    runs: tuple[Path, Path], tmp_path: Path, tiles: Tiles
) -> None:
    with pytest.raises(UsageError, match="a run of the other network, expected a refiner's"):
        export_bundle(*runs, tmp_path / "b", run_refiner=runs[0])
    run = write_refiner_run(tmp_path / "run", tiles)
    settings = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(settings.replace("tile_size: 128", "tile_size: 64"))
    with pytest.raises(UsageError, match="128 px, the refiner on tiles of 64 px"):
        export_bundle(*runs, tmp_path / "b", run_refiner=run)


@pytest.mark.parametrize("graph", ["gate", "segmenter"])
def test_a_batch_says_what_its_pictures_say_alone(exported: Exported, graph: str) -> None:
    import onnxruntime

    data = getattr(exported.bundle, graph)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    images = np.stack([random_rgb(64, 64, seed) for seed in range(3)])
    together = session.run(None, {"image": images})
    for index in range(3):
        alone = session.run(None, {"image": images[index : index + 1]})
        for found, expected in zip(together, alone, strict=True):
            np.testing.assert_allclose(found[index], expected[0], atol=1e-5)


def test_the_graphs_are_plain(exported: Exported, with_refiner: Exported) -> None:
    for data in (exported.bundle.gate, exported.bundle.segmenter, with_refiner.bundle.refiner):
        model = onnx.load_from_string(data)
        kinds = {node.op_type for node in model.graph.node}
        # No arithmetic on shapes, and nothing left of padding and norms.
        assert not kinds & {"Shape", "Pad", "BatchNormalization", "If", "Loop"}
        assert (model.ir_version, model.opset_import[0].version) == (9, 18)
        # The exporter notes the source file of every node.
        assert b".py" not in data
        assert not any(node.doc_string or node.metadata_props for node in model.graph.node)


def test_thresholds_and_figures_are_those_of_the_detector(exported: Exported, tiles: Tiles) -> None:
    manifest = exported.bundle.manifest
    assert manifest.gate.threshold == exported.gate_point.threshold
    assert manifest.segmenter.threshold == exported.segmenter_point.threshold
    assert manifest.segmenter.min_area_px == exported.segmenter_point.min_area_px
    val = [f"{index:05x}.jpg" for index in (6, 7, 14, 15)]
    ships = [bool(tiles.masks[name].any()) for name in val]
    detector = Detector(exported.path)
    passed = [detector.predict(tiles.images / name).passed for name in val]
    counts = exported.gate_point.counts
    assert counts.true_positives == sum(p and s for p, s in zip(passed, ships, strict=True))
    assert counts.false_positives == sum(p and not s for p, s in zip(passed, ships, strict=True))
    assert manifest.figures["tiles"] == 4
    assert manifest.figures["ship_tiles"] == sum(ships)
    assert manifest.figures["gate.recall"] == counts.recall


def test_provenance(exported: Exported) -> None:
    manifest = exported.bundle.manifest
    made = manifest.provenance
    assert (made.gate_encoder, made.segmenter_encoder) == (PADDED, "test_efficientnet")
    assert (made.train_tiles, made.val_tiles, made.val_ship_tiles) == (12, 4, 2)
    assert made.chosen_on_tiles == 4
    assert made.training_data == "tiles of labels.csv"
    # The ids are not the challenge's, so neither are its terms.
    assert "Airbus" not in manifest.license
    assert manifest.name == "bundle"
    assert (manifest.gate.input_size, manifest.gate.tile_size) == (64, 128)
    assert manifest.segmenter.crop_size == 64


def test_nothing_tells_of_this_machine(exported: Exported, tiles: Tiles) -> None:
    for file in exported.path.iterdir():
        data = file.read_bytes()
        assert str(tiles.images.parent).encode() not in data
        assert str(Path.home()).encode() + b"/" not in data


# What is refused


def test_a_graph_that_differs_is_refused(
    runs: tuple[Path, Path], exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Graphs of the right shape, of other weights: a gate's and segmenter's inverse.
    monkeypatch.setattr(exporting, "export_gate", lambda *_: exported.bundle.gate)
    monkeypatch.setattr(exporting, "export_segmenter", lambda *_: exported.bundle.segmenter)
    monkeypatch.setattr(exporting, "load_segmenter", lambda *_: stirred(make_segmenter()))
    with pytest.raises(QualityGateError, match=r"exported segmenter differs.*limit is 0\.02"):
        export_bundle(*runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@torch.no_grad()
def stirred(net: nn.Module) -> nn.Module:
    for parameter in net.parameters():
        parameter.mul_(1.05)
    return net


@pytest.mark.parametrize("difference", [0.021, float("nan"), float("inf")])
def test_parity_has_a_limit(difference: float) -> None:
    parity.check_difference("gate", parity.MAX_DIFFERENCE)
    with pytest.raises(QualityGateError):
        parity.check_difference("gate", difference)


def test_a_network_that_gives_nan_differs(exported: Exported) -> None:
    net = make_segmenter()
    nn.init.constant_(net.unet.segmentation_head[0].bias, float("nan"))
    session = SegmenterSession(exported.bundle, threads=1)
    found = parity.segmenter_difference(net, session, [random_rgb(64, 64), random_rgb(64, 96)])
    assert np.isnan(found)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "best.safetensors"
    save_file(make_gate().state_dict(), path)
    return path


def test_weights_come_back_exactly(weights: Path) -> None:
    net = make_gate()
    stirred(net)
    load_weights(net, weights)
    expected = make_gate().state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in net.state_dict().items())


def test_truncated_weights(weights: Path) -> None:
    data = weights.read_bytes()
    for length in (len(data) - 1, len(data) // 2, 20):
        weights.write_bytes(data[:length])
        with pytest.raises(BundleError, match="truncated or damaged"):
            load_weights(make_gate(), weights)
    weights.write_bytes(b"")
    with pytest.raises(BundleError, match="is an empty file"):
        load_weights(make_gate(), weights)


def test_pickled_weights_are_not_opened(weights: Path) -> None:
    weights.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(BundleError, match="a pickle, which can run code"):
        load_weights(make_gate(), weights)
    torch.save({"a": torch.ones(1)}, weights)
    with pytest.raises(BundleError, match="a ZIP file or a torch checkpoint"):
        load_weights(make_gate(), weights)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(weights: Path, value: float) -> None:
    state = load_file(weights)
    state["fuse.1.weight"][0, 0, 0, 0] = value
    save_file(state, weights)
    with pytest.raises(BundleError, match=r"'fuse\.1\.weight' holds values that are not finite"):
        load_weights(make_gate(), weights)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("cell.bias"), r"'cell\.bias' is missing"),
        (lambda s: s.update(more=torch.ones(1)), "'more' is unknown"),
        (
            lambda s: s.update({"cell.bias": torch.ones(2)}),
            r"'cell\.bias' is \(2,\), expected \(1,\)",
        ),
    ],
)
def test_weights_of_another_network(weights: Path, change: Any, said: str) -> None:
    state = load_file(weights)
    change(state)
    save_file(state, weights)
    with pytest.raises(BundleError, match=said):
        load_weights(make_gate(), weights)


def test_runs_in_the_wrong_order(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a run of the other network, expected a gate's") as caught:
        export_bundle(runs[1], runs[0], tmp_path / "out")
    assert "first" in (caught.value.hint or "")


def test_no_run_and_a_run_without_weights(
    runs: tuple[Path, Path], tiles: Tiles, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"holds no run: config\.yaml is missing"):
        export_bundle(tmp_path, runs[1], tmp_path / "out")
    fresh = write_gate_run(tmp_path / "fresh", tiles)
    (fresh / "best.safetensors").unlink()
    with pytest.raises(UsageError, match="no epoch of this run is finished yet"):
        export_bundle(fresh, runs[1], tmp_path / "out")


def test_an_output_that_is_there_is_refused_before_any_work(
    runs: tuple[Path, Path], exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "export_gate", lambda *_: pytest.fail("too late"))
    with pytest.raises(OutputExistsError):
        export_bundle(*runs, exported.path)


# Choices


@pytest.fixture
def ready_graphs(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the graphs that were exported already."""
    monkeypatch.setattr(exporting, "export_gate", lambda *_: exported.bundle.gate)
    monkeypatch.setattr(exporting, "export_segmenter", lambda *_: exported.bundle.segmenter)


@pytest.mark.usefixtures("ready_graphs")
def test_the_caller_s_choices(runs: tuple[Path, Path], tmp_path: Path) -> None:
    choices = Choices(
        name="mine", data="my tiles", license="mine alone", gate_threshold=0.125, tile_limit=3
    )
    found = export_bundle(*runs, tmp_path / "out.zip", choices=choices, workers=2)
    manifest = load_bundle(tmp_path / "out.zip").manifest
    assert (manifest.name, manifest.license) == ("mine", "mine alone")
    assert manifest.provenance.training_data == "my tiles"
    assert manifest.gate.threshold == 0.125
    assert manifest.provenance.chosen_on_tiles == 3
    assert sum(vars_of(found.gate_point.counts)) == 3


def vars_of(counts: Any) -> list[int]:
    return [getattr(counts, name) for name in counts.__slots__]


@pytest.mark.usefixtures("ready_graphs")
def test_workers_do_not_change_the_bundle(
    runs: tuple[Path, Path], exported: Exported, tmp_path: Path
) -> None:
    found = export_bundle(*runs, tmp_path / "bundle", workers=3)
    assert found.bundle.manifest == exported.bundle.manifest


@pytest.mark.usefixtures("ready_graphs")
def test_a_gate_that_drops_all(
    runs: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate = make_gate(PADDED)
    nn.init.constant_(gate.tile_shift, -1000.0)
    choices = Choices(gate_threshold=0.999999999)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "gate_views", lambda *a: cold(a))
        found = export_bundle(*runs, tmp_path / "out", choices=choices)
    assert "thresholds are defaults" in caplog.text
    assert found.bundle.manifest.gate.cell_threshold == 0.5
    assert found.bundle.manifest.segmenter.threshold == 0.5


def cold(arguments: tuple[Any, ...]) -> list[Any]:
    from shipseg.bundle.measure import gate_views

    return [replace(view, probability=0.0) for view in gate_views(*arguments)]


@pytest.mark.usefixtures("ready_graphs")
def test_a_broken_tile_is_left_out_and_named(
    runs: tuple[Path, Path], tiles: Tiles, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for path in tiles.images.iterdir():
        (images / path.name).write_bytes(path.read_bytes())
    broken = images / "00006.jpg"
    broken.write_bytes(broken.read_bytes()[:50])
    found = export_bundle(*runs, tmp_path / "out", images=images)
    assert found.bundle.manifest.provenance.chosen_on_tiles == 3
    assert "tile left out" in caplog.text
    assert found.images == images


# The command


@pytest.mark.usefixtures("ready_graphs")
def test_the_command_tells_what_it_made(
    runs: tuple[Path, Path], tiles: Tiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bundle"
    arguments = ["export", *map(str, runs), "-o", str(out), "--name", "mine", "-j", "1"]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert f"--split {tiles.split} --subset val --bundle {out}" in said.out
    assert "parity" in said.out
    assert "has not ended" in said.err
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*arguments, "--overwrite", "--json", "--gate-recall", "1.0"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["manifest"]["name"] == "mine"
    assert document["gate_counts"]["false_negatives"] == 0
    assert document["bytes"]["gate"] == (out / "gate.onnx").stat().st_size
    assert document["next"].startswith("shipseg evaluate ")
    assert document["manifest"]["gate"]["doubt"] == {"above": 0.05, "below": 0.95}
    assert main([*arguments, "--overwrite", "--choose-on", "all", "--one-look"]) == 0
    assert "chosen on them and 12 training tiles" in " ".join(capsys.readouterr().out.split())
    manifest = load_bundle(out).manifest
    assert manifest.gate.doubt is None
    made = manifest.provenance
    assert (made.chosen_on_tiles, made.measured_on_tiles, manifest.figures["tiles"]) == (16, 4, 4)


@pytest.mark.parametrize("threshold", ["nan", "inf", "0", "1", "1e309", "much", "-0.5"])
def test_the_command_refuses_what_is_no_threshold(
    threshold: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "a", "b", "-o", "c", f"--gate-threshold={threshold}"]) == 2
    said = capsys.readouterr().err
    assert "expected auto or a number" in said or "expected a number between 0 and 1" in said


def test_the_command_takes_one_way_to_choose(capsys: pytest.CaptureFixture[str]) -> None:
    both = ["--gate-threshold", "0.5", "--gate-recall", "0.9"]
    assert main(["export", "a", "b", "-o", "c", *both]) == 2
    assert "leave out --gate-threshold or --gate-recall" in capsys.readouterr().err


@pytest.mark.parametrize("recall", ["0", "1.5", "nan"])
def test_the_command_refuses_a_recall_out_of_range(
    recall: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "a", "b", "-o", "c", "--gate-recall", recall]) == 2
    assert "expected a share above 0 and up to 1" in capsys.readouterr().err


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shipseg.cli.export.find_spec", lambda name: name != "onnxscript" or None)
    assert main(["export", "a", "b", "-o", "c"]) == 5
    said = capsys.readouterr().err
    assert "exporting needs the package 'onnxscript'" in said
    assert 'pip install "shipseg[train]"' in said
