"""The outliner that a bundle's manifest describes, its refiner loaded."""

from __future__ import annotations

from shipseg.bundle.format import Bundle
from shipseg.bundle.manifest import CalibrationSpec, ObjectnessSpec
from shipseg.inference.devices import Device
from shipseg.inference.outliner import Outliner
from shipseg.inference.refine import Refiner
from shipseg.inference.runtime import RefinerSession
from shipseg.inference.straighten import Straightening
from shipseg.scores import Calibration, Objectness, Scoring


def outliner_of(bundle: Bundle, *, threads: int, device: Device, straighten: bool) -> Outliner:
    """Make an outliner.

    Args:
        bundle: Says when masks become rectangles, and how ships are scored.
        threads: Of one call of the refiner.
        device: What runs the refiner.
        straighten: False leaves every mask as the segmenter drew it, and the refiner out.

    Raises:
        BundleError: The refiner's graph is of another shape than a refiner's.
        MissingDependencyError: The package for the device is not installed.
    """
    segmenter, spec = bundle.manifest.segmenter, bundle.manifest.refiner
    measured = segmenter.straightening if straighten else None
    refiner = fit_scoring = None
    if measured is not None and spec is not None:
        refiner = Refiner(RefinerSession(bundle, threads=threads, device=device), spec.shift_px)
        if spec.calibration is not None:
            fit_scoring = _scoring(spec.calibration, spec.objectness)
    return Outliner(
        min_area_px=segmenter.min_area_px,
        scoring=_scoring(segmenter.calibration, segmenter.objectness),
        fit_scoring=fit_scoring,
        straightening=None if measured is None else Straightening(**measured.model_dump()),
        refiner=refiner,
    )


def _scoring(spec: CalibrationSpec | None, objectness: ObjectnessSpec | None) -> Scoring:
    refusing = None
    if objectness is not None:
        weighed = Calibration(**objectness.model_dump(exclude={"least"}))
        refusing = Objectness(weighed, objectness.least)
    return Scoring(None if spec is None else Calibration(**spec.model_dump()), refusing)
