"""Does the graph say what the network says? Torch beside ONNX Runtime on real tiles.

The network runs as it was trained: float32, with its own padding and norms. The graph runs as users
get it: from the bundle's bytes, with rounded weights, through the session that the detector uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata

import numpy as np
import numpy.typing as npt
import torch

from shipseg.bundle.format import Bundle
from shipseg.bundle.manifest import Parity
from shipseg.bundle.measure import Measuring, shrink
from shipseg.errors import QualityGateError
from shipseg.imaging.hull_view import VIEW_HW
from shipseg.inference.runtime import GateSession, RefinerSession, SegmenterSession
from shipseg.models.ensemble import SegmenterMean
from shipseg.models.gate import Gate
from shipseg.models.refiner import Refiner
from shipseg.models.segmenter import Segmenter

Rgb = npt.NDArray[np.uint8]

GATE_TILES, SEGMENTER_TILES = 16, 8
"""Most tiles that are compared: seconds of torch, and millions of pixels."""

MAX_DIFFERENCE = 0.02
"""Largest difference of probabilities, or of moves, that a bundle may have. Rounded weights give
about 0.001."""

# Height and width of what the segmenter is asked: whole tiles, and windows as the detector cuts
# them. Both orders of unequal sides, for a graph that mixes them up.
_WINDOWS_HW = ((None, None), (256, 384), (512, 256), (320, 640))


@torch.inference_mode()
def gate_difference(gate: Gate, session: GateSession, views: Sequence[Rgb]) -> float:
    """Return the largest absolute difference of any tile's or cell's probability.

    Args:
        gate: The trained network.
        session: The bundle's graph.
        views: (S, S, 3) uint8 tiles, shrunk to the gate's input.
    """
    largest = 0.0
    for view in views:
        tile, cells = (torch.sigmoid(logits)[0].numpy() for logits in gate(_batch(view)))
        found_tile, found_cells = session(view)
        largest = _larger(largest, found_tile - tile, found_cells - cells)
    return largest


@torch.inference_mode()
def segmenter_difference(
    segmenter: Segmenter | SegmenterMean, session: SegmenterSession, tiles: Sequence[Rgb]
) -> float:
    """Return the largest absolute difference of any pixel's probability, in either map.

    Args:
        segmenter: The trained network, or several.
        session: The bundle's graph.
        tiles: (H, W, 3) uint8 tiles, sides multiples of 32; windows of several shapes are cut out.
    """
    largest = 0.0
    for index, tile in enumerate(tiles):
        height, width = _WINDOWS_HW[index % len(_WINDOWS_HW)]
        view = tile[:height, :width]
        expected = segmenter.probabilities(_batch(view))[0].numpy()
        largest = _larger(largest, session(view) - expected)
    return largest


@torch.inference_mode()
def refiner_difference(refiner: Refiner, session: RefinerSession, views: Rgb) -> float:
    """Return the largest absolute difference: of any side, in shares of the view, or of a fit.

    Args:
        refiner: The trained network.
        session: The bundle's graph.
        views: (N, 64, 128, 3) uint8.
    """
    expected_sides, log_odds = refiner(torch.from_numpy(views.copy()))
    sides, fit = session(views)
    return _larger(0.0, sides - expected_sides.numpy(), fit - torch.sigmoid(log_odds).numpy())


def check_difference(what: str, difference: float) -> None:
    """Refuse a graph that differs too much.

    Raises:
        QualityGateError: The difference is above `MAX_DIFFERENCE`, or no number.
    """
    # Written so that NaN fails as well.
    if not difference <= MAX_DIFFERENCE:
        raise QualityGateError(
            f"the exported {what} differs from the trained one by {difference:.4f}, "
            f"the limit is {MAX_DIFFERENCE}",
            hint="another encoder or another version of torch may export better",
        )


def measure_parity(
    bundle: Bundle,
    gate: Gate,
    segmenter: Segmenter | SegmenterMean,
    refiner: Refiner | None,
    tiles: Measuring,
    image_ids: Sequence[str],
) -> Parity:
    """Compare on tiles, half of them with ships where there are enough.

    Args:
        bundle: With the graphs.
        gate: The trained gate.
        segmenter: The trained segmenter.
        refiner: The trained refiner, if there is one.
        tiles: Tiles to compare on.
        image_ids: Which of them.

    Raises:
        QualityGateError: A difference is too large.
    """
    table = tiles.source.table
    with_ships = [image_id for image_id in image_ids if table.has_ships(image_id)]
    empty = [image_id for image_id in image_ids if not table.has_ships(image_id)]
    ids = [*with_ships[: max(GATE_TILES // 2, GATE_TILES - len(empty))], *empty][:GATE_TILES]
    pictures = tiles.over(ids, lambda _, rgb: rgb, "reading tiles")
    side = bundle.manifest.gate.input_size
    gate_off = gate_difference(
        gate, GateSession(bundle, threads=1), [shrink(rgb, side) for rgb in pictures]
    )
    check_difference("gate", gate_off)
    # The first ones hold ships: where all is sea, a wrong graph may say the same.
    views = pictures[:SEGMENTER_TILES]
    segmenter_off = segmenter_difference(segmenter, SegmenterSession(bundle, threads=1), views)
    check_difference("segmenter", segmenter_off)
    refiner_off = None
    if refiner is not None:
        # Any part of a tile will do: what is compared is numbers.
        height, width = VIEW_HW
        parts = np.stack([rgb[:height, :width] for rgb in pictures])
        refiner_off = refiner_difference(refiner, RefinerSession(bundle, threads=1), parts)
        check_difference("refiner", refiner_off)
    return Parity(
        gate_max_abs_difference=gate_off,
        segmenter_max_abs_difference=segmenter_off,
        refiner_max_abs_difference=refiner_off,
        gate_tiles=len(pictures),
        segmenter_tiles=len(views),
        onnxruntime=metadata.version("onnxruntime"),
        torch=metadata.version("torch"),
    )


def _batch(view: Rgb) -> torch.Tensor:
    # A copy, because torch warns of arrays that it may not write to.
    return torch.from_numpy(view.copy())[None]


def _larger(before: float, *differences: npt.ArrayLike) -> float:
    # np.max hands NaN on, where max() may lose it.
    return float(np.max([before, *(np.abs(np.asarray(d)).max() for d in differences)]))
