"""Sessions for the graphs of a bundle, on the device that was asked for."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from shipseg.bundle.format import Bundle
from shipseg.errors import BundleError
from shipseg.imaging.hull_view import SIDES
from shipseg.inference.devices import Device
from shipseg.inference.runtime_onnx import OnnxEngine, Ports

_IMAGE: Ports = {"image": ("uint8", 4)}
_GATE: Ports = {"tile": ("float32", 1), "cells": ("float32", 3)}
_SEGMENTER: Ports = {"maps": ("float32", 4)}
_REFINER: Ports = {"sides": ("float32", 2), "fit": ("float32", 1)}


class Engine(Protocol):
    """A loaded graph, whatever runs it."""

    @property
    def inputs(self) -> Ports:
        """The graph's inputs."""

    @property
    def outputs(self) -> Ports:
        """The graph's outputs."""

    def run(self, outputs: list[str], image: npt.NDArray[np.uint8]) -> list[npt.NDArray[Any]]:
        """Give the named outputs for the input `image`, (N, H, W, 3) uint8."""


class GateSession:
    """Run the gate's graph.

    Args:
        bundle: With the graph.
        threads: Threads of one call.
        device: What runs it; from `choose_device`.

    Raises:
        BundleError: The graph cannot be loaded, or it has other inputs or outputs.
        UsageError: The device cannot be used.
    """

    def __init__(self, bundle: Bundle, *, threads: int, device: Device = Device.cpu) -> None:
        name = f"{bundle.source}: the gate"
        self._graph = _Graph(_open(bundle.gate, name, threads, device), name, _GATE)
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
        tile, cells = self._graph(image[None], (1,), (1, rows, columns))
        return float(tile[0]), cells[0]


class SegmenterSession:
    """Run the segmenter's graph.

    Args:
        bundle: With the graph.
        threads: Threads of one call.
        device: What runs it; from `choose_device`.

    Raises:
        BundleError: The graph cannot be loaded, or it has other inputs or outputs.
        UsageError: The device cannot be used.
    """

    def __init__(self, bundle: Bundle, *, threads: int, device: Device = Device.cpu) -> None:
        name = f"{bundle.source}: the segmenter"
        self._graph = _Graph(_open(bundle.segmenter, name, threads, device), name, _SEGMENTER)

    def __call__(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Score every pixel.

        Args:
            image: (H, W, 3) uint8 RGB; sides divisible by the manifest's `multiple`.

        Returns:
            (2, H, W) float32 probabilities, of ship and of a ship's core; the caller's to change.

        Raises:
            BundleError: The graph fails, or answers in another shape.
        """
        (maps,) = self._graph(image[None], (1, 2, *image.shape[:2]))
        found: npt.NDArray[np.float32] = maps[0]
        return found


class RefinerSession:
    """Run the refiner's graph.

    Args:
        bundle: With the graph.
        threads: Threads of one call.
        device: What runs it; from `choose_device`.

    Raises:
        BundleError: There is none, it cannot be loaded, or it has other inputs or outputs.
        UsageError: The device cannot be used.
    """

    def __init__(self, bundle: Bundle, *, threads: int, device: Device = Device.cpu) -> None:
        name = f"{bundle.source}: the refiner"
        if bundle.refiner is None:
            raise BundleError(f"{name} is missing")
        self._graph = _Graph(_open(bundle.refiner, name, threads, device), name, _REFINER)

    def __call__(
        self, views: npt.NDArray[np.uint8]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Say where the hulls in views lie, and how well those frame one.

        Args:
            views: (N, 64, 128, 3) uint8, from `shipseg.imaging.hull_view`.

        Returns:
            (N, 6) float32, the `SIDES` of that module, and (N,) float32, the IoU, 0..1, to be
            expected of the rectangle that made each view with a ship's.

        Raises:
            BundleError: The graph fails, or answers in another shape.
        """
        sides, fit = self._graph(views, (len(views), len(SIDES)), (len(views),))
        return sides, fit


class _Graph:
    """A graph with one input, `image`, that gives what it is expected to."""

    def __init__(self, engine: Engine, name: str, outputs: Ports) -> None:
        self._engine, self._name, self._outputs = engine, name, list(outputs)
        for what, ports, expected in (
            ("inputs", engine.inputs, _IMAGE),
            ("outputs", engine.outputs, outputs),
        ):
            if ports != expected:
                raise BundleError(f"{name} has the {what} {_say(ports)}, expected {_say(expected)}")

    def __call__(
        self, images: npt.NDArray[np.uint8], *shapes: tuple[int, ...]
    ) -> list[npt.NDArray[np.float32]]:
        """Run on (N, H, W, 3) pictures; `shapes` are what the outputs have to have."""
        height, width = images.shape[1:3]
        try:
            found = self._engine.run(self._outputs, images)
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
        return found


def _open(graph: bytes, name: str, threads: int, device: Device) -> Engine:
    if device is not Device.openvino:
        return OnnxEngine(graph, name, threads=threads, device=device)
    # Imported here, because it is an optional package.
    from shipseg.inference.runtime_openvino import OpenVinoEngine

    return OpenVinoEngine(graph, name, threads=threads)


def _say(ports: Ports) -> str:
    return ", ".join(f"{name} ({kind}, {rank} axes)" for name, (kind, rank) in ports.items())
