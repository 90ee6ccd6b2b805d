"""A bundle that needs no training: the gate reads green, the segmenter red, as probabilities.

The segmenter takes every ship pixel for core as well, so ships that touch are one.

A white rectangle is a ship for both, exactly where it is drawn; a red one only for the segmenter.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper

from shipseg.bundle.format import Bundle, load_bundle, sha256, write_bundle
from shipseg.bundle.manifest import (
    GateSpec,
    Manifest,
    Parity,
    Provenance,
    RefinerSpec,
    SegmenterSpec,
)
from shipseg.imaging.hull_view import VIEW_HW

TILE, INPUT, STRIDE, CROP = 768, 384, 16, 256
# Three quarters of a crop: the least that the detector shows the segmenter.
LEAST = 192
RED, GREEN = 0, 1
# By how much the truth of the refiner lies right and down.
SHIFT = 0.5

Rgb = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]


def write_pixel_bundle(
    out: Path,
    *,
    gate: bytes | None = None,
    segmenter: bytes | None = None,
    refiner: bytes | None = None,
    **segmenter_fields: Any,
) -> Path:
    """Write the bundle, with other graphs or fields of the segmenter where a test wants them."""
    bundle = pixel_bundle_of(gate, segmenter, refiner, **segmenter_fields)
    return write_bundle(bundle, "A card.\n", out)


def pixel_bundle_of(
    gate: bytes | None = None,
    segmenter: bytes | None = None,
    refiner: bytes | None = None,
    **segmenter_fields: Any,
) -> Bundle:
    gate, segmenter = gate or gate_graph(), segmenter or segmenter_graph()
    fields = {"multiple": 32, "threshold": 0.5, "min_area_px": 4, "crop_size": CROP}
    manifest = Manifest(
        format_version=1,
        name="pixels",
        created=date(2026, 1, 1),
        shipseg="0",
        license="none",
        gate=GateSpec(
            file="gate.onnx", sha256=sha256(gate), input_size=INPUT, stride=STRIDE,
            tile_size=TILE, threshold=0.5, cell_threshold=0.5,
        ),
        segmenter=SegmenterSpec(
            file="segmenter.onnx", sha256=sha256(segmenter), **(fields | segmenter_fields)
        ),
        refiner=None
        if refiner is None
        else RefinerSpec(file="refiner.onnx", sha256=sha256(refiner), shift_px=SHIFT),
        provenance=Provenance(
            gate_encoder="none", segmenter_encoder="none", training_data="none", split="none",
            train_tiles=0, val_tiles=0, val_ship_tiles=0, chosen_on_tiles=0,
        ),
        parity=Parity(
            gate_max_abs_difference=0.0, segmenter_max_abs_difference=0.0, gate_tiles=1,
            segmenter_tiles=1, onnxruntime="0", torch="0",
        ),
        figures={},
    )  # fmt: skip
    return Bundle(manifest, gate, segmenter, "pixels", refiner)


def gate_graph() -> bytes:
    nodes = [
        *_channel(GREEN, "green"),
        helper.make_node("Unsqueeze", ["green", "one"], ["map"]),
        helper.make_node(
            "MaxPool", ["map"], ["pooled"], kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2
        ),
        helper.make_node("Squeeze", ["pooled", "one"], ["cells"]),
        helper.make_node("ReduceMax", ["cells", "sides"], ["tile"], keepdims=0),
    ]
    cells = INPUT // STRIDE
    return model(
        nodes,
        {"image": (TensorProto.UINT8, ["N", INPUT, INPUT, 3])},
        {"tile": (TensorProto.FLOAT, ["N"]), "cells": (TensorProto.FLOAT, ["N", cells, cells])},
        one=np.array([1]), sides=np.array([1, 2]), **_CONSTANTS,
    )  # fmt: skip


def segmenter_graph(
    shape: tuple[str | int, ...] = ("N", 2, "H", "W"), *, twice: bool = False
) -> bytes:
    """Give red as it is; `twice` repeats every row, a graph that does not do as it says."""
    nodes = [*_channel(RED, "red")]
    if twice:
        nodes.append(helper.make_node("Concat", ["red", "red"], ["rows"], axis=1))
    nodes += [
        helper.make_node("Unsqueeze", ["rows" if twice else "red", "one"], ["plane"]),
        helper.make_node("Concat", ["plane", "plane"], ["maps"], axis=1),
    ]
    image = {"image": (TensorProto.UINT8, ["N", "H", "W", 3])}
    outputs = {"maps": (TensorProto.FLOAT, list(shape))}
    return model(nodes, image, outputs, one=np.array([1]), **_CONSTANTS)


def sides_of(
    length: float,
    width: float,
    *,
    ahead: float = 0.0,
    aside: float = 0.0,
    longer: float = 1.0,
    wider: float = 1.0,
) -> tuple[float, ...]:
    """Say of the view of a hull of that size where it lies, or where a changed one would.

    Args:
        length: Of the rectangle that gives the view, in pixels.
        width: Likewise.
        ahead: By how many pixels the hull lies further ahead.
        aside: By how many it lies further to the right.
        longer: Times its length.
        wider: Times its width.
    """  # fmt: skip
    along, across = 1.5 * length + 8, 2 * width + 16
    front, back = ((ahead + sign * longer * length / 2) / along for sign in (1, -1))
    right, left = ((aside + sign * wider * width / 2) / across for sign in (1, -1))
    return front, back, right, left, aside / across, aside / across


def refiner_graph(
    sides: tuple[float, ...] = sides_of(60, 12), *, bright: float = 0.0, fit: float = 1.0
) -> bytes:
    """Give the same sides for every view, and the same fit; with its brightness, further sides."""
    more = np.array([[1, -1, 1, -1, 0, 0][: len(sides)]], np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["number", "within"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "most"], ["share"]),
        helper.make_node("Unsqueeze", ["share", "one"], ["column"]),
        helper.make_node("Mul", ["column", "outwards"], ["further"]),
        helper.make_node("Add", ["further", "row"], ["sides"]),
        helper.make_node("Mul", ["mean", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "always"], ["fit"]),
    ]
    return model(
        nodes,
        {"image": (TensorProto.UINT8, ["N", *VIEW_HW, 3])},
        {"sides": (TensorProto.FLOAT, ["N", len(sides)]), "fit": (TensorProto.FLOAT, ["N"])},
        within=np.array([1, 2, 3]), most=np.array(bright / 255, np.float32), one=np.array([1]),
        outwards=more, row=np.array([sides], np.float32), none=np.array(0, np.float32),
        always=np.array(fit, np.float32),
    )  # fmt: skip


def model(
    nodes: list[Any],
    inputs: dict[str, tuple[int, list[str | int]]],
    outputs: dict[str, tuple[int, list[str | int]]],
    **constants: npt.NDArray[Any],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "pixels",
        [helper.make_tensor_value_info(name, *port) for name, port in inputs.items()],
        [helper.make_tensor_value_info(name, *port) for name, port in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made: ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    )
    return bytes(made.SerializeToString())


_CONSTANTS = {
    **{f"channel{index}": np.array(index) for index in range(3)},
    "most": np.array(255, np.float32),
}


def _channel(index: int, name: str) -> list[Any]:
    return [
        helper.make_node("Gather", ["image", f"channel{index}"], ["bytes"], axis=3),
        helper.make_node("Cast", ["bytes"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["number", "most"], [name]),
    ]


def sea(height: int, width: int) -> Rgb:
    return np.zeros((height, width, 3), np.uint8)


def draw(rgb: Rgb, box: Box, colour: tuple[int, int, int] = (255, 255, 255)) -> Rgb:
    """Draw a rectangle x0, y0, x1, y1, half-open, in place."""
    x0, y0, x1, y1 = box
    rgb[y0:y1, x0:x1] = colour
    return rgb


__all__ = [
    "CROP", "LEAST", "TILE", "Box", "Rgb", "draw", "gate_graph", "load_bundle", "model",
    "pixel_bundle_of", "refiner_graph", "sea", "segmenter_graph", "sides_of", "write_pixel_bundle",
]  # fmt: skip
