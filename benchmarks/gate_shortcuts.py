"""What shortcuts before and inside the gate would cost: AUC, F1, decisions and core time.

    python benchmarks/gate_shortcuts.py IMAGES LABELS --split split.csv [--subset val]

Two of them: libjpeg decodes at half size instead of a whole decoding that is then shrunk, and the
graph is quantised to 8 bits, calibrated on training tiles. Without IMAGES, synthetic tiles are
drawn. Neither is used by shipseg; docs/speed.md says why.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import simplejpeg
from labelled import labelled_tiles
from onnxruntime import quantization
from PIL import Image

from shipseg.bundle.format import load_bundle
from shipseg.evaluation.classification import best_f1, confusion_at, roc_auc

CALIBRATION_TILES = 64


def main() -> None:
    """Parse the arguments, ask the gate in three ways, print."""
    with (
        labelled_tiles(__doc__.splitlines()[0], drawn=24) as options,
        tempfile.TemporaryDirectory() as folder,
    ):
        compare(options, Path(folder))


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Score all tiles of the subset in three ways."""
    table, bundle = options.table, load_bundle(options.bundle)
    names = options.names
    data = [(options.images / name).read_bytes() for name in names]
    learned = [(options.images / name).read_bytes() for name in options.others or names]
    exact, rounded = session(bundle.gate), session(quantised(bundle.gate, learned, folder))
    ways: dict[str, tuple[Callable[[bytes], np.ndarray], onnxruntime.InferenceSession]] = {
        "as it is": (shrunk, exact),
        "decoded at half size": (half_decoded, exact),
        "8 bits": (shrunk, rounded),
    }
    truth = [table.has_ships(name) for name in names]
    threshold = bundle.manifest.gate.threshold
    before: np.ndarray | None = None
    print(f"{len(names)} tiles, threshold {threshold:.4f}")
    print(f"{'':22s}AUC    F1     best F1  decisions changed  core-ms: pixels  gate")
    for name, (pixels, graph) in ways.items():
        scores, spent = ask(pixels, graph, data)
        before = scores if before is None else before
        best = best_f1(scores, truth)
        print(
            f"{name:20s}  {roc_auc(scores, truth):.4f}  "
            f"{confusion_at(scores, truth, threshold).f1:.3f}  {best.counts.f1 if best else 0:.3f}"
            f"  {np.count_nonzero((scores >= threshold) != (before >= threshold)):19d}"
            f"  {1000 * spent[0]:15.1f}  {1000 * spent[1]:4.1f}"
        )


def ask(
    pixels: Callable[[bytes], np.ndarray], graph: onnxruntime.InferenceSession, data: list[bytes]
) -> tuple[np.ndarray, np.ndarray]:
    """Give the probabilities, and the median core seconds of making pixels and of the graph."""
    scores, spent = [], []
    for encoded in data:
        start = time.thread_time()
        image = pixels(encoded)[None]
        middle = time.thread_time()
        scores.append(float(graph.run(["tile"], {"image": image})[0][0]))
        spent.append((middle - start, time.thread_time() - middle))
    return np.array(scores), np.median(spent, axis=0)


def shrunk(encoded: bytes) -> np.ndarray:
    rgb = simplejpeg.decode_jpeg(encoded, "RGB", strict=True)
    return np.asarray(Image.fromarray(rgb).reduce(2))


def half_decoded(encoded: bytes) -> np.ndarray:
    height, width = (side // 2 for side in simplejpeg.decode_jpeg_header(encoded)[:2])
    return simplejpeg.decode_jpeg(
        encoded, "RGB", strict=True, min_height=height, min_width=width, min_factor=1
    )


def session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def quantised(graph: bytes, data: list[bytes], folder: Path) -> bytes:
    """Quantise weights by channel and activations by tensor, all convolutions and sums."""

    class Tiles(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            step = max(1, len(data) // CALIBRATION_TILES)
            self._tiles: Iterator[bytes] = iter(data[::step][:CALIBRATION_TILES])

        def get_next(self) -> dict[str, np.ndarray] | None:
            encoded = next(self._tiles, None)
            return None if encoded is None else {"image": shrunk(encoded)[None]}

    source, ready, out = (folder / name for name in ("gate.onnx", "ready.onnx", "8.onnx"))
    source.write_bytes(graph)
    quantization.quant_pre_process(source, ready, skip_symbolic_shape=True)
    quantization.quantize_static(
        ready, out, Tiles(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
        activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
        op_types_to_quantize=["Conv", "Add"],
    )  # fmt: skip
    return out.read_bytes()


if __name__ == "__main__":
    main()
