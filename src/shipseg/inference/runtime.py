"""ONNX Runtime sessions for the two graphs of a bundle."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.bundle.format import Bundle
from shipseg.errors import BundleError

_TYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
_GATE = ({"image": ("uint8", 4)}, {"tile": ("float32", 1), "cells": ("float32", 3)})
_SEGMENTER = ({"image": ("uint8", 4)}, {"ship": ("float32", 3)})


class GateSession:
    """Run the gate's graph."""

    def __init__(self, bundle: Bundle, *, threads: int) -> None:
        self._session = _open(bundle.gate, "gate.onnx", bundle.source, threads, *_GATE)

    def __call__(self, image: npt.NDArray[np.uint8]) -> tuple[float, npt.NDArray[np.float32]]:
        """Score one picture.

        Args:
            image: (S, S, 3) uint8 RGB, S the manifest's `input_size`.

        Returns:
            The tile's probability and (S/stride, S/stride) float32 of its cells.
        """
        tile, cells = self._session.run(["tile", "cells"], {"image": image[None]})
        return float(tile[0]), cells[0]


class SegmenterSession:
    """Run the segmenter's graph."""

    def __init__(self, bundle: Bundle, *, threads: int) -> None:
        self._session = _open(
            bundle.segmenter, "segmenter.onnx", bundle.source, threads, *_SEGMENTER
        )

    def __call__(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return (H, W) float32 probabilities for (H, W, 3) uint8; sides multiples of 32."""
        (ship,) = self._session.run(["ship"], {"image": image[None]})
        found: npt.NDArray[np.float32] = ship[0]
        return found


Ports = dict[str, tuple[str, int]]


def _open(graph: bytes, name: str, source: str, threads: int, inputs: Ports, outputs: Ports) -> Any:
    # Imported here, so that reading labels or writing files does not load the runtime.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Warnings about folded constants are of no use to whoever predicts.
    options.log_severity_level = 3
    # Idle threads that spin take the cores that decode and that other processes need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Windows come in many shapes; a memory plan per shape would pile up.
    options.enable_mem_pattern = False
    try:
        # From bytes, not from a path: a graph with external data has nowhere to read it from.
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's exceptions share no base class
        raise BundleError(
            f"{source}: {name} is no graph that ONNX Runtime can load ({type(error).__name__})",
            hint="export the bundle again with 'shipseg export'",
        ) from error
    for what, found, expected in (
        ("inputs", session.get_inputs(), inputs),
        ("outputs", session.get_outputs(), outputs),
    ):
        ports = {port.name: (_TYPES.get(port.type, port.type), len(port.shape)) for port in found}
        if ports != expected:
            raise BundleError(
                f"{source}: {name} has the {what} {_say(ports)}, expected {_say(expected)}"
            )
    return session


def _say(ports: Ports) -> str:
    return ", ".join(f"{name} ({kind}, {rank} axes)" for name, (kind, rank) in ports.items())
