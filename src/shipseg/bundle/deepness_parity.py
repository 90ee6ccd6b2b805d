"""Does the graph for Deepness say what the detector says? Asked as the plug-in asks it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from shipseg.bundle.deepness import IMAGE, reach_cells
from shipseg.bundle.format import Bundle
from shipseg.errors import QualityGateError
from shipseg.imaging.picture import Picture
from shipseg.inference.detector import Detector

Rgb = npt.NDArray[np.uint8]

MAX_DIFFERENCE = 0.001
"""Of probabilities. The weights are the same; only the order of a few sums may differ."""


def check_deepness_graph(
    graph: bytes, bundle: Bundle, detector: Detector, tiles: Iterable[Rgb]
) -> float:
    """Compare a composed graph with the detector.

    Args:
        graph: What `deepness_graph` gave.
        bundle: What it was made from.
        detector: Of the same bundle, with its thresholds.
        tiles: (T, T, 3) uint8, T the bundle's tile size.

    Returns:
        The largest absolute difference of any pixel's probability.

    Raises:
        QualityGateError: It is above `MAX_DIFFERENCE`, or no number.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Fatal only: it warns of every weight that it prepares inside a branch.
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    largest = 0.0
    for rgb in tiles:
        (found,) = session.run(None, {IMAGE: as_deepness(rgb)})
        expected = expected_map(rgb, bundle, detector)
        # np.max hands NaN on, where max() may lose it.
        largest = float(np.max([largest, np.abs(found[0, 0] - expected).max()]))
    # Written so that NaN fails as well.
    if not largest <= MAX_DIFFERENCE:
        raise QualityGateError(
            f"the graph for Deepness differs from the detector by {largest:.4f} in probability, "
            f"the limit is {MAX_DIFFERENCE}",
            hint="export the bundle again; another version of onnx may compose better",
        )
    return largest


def as_deepness(rgb: Rgb) -> npt.NDArray[np.float32]:
    """Give (1, 3, H, W) float32 as the plug-in makes it of (H, W, 3) bytes."""
    scaled = (rgb[None] * 1.0 / 255.0).astype(np.float32)
    return scaled.transpose(0, 3, 1, 2)


def expected_map(rgb: Rgb, bundle: Bundle, detector: Detector) -> npt.NDArray[np.float32]:
    """Give what the graph has to say of a tile, (H, W) float32, by the detector's own means."""
    picture = Picture(rgb)
    # The graph has no second look.
    detector = detector.looking_once()
    sighting = detector.look(picture)
    if not detector.passes(sighting):
        return np.zeros(picture.shape_hw, np.float32)
    side = 2 * reach_cells(bundle) + 1
    near = ndimage.binary_dilation(sighting.hot, np.ones((side, side), dtype=np.bool_))
    mask = np.kron(near, np.ones((detector.cell_px,) * 2, dtype=np.bool_))
    seen: npt.NDArray[np.float32] = np.where(mask, detector.segment(picture)[0], np.float32(0))
    return seen
