"""One graph in ONNX Runtime: on the processor, or on an NVIDIA card."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from shipseg.errors import BundleError, UsageError
from shipseg.inference.devices import PROVIDERS, Device

Ports = dict[str, tuple[str, int]]
"""Inputs or outputs of a graph: element type and number of axes by name."""

_TYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}

_CUDA: dict[str, Any] = {
    # TensorFloat-32 keeps 10 bits of 23, which moves probabilities in the third digit.
    "use_tf32": 0,
    # Windows come in many shapes; the default search would time every algorithm for each of them.
    "cudnn_conv_algo_search": "HEURISTIC",
}
_OPTIONS: dict[str, dict[str, Any]] = {"CUDAExecutionProvider": _CUDA}


class OnnxEngine:
    """Run a graph. Safe to call from several threads.

    Args:
        graph: ONNX.
        name: What messages call it.
        threads: Threads of one call.
        device: `cpu`, `cuda` or `tensorrt`.

    Raises:
        BundleError: ONNX Runtime cannot load the graph.
        UsageError: The card cannot be used.
    """

    def __init__(self, graph: bytes, name: str, *, threads: int, device: Device) -> None:
        # Imported here, so that reading labels or writing files does not load the runtime.
        import onnxruntime

        providers = [(p, _OPTIONS.get(p, {})) for p in PROVIDERS[device]]
        try:
            # From bytes, not from a path: a graph with external data has nowhere to read it from.
            self._session = onnxruntime.InferenceSession(
                graph, _options(threads), providers=providers
            )
        except Exception as error:  # the runtime's exceptions share no base class
            raise BundleError(
                f"{name} is no graph that ONNX Runtime can load ({type(error).__name__})",
                hint="export the bundle again with 'shipseg export'",
            ) from error
        # A card whose libraries are missing is no error to the runtime: it takes the processor.
        if PROVIDERS[device][0] not in self._session.get_providers():
            raise UsageError(
                f"--device {device}: ONNX Runtime could not start {PROVIDERS[device][0]}",
                hint="its CUDA and cuDNN have to be installed: "
                "pip install 'onnxruntime-gpu[cuda,cudnn]'",
            )

    @property
    def inputs(self) -> Ports:
        """The graph's inputs."""
        return _ports(self._session.get_inputs())

    @property
    def outputs(self) -> Ports:
        """The graph's outputs."""
        return _ports(self._session.get_outputs())

    def run(self, outputs: list[str], image: npt.NDArray[np.uint8]) -> list[npt.NDArray[Any]]:
        """Give the named outputs for the input `image`."""
        return list(self._session.run(outputs, {"image": image}))


def _options(threads: int) -> Any:
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
    # The same picture gives the same bytes; on a card that is not a matter of course.
    options.use_deterministic_compute = True
    return options


def _ports(found: Any) -> Ports:
    return {port.name: (_TYPES.get(port.type, port.type), len(port.shape)) for port in found}
