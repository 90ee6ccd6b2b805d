"""ONNX Runtime sessions for the two graphs of a bundle."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.bundle.format import Bundle
from shipseg.errors import BundleError

Ports = dict[str, tuple[str, int]]
"""Inputs or outputs of a graph: element type and number of axes by name."""

_TYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
_IMAGE: Ports = {"image": ("uint8", 4)}
_GATE: Ports = {"tile": ("float32", 1), "cells": ("float32", 3)}
_SEGMENTER: Ports = {"maps": ("float32", 4)}


class GateSession:
    """Run the gate's graph.

    Args:
        bundle: With the graph.
        threads: Threads of one call.

    Raises:
        BundleError: ONNX Runtime cannot load the graph, or it has other inputs or outputs.
    """

    def __init__(self, bundle: Bundle, *, threads: int) -> None:
        self._graph = _Graph(bundle.gate, f"{bundle.source}: the gate", threads, _GATE)
        self._stride = bundle.manifest.gate.stride

    def __call__(self, image: npt.NDArray[np.uint8]) -> tuple[float, npt.NDArray[np.float32]]:
        """Score one picture.

        Args:
            image: (S, S, 3) uint8 RGB, S the manifest's `input_size`.

        Returns:
            The tile's probability and (S/stride, S/stride) float32 of its cells.

        Raises:
            BundleError: The graph fails, or answers in another shape.
        """
        rows, columns = (side // self._stride for side in image.shape[:2])
        tile, cells = self._graph(image, (1,), (1, rows, columns))
        return float(tile[0]), cells[0]


class SegmenterSession:
    """Run the segmenter's graph.

    Args:
        bundle: With the graph.
        threads: Threads of one call.

    Raises:
        BundleError: ONNX Runtime cannot load the graph, or it has other inputs or outputs.
    """

    def __init__(self, bundle: Bundle, *, threads: int) -> None:
        self._graph = _Graph(
            bundle.segmenter, f"{bundle.source}: the segmenter", threads, _SEGMENTER
        )

    def __call__(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Score every pixel.

        Args:
            image: (H, W, 3) uint8 RGB; sides divisible by the manifest's `multiple`.

        Returns:
            (2, H, W) float32 probabilities, of ship and of a ship's core; the caller's to change.

        Raises:
            BundleError: The graph fails, or answers in another shape.
        """
        (maps,) = self._graph(image, (1, 2, *image.shape[:2]))
        found: npt.NDArray[np.float32] = maps[0]
        return found


class _Graph:
    """A graph with one input, `image`, that gives what it is expected to."""

    def __init__(self, graph: bytes, name: str, threads: int, outputs: Ports) -> None:
        self._name, self._outputs = name, list(outputs)
        self._session = _open(graph, name, threads)
        for what, found, expected in (
            ("inputs", self._session.get_inputs(), _IMAGE),
            ("outputs", self._session.get_outputs(), outputs),
        ):
            ports = {p.name: (_TYPES.get(p.type, p.type), len(p.shape)) for p in found}
            if ports != expected:
                raise BundleError(f"{name} has the {what} {_say(ports)}, expected {_say(expected)}")

    def __call__(
        self, image: npt.NDArray[np.uint8], *shapes: tuple[int, ...]
    ) -> list[npt.NDArray[np.float32]]:
        """Run on one picture; `shapes` are what the outputs have to have."""
        height, width = image.shape[:2]
        try:
            found = self._session.run(self._outputs, {"image": image[None]})
        except Exception as error:  # the runtime's exceptions share no base class
            raise BundleError(
                f"{self._name} fails on {height} × {width} px ({type(error).__name__})"
            ) from error
        for name, values, shape in zip(self._outputs, found, shapes, strict=True):
            if values.shape != shape:
                raise BundleError(
                    f"{self._name} gives '{name}' the shape {values.shape} for "
                    f"{height} × {width} px, expected {shape}"
                )
        return list(found)


def _open(graph: bytes, name: str, threads: int) -> Any:
    # Imported here, so that reading labels or writing files does not load the runtime.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Fatal only: errors are raised, and warnings are of no use to whoever predicts.
    options.log_severity_level = 4
    # Idle threads that spin take the cores that decode and that other processes need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Windows come in many shapes; a memory plan per shape would pile up.
    options.enable_mem_pattern = False
    try:
        # From bytes, not from a path: a graph with external data has nowhere to read it from.
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's exceptions share no base class
        raise BundleError(
            f"{name} is no graph that ONNX Runtime can load ({type(error).__name__})",
            hint="export the bundle again with 'shipseg export'",
        ) from error


def _say(ports: Ports) -> str:
    return ", ".join(f"{name} ({kind}, {rank} axes)" for name, (kind, rank) in ports.items())
