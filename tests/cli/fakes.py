"""A detector without a model: bright blobs are ships."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.ndimage import label

from shipseg.errors import ImageError
from shipseg.imaging.decode import Picture, read_image
from shipseg.inference.detector import Detection
from shipseg.inference.ships import Ship
from shipseg.rle import mask_to_runs

BRIGHT = 200


class FakeDetector:
    """Finds pixels above `BRIGHT`; the brightest one decides what the gate says."""

    interrupt_after: int | None = None

    def __init__(
        self,
        bundle: Any = None,
        *,
        threads: int = 1,
        threshold: float | None = None,
        gate_threshold: float | None = None,
        straighten: bool = True,
        device: str = "cpu",
    ) -> None:
        self.manifest = SimpleNamespace(name="fake")
        self.device = device
        self.threshold = 0.5 if threshold is None else threshold
        self.gate_threshold = 0.9 if gate_threshold is None else gate_threshold
        self._calls = 0
        self._lock = threading.Lock()

    def classify(self, source: Any) -> float:
        picture = self._open(source)
        # Float32 as a graph gives it, handed on as a float.
        return float(np.float32(picture.rgb.max() / 255))

    def predict(self, source: Any, *, gated: bool = True, name: str | None = None) -> Detection:
        picture = self._open(source)
        probability = self.classify(picture)
        passed = probability >= self.gate_threshold or not gated
        ships: list[Ship] = []
        if passed:
            found, count = label(picture.rgb.mean(axis=2) > BRIGHT)
            ships = [
                Ship(mask_to_runs(found == i + 1), picture.shape_hw, 0.9) for i in range(count)
            ]
        return Detection(
            name=name or "picture",
            shape_hw=picture.shape_hw,
            ship_probability=probability,
            passed=passed,
            ships=tuple(ships),
            warnings=picture.warnings,
        )

    def _open(self, source: Any) -> Picture:
        with self._lock:
            self._calls += 1
            if self.interrupt_after is not None and self._calls > self.interrupt_after:
                raise KeyboardInterrupt
        if isinstance(source, Picture):
            return source
        if isinstance(source, np.ndarray):
            return Picture(source)
        if isinstance(source, (str, Path)):
            return read_image(source)
        raise ImageError("unexpected source")
