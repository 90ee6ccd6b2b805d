"""One ONNX graph, gate times segmenter, as QGIS's plug-in Deepness reads it (needs `onnx`).

The plug-in cuts a layer into square tiles, divides bytes by 255, standardises them with what the
graph's metadata say, and takes a pixel for a ship where the one output reaches a threshold:
https://github.com/PUTvision/qgis-plugin-deepness. The graph holds what the detector does around its
two networks: it brings the tile back to bytes, shrinks it for the gate, and asks the segmenter only
where a tile of the batch passes.

It differs from the detector in four ways, for a graph of fixed size knows no windows and no ships:
the segmenter sees whole tiles, only a square around each hot cell counts, small ships stay, and the
gate looks once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, compose, helper, numpy_helper

from shipseg.bundle.format import Bundle
from shipseg.errors import BundleError

OPSET, IR_VERSION = 18, 9
"""What ONNX Runtime 1.17 reads, the newest that the plug-in installs."""

TILES_OVERLAP_PERCENT = 20
"""Of neighbouring tiles: 153 of 768 px, so that a hull of 200 m is whole in one of them."""

CLASS_NAMES = ("background", "ship")
"""A single probability gives the plug-in two classes, whatever its version: below and above."""

IMAGE, SHIP = "image", "ship"
"""Names of the graph's input and output."""


def deepness_graph(bundle: Bundle, *, gsd_m: float) -> bytes:
    """Compose the graph.

    Args:
        bundle: The model bundle.
        gsd_m: Metres per pixel that the plug-in is to resample layers to.

    Returns:
        ONNX: `image` float32 (batch, 3, T, T) in 0..1, RGB, to `ship` float32 (batch, 1, T, T), the
        probability of ship, 0 where the gate saw nothing; T is the bundle's tile size.

    Raises:
        BundleError: The bundle's graphs are of another operator set, or its tiles do not fit them.
    """
    side, multiple = bundle.manifest.gate.tile_size, bundle.manifest.segmenter.multiple
    if side % multiple:
        raise BundleError(
            f"{bundle.source}: tiles of {side} px are no multiple of the segmenter's {multiple}",
            hint="Deepness needs one size for both; train the gate on tiles of another size",
        )
    gate = _part(bundle.gate, "gate", bundle.source)
    segmenter = _part(bundle.segmenter, "segmenter", bundle.source)
    parts = _Parts()
    _bytes_of_image(parts)
    _gate_input(parts, side // bundle.manifest.gate.input_size)
    parts.embed(gate.graph)
    _mask(parts, bundle)
    _ask_segmenter(parts, segmenter.graph)
    graph = helper.make_graph(
        parts.nodes,
        "shipseg",
        [helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, ["batch", 3, side, side])],
        [helper.make_tensor_value_info(SHIP, TensorProto.FLOAT, ["batch", 1, side, side])],
        parts.constants,
    )
    model: ModelProto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="shipseg",
    )
    helper.set_model_props(model, deepness_metadata(bundle, gsd_m=gsd_m))
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def deepness_metadata(bundle: Bundle, *, gsd_m: float) -> dict[str, str]:
    """Give what the plug-in reads beside the graph; every value is JSON.

    Mean 0 and deviation 1, because the networks standardise for themselves.
    """
    manifest = bundle.manifest
    values: dict[str, Any] = {
        "model_type": "Segmentor",
        "class_names": dict(enumerate(CLASS_NAMES)),
        # Centimetres per pixel.
        "resolution": round(100 * gsd_m, 3),
        "tile_size": manifest.gate.tile_size,
        # The plug-in's code reads `tile_size`; its documentation says this.
        "tiles_size": manifest.gate.tile_size,
        "tiles_overlap": TILES_OVERLAP_PERCENT,
        "standardization_mean": [0.0, 0.0, 0.0],
        "standardization_std": [1.0, 1.0, 1.0],
        "seg_thresh": manifest.segmenter.threshold,
        # The side of a median blur, which would wear small ships away; 0 is none.
        "seg_small_segment": 0,
        "name": manifest.name,
        "license": manifest.license,
    }
    return {key: json.dumps(value) for key, value in values.items()}


def reach_cells(bundle: Bundle) -> int:
    """Say how many cells around a hot one count: half the detector's least window, at least one."""
    gate = bundle.manifest.gate
    cell_px = gate.stride * (gate.tile_size // gate.input_size)
    return max(1, bundle.manifest.segmenter.crop_size // (2 * cell_px))


class _Parts:
    """The nodes and constants of a graph that is being composed."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def node(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))

    def constant(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def embed(self, graph: onnx.GraphProto) -> None:
        self.nodes.extend(graph.node)
        self.constants.extend(graph.initializer)


def _part(data: bytes, prefix: str, source: str) -> ModelProto:
    """Load a graph, all its names prefixed."""
    model = onnx.load_from_string(data)
    found = {entry.domain: entry.version for entry in model.opset_import}
    if found != {"": OPSET} or model.ir_version > IR_VERSION:
        raise BundleError(
            f"{source}: the {prefix}'s graph is of IR {model.ir_version} and operator sets "
            f"{found}, expected at most IR {IR_VERSION} and set {OPSET}",
            hint="export the bundle again with this version: shipseg export RUN_GATE RUN_SEGMENTER",
        )
    return compose.add_prefix(model, f"{prefix}/")


def _bytes_of_image(parts: _Parts) -> None:
    """Undo the plug-in's division by 255: exactly, for whole numbers come out of the rounding."""
    parts.node("Mul", [IMAGE, parts.constant("most", 255)], "scaled")
    parts.node("Round", ["scaled"], "rounded")
    parts.node("Clip", ["rounded", parts.constant("least", 0), "most"], "pixels")


def _gate_input(parts: _Parts, factor: int) -> None:
    """Shrink by means of squares, halves up, as Pillow's `reduce` does for the detector."""
    parts.node("AveragePool", ["pixels"], "means", kernel_shape=[factor] * 2, strides=[factor] * 2)
    parts.node("Add", ["means", parts.constant("half", 0.5)], "raised")
    parts.node("Floor", ["raised"], "small")
    _as_bytes(parts, "small", "gate/image")


def _as_bytes(parts: _Parts, name: str, output: str) -> None:
    parts.node("Cast", [name], f"{output}.bytes", to=TensorProto.UINT8)
    parts.node("Transpose", [f"{output}.bytes"], output, perm=[0, 2, 3, 1])


def _mask(parts: _Parts, bundle: Bundle) -> None:
    """Make `mask` (N, 1, T, T) of 0 and 1: where the detector would look in tiles that pass."""
    gate = bundle.manifest.gate
    rows = parts.constant("rows", [1, 2], np.int64)
    parts.constant("cell_threshold", _not_below(gate.cell_threshold))
    parts.constant("tile_threshold", _not_below(gate.threshold))
    parts.node("GreaterOrEqual", ["gate/tile", "tile_threshold"], "passes")
    # What passes is looked at somewhere, at the least where the gate was surest.
    parts.node("ReduceMax", ["gate/cells", rows], "surest", keepdims=1)
    parts.node("Min", ["surest", "cell_threshold"], "needed")
    parts.node("GreaterOrEqual", ["gate/cells", "needed"], "warm")
    parts.node("Unsqueeze", ["passes", rows], "tile_passes")
    parts.node("And", ["warm", "tile_passes"], "hot")
    parts.node("Cast", ["hot"], "hot_cells", to=TensorProto.FLOAT)
    parts.node("Unsqueeze", ["hot_cells", parts.constant("channel", [1], np.int64)], "heat")
    reach = reach_cells(bundle)
    parts.node(
        "MaxPool", ["heat"], "wide",
        kernel_shape=[2 * reach + 1] * 2, strides=[1, 1], pads=[reach] * 4,
    )  # fmt: skip
    cell_px = gate.stride * (gate.tile_size // gate.input_size)
    scales = parts.constant("cell_px", [1, 1, cell_px, cell_px])
    parts.node(
        "Resize", ["wide", "", scales], "mask", mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip


def _ask_segmenter(parts: _Parts, segmenter: onnx.GraphProto) -> None:
    """Run the segmenter where any tile of the batch passes; the mask is all 0 where none does.

    Its weights lie inside the branch: outside, ONNX Runtime would not prepare them for its kernels.
    """
    inner = _Parts()
    _as_bytes(inner, "pixels", "segmenter/image")
    inner.embed(segmenter)
    first = inner.constant("first_map", [0], np.int64)
    inner.node("Gather", ["segmenter/maps", first], "ship_map", axis=1)
    inner.node("Mul", ["ship_map", "mask"], "seen")
    parts.node("Cast", ["passes"], "passes_number", to=TensorProto.FLOAT)
    parts.node("ReduceMax", ["passes_number"], "any_number", keepdims=0)
    parts.node("Cast", ["any_number"], "any_passes", to=TensorProto.BOOL)
    nothing = _Parts()
    nothing.node("Identity", ["mask"], "unseen")
    parts.node(
        "If", ["any_passes"], SHIP,
        then_branch=_branch(inner, "segment", "seen"),
        else_branch=_branch(nothing, "nothing", "unseen"),
    )  # fmt: skip


def _branch(parts: _Parts, name: str, output: str) -> onnx.GraphProto:
    port = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    return helper.make_graph(parts.nodes, name, [], [port], parts.constants)


def _not_below(threshold: float) -> np.float32:
    """Give the least float32 that is not below, so that the graph decides as the detector does."""
    near = np.float32(threshold)
    return near if float(near) >= threshold else np.nextafter(near, np.float32(2))
