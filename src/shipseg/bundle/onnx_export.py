"""From a trained network to the bytes of an ONNX graph (needs the `train` extra).

The graph is made for one job, uint8 pixels in and probabilities out, on sides that are multiples of
32. What depends on the input's size for its own sake is settled before the export, and the largest
weights are stored at half precision, which is undone as the graph is loaded.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoderBlock
from timm.layers.conv2d_same import Conv2dSame
from torch import nn
from torch.nn import functional as F

from shipseg.imaging.hull_view import SIDES, VIEW_HW
from shipseg.models.ensemble import SegmenterMean
from shipseg.models.gate import Gate
from shipseg.models.refiner import Refiner
from shipseg.models.segmenter import Segmenter

# 18 is the oldest that the exporter writes directly; with IR 9, ONNX Runtime 1.17 and later run it.
_OPSET, _IR_VERSION = 18, 9
# Two thirds of the weights lie in a dozen tensors this large, deep in the network, where rounding
# does the least: with them alone the two graphs of the package have 18 MB and probabilities differ
# by 0.001 at most; with all tensors halved 14 MB and 0.009, with none 27 MB and 0.00004.
_LEAST_HALVED = 150_000
_LARGEST_HALF = 65504.0

Network = TypeVar("Network", bound=nn.Module)


def export_gate(gate: Gate, input_size: int) -> bytes:
    """Make the gate's graph.

    Args:
        gate: The trained network; it is not changed.
        input_size: Side of its input in pixels, a multiple of 32.

    Returns:
        ONNX: `image` uint8 (N, S, S, 3) to `tile` (N,) and `cells` (N, S/16, S/16), probabilities.
    """
    shape = {0: torch.export.Dim("N")}
    cells = input_size // 16
    return _export(
        _GateProbabilities(settled(gate)),
        sides=(input_size, input_size),
        dynamic=shape,
        inputs={"image": ("N", input_size, input_size, 3)},
        outputs={"tile": ("N",), "cells": ("N", cells, cells)},
    )


def export_segmenter(segmenter: Segmenter | SegmenterMean) -> bytes:
    """Make the segmenter's graph.

    Args:
        segmenter: The trained network, or several; they are not changed.

    Returns:
        ONNX: `image` uint8 (N, H, W, 3), H and W multiples of 32, to `maps` (N, 2, H, W), the
        probabilities of ship and of core.
    """
    rows, columns = torch.export.Dim("rows"), torch.export.Dim("columns")
    shape = {0: torch.export.Dim("N"), 1: 32 * rows, 2: 32 * columns}
    return _export(
        _SegmenterProbabilities(settled(segmenter)),
        sides=(256, 256),
        dynamic=shape,
        inputs={"image": ("N", "H", "W", 3)},
        outputs={"maps": ("N", 2, "H", "W")},
    )


def export_refiner(refiner: Refiner) -> bytes:
    """Make the refiner's graph.

    Args:
        refiner: The trained network; it is not changed.

    Returns:
        ONNX: `image` uint8 (N, 64, 128, 3) to `sides` (N, 6) and `fit` (N,), an expected IoU.
    """
    return _export(
        _RefinerAnswers(settled(refiner)),
        sides=VIEW_HW,
        dynamic={0: torch.export.Dim("N")},
        inputs={"image": ("N", *VIEW_HW, 3)},
        outputs={"sides": ("N", len(SIDES)), "fit": ("N",)},
    )


class _GateProbabilities(nn.Module):
    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        tile, cells = self.gate(image)
        return torch.sigmoid(tile), torch.sigmoid(cells)


class _SegmenterProbabilities(nn.Module):
    def __init__(self, segmenter: Segmenter | SegmenterMean) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.segmenter.probabilities(image)


class _RefinerAnswers(nn.Module):
    def __init__(self, refiner: nn.Module) -> None:
        super().__init__()
        self.refiner = refiner

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sides, fit = self.refiner(image)
        return sides, torch.sigmoid(fit)


def settled(net: Network) -> Network:
    """Copy a network with all that follows from "sides are multiples of 32" settled.

    On such sides TensorFlow's SAME padding is constant, and every block of the U-Net's decoder
    exactly doubles its map. Left as they are, both become arithmetic on shapes in the graph, and
    ONNX Runtime then neither merges the norms into the convolutions beside it nor keeps its blocked
    layout across the upsampling.

    Returns:
        A network in evaluation mode that gives the same values.
    """
    out = copy.deepcopy(net).cpu().eval()
    for name, module in list(out.named_modules()):
        if isinstance(module, Conv2dSame):
            _replace(out, name, _padded(module))
        elif isinstance(module, UnetDecoderBlock):
            _replace(out, name, _Doubled(module))
    return out


class _Doubled(nn.Module):
    """A decoder block that doubles its map instead of matching the next one's size."""

    def __init__(self, block: UnetDecoderBlock) -> None:
        super().__init__()
        self.block = block

    def forward(
        self,
        feature_map: torch.Tensor,
        target_height: int,
        target_width: int,
        skip_connection: torch.Tensor | None = None,
    ) -> torch.Tensor:
        del target_height, target_width
        block = self.block
        x = F.interpolate(feature_map, scale_factor=2.0, mode=block.interpolation_mode)
        if skip_connection is not None:
            x = block.attention1(torch.cat([x, skip_connection], dim=1))
        found: torch.Tensor = block.attention2(block.conv2(block.conv1(x)))
        return found


def _padded(same: Conv2dSame) -> nn.Module:
    """Turn SAME padding into a constant one, for maps whose sides the stride divides.

    The padding makes ceil(n / s) outputs out of n inputs: in all (n/s - 1) s + (k - 1) d + 1 - n =
    (k - 1) d + 1 - s, the smaller half of it before. Stride 2: (0, 1) for k = 3, (1, 2) for k = 5.
    """
    # Of the height, then of the width.
    kernel, stride, dilation = map(_pair, (same.kernel_size, same.stride, same.dilation))
    height, width = (
        max((k - 1) * d + 1 - s, 0) for k, s, d in zip(kernel, stride, dilation, strict=True)
    )
    pad = nn.ZeroPad2d((width // 2, width - width // 2, height // 2, height - height // 2))
    conv = nn.Conv2d(
        same.in_channels, same.out_channels, kernel, stride,
        dilation=dilation, groups=same.groups, bias=same.bias is not None,
    )  # fmt: skip
    conv.load_state_dict(same.state_dict())
    return nn.Sequential(pad, conv).eval()


def _pair(sides: tuple[int, ...]) -> tuple[int, int]:
    height, width = sides
    return height, width


def _replace(root: nn.Module, name: str, new: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(root.get_submodule(parent), own, new)


Shapes = dict[str, tuple[int | str, ...]]


def _export(
    net: nn.Module,
    *,
    sides: tuple[int, int],
    dynamic: dict[int, Any],
    inputs: Shapes,
    outputs: Shapes,
) -> bytes:
    # Two pictures: with one, the tracer would take the batch for a constant.
    example = torch.zeros((2, *sides, 3), dtype=torch.uint8)
    # Measured against the older, TorchScript exporter (dynamo=False) on the two networks of this
    # package, one thread: the graphs run equally fast (24 ms at 384 px, 200 ms at 768 px, 2 %
    # apart), but this one already merges paddings and norms into the convolutions (106 and 120
    # nodes instead of 262 and 282, loaded in 0.85 of the time), proves that the graph holds for
    # every multiple of 32, and is the one that torch goes on with. It takes 30 s instead of 2.
    with _quiet():
        program = torch.onnx.export(
            net.eval(), (example,), dynamo=True, dynamic_shapes=(dynamic,), verbose=False,
            input_names=list(inputs), output_names=list(outputs), opset_version=_OPSET,
        )  # fmt: skip
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    _tidy(model, inputs, outputs)
    halve_weights(model)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's chatter, which nobody can act on, out of the command's output."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _tidy(model: onnx.ModelProto, inputs: Shapes, outputs: Shapes) -> None:
    """Name the dimensions, and drop what the exporter noted about the code and its folders."""
    model.ir_version = _IR_VERSION
    model.producer_name, model.producer_version = "shipseg", ""
    graph = model.graph
    graph.name = "shipseg"
    del model.metadata_props[:], graph.metadata_props[:], graph.value_info[:]
    for part in [*graph.node, *graph.initializer, *graph.input, *graph.output]:
        part.doc_string = ""
        del part.metadata_props[:]
    for port in [*graph.input, *graph.output]:
        dtype = port.type.tensor_type.elem_type
        shape = (inputs | outputs)[port.name]
        port.CopyFrom(helper.make_tensor_value_info(port.name, dtype, shape))


def halve_weights(model: onnx.ModelProto) -> None:
    """Store large tensors as float16 and widen them again at the graph's start, in place.

    ONNX Runtime folds the casts as it loads the graph, so it computes in float32 as before; only
    the stored numbers are rounded, by one part in two thousand at most. Parity is measured after.
    """
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < _LEAST_HALVED or np.abs(values).max() > _LARGEST_HALF:
            continue
        name = tensor.name
        half = numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])
