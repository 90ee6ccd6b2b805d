"""One graph in OpenVINO, on the processor (needs the `openvino` extra)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.errors import BundleError
from shipseg.inference.devices import BF16, openvino_capabilities
from shipseg.inference.runtime_onnx import Ports
from shipseg.parallel import worker_count

_TYPES = {"u8": "uint8", "f32": "float32"}
_FIRST = threading.Lock()


class OpenVinoEngine:
    """Run a graph. Safe to call from several threads.

    It computes in bfloat16 where the processor can and in float32 elsewhere, so that two machines
    may differ in the third digit of a probability; one machine always gives the same.

    Windows come in many shapes. The graph is compiled once, with the shapes open, and OpenVINO
    keeps what it makes for a shape: the first window of a shape takes about twice as long.

    Args:
        graph: ONNX.
        name: What messages call it.
        threads: Threads of one call.

    Raises:
        BundleError: OpenVINO cannot load the graph.
    """

    def __init__(self, graph: bytes, name: str, *, threads: int) -> None:
        import openvino

        _bind_numpy(openvino)
        # One stream for each call that may run beside others. A stream is a group of threads; a
        # call waits for a free one.
        streams = max(1, worker_count(None) // threads)
        settings = {
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(streams * threads),
            # Told, not left to the library's default, so that it is known.
            "INFERENCE_PRECISION_HINT": "bf16" if BF16 in openvino_capabilities() else "f32",
            # Pinned threads would share one core where several processes work side by side.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            core = openvino.Core()
            model = core.read_model(graph)
            # Compiling gives the calling thread a signal stack that dies with the graph, whichever
            # thread drops it last; the next signal to the main thread would crash the process.
            with ThreadPoolExecutor(1) as aside:
                compiling = aside.submit(core.compile_model, model, "CPU", settings)
            self._compiled = compiling.result()
        except Exception as error:  # RuntimeError and its like, whatever the fault
            raise BundleError(
                f"{name} is no graph that OpenVINO can load ({type(error).__name__})",
                hint="leave --device out: ONNX Runtime knows more operators",
            ) from error
        self.inputs, self.outputs = _ports(model.inputs), _ports(model.outputs)
        # A request holds the buffers of one call.
        self._own = threading.local()

    def run(self, outputs: list[str], image: npt.NDArray[np.uint8]) -> list[npt.NDArray[Any]]:
        """Give the named outputs for the input `image`."""
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        found = request.infer({"image": np.ascontiguousarray(image)})
        # Copied: the next call of this thread writes into the same buffers.
        return [np.array(found[name]) for name in outputs]


def _bind_numpy(openvino: Any) -> None:
    """Let the binding find NumPy, once and on one thread.

    It does so when it first hands out an array. Where two threads come to that at the same time,
    each waits for what the other holds, the interpreter or the binding, and neither ever goes on.
    """
    with _FIRST:
        _ = openvino.Tensor(np.zeros(1, np.uint8)).data


def _ports(found: Any) -> Ports:
    return {
        port.any_name: (
            _TYPES.get(port.element_type.get_type_name(), port.element_type.get_type_name()),
            port.partial_shape.rank.get_length(),
        )
        for port in found
    }
