"""What the graphs run on: which devices there are, and which one is taken."""

from __future__ import annotations

import ctypes
import sys
from enum import StrEnum
from importlib.util import find_spec

from shipseg.errors import MissingDependencyError, UsageError

BF16 = "BF16"
"""OpenVINO's word for a processor that multiplies in bfloat16."""


class Device(StrEnum):
    """What runs the graphs.

    `cpu` is ONNX Runtime on the processor and the default: it is always there, and computes in
    float32 on every machine. `openvino` computes in bfloat16 where the processor can, which was
    1.8 times as fast for the gate and changed no decision on the validation tiles (docs/speed.md).
    """

    auto = "auto"
    cpu = "cpu"
    openvino = "openvino"
    cuda = "cuda"
    tensorrt = "tensorrt"


CARDS = frozenset({Device.cuda, Device.tensorrt})
"""Devices that are an NVIDIA card."""

PROVIDERS: dict[Device, tuple[str, ...]] = {
    Device.cpu: ("CPUExecutionProvider",),
    Device.cuda: ("CUDAExecutionProvider", "CPUExecutionProvider"),
    # What TensorRT cannot do stays on the same card.
    Device.tensorrt: (
        "TensorrtExecutionProvider",
        "CUDAExecutionProvider",
        "CPUExecutionProvider",
    ),
}
"""Execution providers of ONNX Runtime, the wanted one first."""


def choose_device(asked: Device | str) -> Device:
    """Make a device of what was asked for, and see that what it needs is installed.

    `auto` takes `cuda` where there is a card and ONNX Runtime can use it; else `openvino` where it
    is installed and the processor computes in bfloat16, without which it is no faster; else `cpu`.
    TensorRT is never taken unasked: it compiles for minutes.

    Raises:
        UsageError: There is no such device, or no card.
        MissingDependencyError: The package for it is not installed.
    """
    try:
        device = Device(asked)
    except ValueError:
        names = ", ".join(Device)
        raise UsageError(f"there is no device '{asked}'", hint=f"devices are: {names}") from None
    if device is Device.auto:
        return _best()
    if device is Device.openvino and not has_openvino():
        raise MissingDependencyError.of_extra("openvino", "openvino", "--device openvino")
    if device in CARDS:
        _check_card(device)
    return device


def _best() -> Device:
    if PROVIDERS[Device.cuda][0] in onnx_providers() and count_cards() > 0:
        return Device.cuda
    if has_openvino() and BF16 in openvino_capabilities():
        return Device.openvino
    return Device.cpu


def _check_card(device: Device) -> None:
    wanted = PROVIDERS[device][0]
    if wanted not in onnx_providers():
        raise MissingDependencyError(
            f"--device {device} needs an ONNX Runtime with {wanted}, and the installed one has "
            f"{', '.join(onnx_providers())}",
            hint="pip uninstall onnxruntime, then: pip install 'onnxruntime-gpu[cuda,cudnn]'",
        )
    if count_cards() == 0:
        raise UsageError(
            f"--device {device} needs an NVIDIA card, and the driver knows of none",
            hint="leave --device out, or install the driver: nvidia-smi has to list a card",
        )


def onnx_providers() -> tuple[str, ...]:
    """Name the execution providers that the installed ONNX Runtime was built with."""
    # Imported here, so that reading labels or writing files does not load the runtime.
    import onnxruntime

    return tuple(onnxruntime.get_available_providers())


def has_openvino() -> bool:
    """Say whether OpenVINO is installed."""
    return find_spec("openvino") is not None


def openvino_capabilities() -> tuple[str, ...]:
    """Name what OpenVINO can compute with on this processor, such as FP32 and BF16."""
    import openvino

    return tuple(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def count_cards() -> int:
    """Count the NVIDIA cards that the driver shows this process; 0 without a driver.

    That ONNX Runtime has the provider says nothing of it: the package is built for machines with a
    card and starts on others too, where it silently computes on the processor.
    """
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value
