from __future__ import annotations

import contextlib

import numpy as np
import onnx
import pytest
from inference.pixels import INPUT, STRIDE, gate_graph, model, segmenter_graph
from onnx import TensorProto, helper, numpy_helper

from shipseg.bundle.graph import (
    SEGMENTER_SIGNATURE,
    Port,
    Signature,
    check_graph,
    gate_signature,
    read_signature,
)
from shipseg.errors import BundleError


def signature_by_onnx(data: bytes) -> Signature:
    """Read it the slow way, with the library that the loader does without."""

    def port(info: onnx.ValueInfoProto) -> Port:
        tensor = info.type.tensor_type
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
        if not tensor.HasField("shape"):
            return Port(info.name, dtype, None)
        sides = (d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
        return Port(info.name, dtype, tuple(sides))

    graph = onnx.load_from_string(data).graph
    return Signature(tuple(map(port, graph.input)), tuple(map(port, graph.output)))


def external(data: bytes) -> bytes:
    """Move a graph's first constant into another file, in words."""
    proto = onnx.load_from_string(data)
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return proto.SerializeToString()


@pytest.mark.parametrize("graph", [gate_graph(), segmenter_graph()], ids=["gate", "segmenter"])
def test_signature_is_the_one_that_onnx_reads(graph: bytes) -> None:
    assert read_signature(graph, where="g") == signature_by_onnx(graph)


def test_true_graphs_pass() -> None:
    check_graph(gate_graph(), gate_signature(INPUT, STRIDE), where="gate.onnx")
    check_graph(segmenter_graph(), SEGMENTER_SIGNATURE, where="segmenter.onnx")


@pytest.mark.parametrize("side", [256, 416])
def test_a_gate_of_another_size_is_refused_with_the_difference(side: int) -> None:
    expected = rf"inputs are image uint8 \(\*, 384, 384, 3\); expected image uint8 \(\*, {side}"
    with pytest.raises(BundleError, match=expected):
        check_graph(gate_graph(), gate_signature(side, STRIDE), where="gate.onnx")


@pytest.mark.parametrize(
    ("dtype", "shape", "said"),
    [
        (TensorProto.FLOAT, ["N", "H", "W", 3], r"image float32 \(\*, \*, \*, 3\)"),
        (TensorProto.UINT8, ["N", 3, "H", "W"], r"image uint8 \(\*, 3, \*, \*\)"),
        (TensorProto.UINT8, [1, "H", "W", 3], r"image uint8 \(1, \*, \*, 3\)"),
        (TensorProto.UINT8, None, "image uint8 of unknown shape"),
        (TensorProto.STRING, ["N"], r"image of type 8 \(\*\)"),
    ],
)
def test_another_input_is_refused_with_the_difference(dtype: int, shape: object, said: str) -> None:
    node = helper.make_node("Identity", ["image"], ["ship"])
    graph = model([node], {"image": (dtype, shape)}, {"ship": (TensorProto.FLOAT, None)})  # type: ignore[dict-item]
    with pytest.raises(BundleError, match=f"inputs are {said}; expected"):
        check_graph(graph, SEGMENTER_SIGNATURE, where="s")


def test_a_graph_without_inputs() -> None:
    with pytest.raises(BundleError, match="inputs are none; expected"):
        check_graph(model([], {}, {}), SEGMENTER_SIGNATURE, where="s")


def test_external_data_is_refused() -> None:
    with pytest.raises(BundleError, match="keeps tensors in other files"):
        check_graph(external(segmenter_graph()), SEGMENTER_SIGNATURE, where="s")


def test_external_data_is_found_inside_a_branch() -> None:
    tensor = numpy_helper.from_array(np.zeros(1, np.float32), "hidden")
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="secret")
    out = [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])]
    constant = helper.make_node("Constant", [], ["out"], value=tensor)
    inner = helper.make_graph([constant], "inner", [], out)
    branch = helper.make_node("If", ["yes"], ["ship"], then_branch=inner, else_branch=inner)
    graph = model(
        [branch], {"image": (TensorProto.UINT8, ["N", "H", "W", 3])},
        {"ship": (TensorProto.FLOAT, ["N", "H", "W"])}, yes=np.array(True),
    )  # fmt: skip
    with pytest.raises(BundleError, match="keeps tensors in other files"):
        check_graph(graph, SEGMENTER_SIGNATURE, where="s")


def test_functions_are_refused() -> None:
    proto = onnx.load_from_string(segmenter_graph())
    proto.functions.append(
        helper.make_function("own", "f", ["x"], ["y"], [], [helper.make_opsetid("", 18)])
    )
    with pytest.raises(BundleError, match="functions"):
        read_signature(proto.SerializeToString(), where="s")


def test_deep_nesting_ends() -> None:
    graph = helper.make_graph([], "leaf", [], [])
    for _ in range(12):
        graph = helper.make_graph([helper.make_node("If", [], [], then_branch=graph)], "g", [], [])
    with pytest.raises(BundleError, match="nested deeper"):
        read_signature(helper.make_model(graph).SerializeToString(), where="s")


@pytest.mark.parametrize("graph", [gate_graph(), segmenter_graph()], ids=["gate", "segmenter"])
def test_damage_is_refused_or_read_but_never_a_crash(graph: bytes) -> None:
    rng = np.random.default_rng(0)
    whole = read_signature(graph, where="whole")
    for cut in range(len(graph)):
        # The graph is one field, whole or not at all.
        with contextlib.suppress(BundleError):
            assert read_signature(graph[:cut], where="cut") == whole
    for at in rng.integers(len(graph), size=1000):
        damaged = bytearray(graph)
        damaged[at] = int(rng.integers(256))
        with contextlib.suppress(BundleError):
            read_signature(bytes(damaged), where="damaged")
