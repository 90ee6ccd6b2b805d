from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper

from shipseg.bundle.format import Bundle
from shipseg.errors import BundleError
from shipseg.inference.runtime import GateSession, SegmenterSession

from .pixels import CROP, INPUT, STRIDE, draw, model, pixel_bundle_of, sea, segmenter_graph

GARBAGE = {"empty": b"", "text": b"not a graph", "cut": segmenter_graph()[:-20]}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return pixel_bundle_of()


def test_the_segmenter_gives_each_pixel_its_own_probability(bundle: Bundle) -> None:
    image = sea(64, 96)
    image[..., 0] = np.arange(64 * 96).reshape(64, 96) % 256
    found = SegmenterSession(bundle, threads=1)(image)
    assert found.dtype == np.float32
    ship = image[..., 0] / np.float32(255)
    np.testing.assert_array_equal(found, np.stack([ship, ship]))
    found[:] = 0  # the caller's to change


def test_a_view_that_is_not_contiguous_is_the_same_picture(bundle: Bundle) -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    view = image[32:96, 64:160]
    session = SegmenterSession(bundle, threads=1)
    np.testing.assert_array_equal(session(view), session(view.copy()))


def test_the_gate_gives_the_tile_and_its_cells(bundle: Bundle) -> None:
    probability, cells = GateSession(bundle, threads=1)(
        draw(sea(INPUT, INPUT), (STRIDE, 0, STRIDE + 1, 1))
    )
    assert probability == 1.0
    assert cells.shape == (INPUT // STRIDE, INPUT // STRIDE)
    assert np.argwhere(cells).tolist() == [[0, 1]]


@pytest.mark.parametrize("graph", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_no_graph(
    bundle: Bundle, graph: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BundleError, match="pixels: the segmenter is no graph"):
        SegmenterSession(replace(bundle, segmenter=graph), threads=1)
    with pytest.raises(BundleError, match="pixels: the gate is no graph"):
        GateSession(replace(bundle, gate=graph), threads=1)
    # The runtime's own log would only repeat it, in colours.
    assert capfd.readouterr().err == ""


def test_each_graph_is_refused_in_the_other_s_place(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match=r"the outputs maps .*, expected tile"):
        GateSession(replace(bundle, gate=bundle.segmenter), threads=1)
    with pytest.raises(BundleError, match=r"the outputs tile .*, expected maps"):
        SegmenterSession(replace(bundle, segmenter=bundle.gate), threads=1)


def passing(dtype: int, axes: int, name: str) -> bytes:
    """A graph that casts its input to float32 and sums one axis up."""
    nodes = [
        helper.make_node("Cast", [name], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float", "one"], ["plane"]),
        helper.make_node("Concat", ["plane", "plane"], ["both"], axis=1),
        helper.make_node("ReduceSum", ["both", "last"], ["maps"], keepdims=0),
    ]
    sides = ["N", "H", "W", "C"][:axes]
    return model(
        nodes, {name: (dtype, sides)}, {"maps": (TensorProto.FLOAT, ["N", 2, *sides[1:-1]])},
        last=np.array([axes]), one=np.array([1]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (passing(TensorProto.FLOAT, 4, "image"), r"image \(float32, 4 axes\)"),
        (passing(TensorProto.INT32, 4, "image"), r"image \(tensor\(int32\), 4 axes\)"),
        (passing(TensorProto.UINT8, 3, "image"), r"image \(uint8, 3 axes\)"),
        (passing(TensorProto.UINT8, 4, "picture"), r"picture \(uint8, 4 axes\)"),
    ],
    ids=["float", "int", "axes", "name"],
)
def test_another_input_is_refused(bundle: Bundle, graph: bytes, said: str) -> None:
    expected = rf"pixels: the segmenter has the inputs {said}, expected image \(uint8, 4 axes\)"
    with pytest.raises(BundleError, match=expected):
        SegmenterSession(replace(bundle, segmenter=graph), threads=1)


def test_an_answer_of_another_shape_is_refused(bundle: Bundle) -> None:
    session = SegmenterSession(replace(bundle, segmenter=segmenter_graph(twice=True)), threads=1)
    with pytest.raises(BundleError, match=r"'maps' the shape \(1, 2, 64, 32\) for 32 × 32 px"):
        session(sea(32, 32))


def test_a_graph_that_fails_is_the_bundle_s_fault(
    bundle: Bundle, capfd: pytest.CaptureFixture[str]
) -> None:
    # It only takes pictures of one size, which its signature does not say.
    nodes = [
        helper.make_node("Reshape", ["image", "shape"], ["fixed"]),
        helper.make_node("Cast", ["fixed"], ["maps"], to=TensorProto.FLOAT),
    ]
    graph = model(
        nodes, {"image": (TensorProto.UINT8, ["N", "H", "W", 3])},
        {"maps": (TensorProto.FLOAT, ["N", 2, "H", "W"])}, shape=np.array([1, 2, 64, 96]),
    )  # fmt: skip
    session = SegmenterSession(replace(bundle, segmenter=graph), threads=1)
    with pytest.raises(BundleError, match=f"pixels: the segmenter fails on {CROP} × {CROP} px"):
        session(sea(CROP, CROP))
    assert capfd.readouterr().err == ""
