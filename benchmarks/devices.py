"""Core time of both graphs in ONNX Runtime, and in OpenVINO in float32 and in bfloat16.

python benchmarks/devices.py [--bundle B] [--rounds 20]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime

from shipseg.bundle.format import load_bundle


def main() -> None:
    """Parse the arguments, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    bundle = load_bundle(options.bundle)
    side = bundle.manifest.gate.input_size
    rng = np.random.default_rng(0)
    for name, graph, size in (("gate", bundle.gate, side), ("segmenter", bundle.segmenter, 192)):
        image = rng.integers(0, 256, (1, size, size, 3), np.uint8)
        ways = {"ONNX Runtime": onnx_runtime(graph, image)}
        if find_spec("openvino"):
            ways |= {f"OpenVINO {kind}": openvino(graph, image, kind) for kind in ("f32", "bf16")}
        spent: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, run in ways.items():
                start = time.process_time()
                run()
                spent[way].append(time.process_time() - start)
        # The first compiles.
        found = {way: 1000 * float(np.median(times[1:])) for way, times in spent.items()}
        said = ", ".join(f"{way} {ms:.1f}" for way, ms in found.items())
        print(f"{name} at {size} px, core-ms: {said}")


def onnx_runtime(graph: bytes, image: np.ndarray) -> Callable[[], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"image": image})


def openvino(graph: bytes, image: np.ndarray, kind: str) -> Callable[[], object]:
    """Compile for one thread; where the processor has no bfloat16, OpenVINO computes in float32."""
    import openvino as ov

    core = ov.Core()
    model = core.read_model(graph)
    model.reshape(ov.PartialShape(list(image.shape)))
    settings = {"INFERENCE_PRECISION_HINT": kind, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda: request.infer({"image": image})


if __name__ == "__main__":
    main()
