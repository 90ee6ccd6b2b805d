"""The model that a server answers with, and what callers may know of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from shipseg import __version__
from shipseg.bundle.manifest import Manifest
from shipseg.inference.detector import Detector


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A detector with a name.

    Attributes:
        detector: With one thread per call.
        name: From its manifest.
        version: Day of the export and the beginning of a hash over both graphs.
        key: Stands for all that an answer depends on beside the request: graphs, thresholds,
            calibration, and this program.
    """

    detector: Detector
    name: str
    version: str
    key: str


def model_of(detector: Detector) -> Model:
    """Name a detector."""
    manifest: Manifest = detector.manifest
    graphs = hashlib.sha256(f"{manifest.gate.sha256} {manifest.segmenter.sha256}".encode())
    whole = hashlib.sha256(manifest.model_dump_json().encode())
    whole.update(f"{__version__} {detector.threshold} {detector.gate_threshold}".encode())
    version = f"{manifest.created.isoformat()}-{graphs.hexdigest()[:8]}"
    return Model(detector, manifest.name, version, whole.hexdigest())
