"""Take a network out of a bundle's graph again, to train it further (needs the `train` extra).

In a graph the norms are merged into the convolutions before them. A network in which each
convolution has the merged weights and each norm only adds the merged bias answers as the graph
does, but it would not learn like one: in training a norm subtracts the batch's mean and divides by
its deviation. So the norms are given, as statistics, the mean and deviation of what really reaches
them on some pictures, and as weight and bias whatever undoes these; the answers stay the same.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from shipseg.bundle.format import load_bundle
from shipseg.bundle.onnx_export import settled
from shipseg.bundle.parity import MAX_DIFFERENCE, gate_difference, segmenter_difference
from shipseg.errors import ConfigError
from shipseg.inference.runtime import GateSession, SegmenterSession

Kind = Literal["gate", "segmenter"]
"""A refiner's averages over its map are worked out before its export, and cannot be had back."""

Tensors = dict[str, torch.Tensor]

_CONVOLUTIONS = (nn.Conv2d, nn.Linear)
_WITH_BIAS = ("Conv", "Gemm")
_LEAST_VARIANCE = 1e-8


def start_from_bundle(
    net: nn.Module, kind: Kind, path: Path, pictures: Sequence[torch.Tensor]
) -> None:
    """Fill a network with the weights of a bundle's graph, in place.

    Args:
        net: A gate or a segmenter of the architecture that the bundle was made of.
        kind: Which of the two.
        path: The bundle, a folder or a .zip file.
        pictures: Batches (N, H, W, 3) uint8 of what it will be trained on; the norms' statistics
            are theirs.

    Raises:
        UsageError: There is no such bundle.
        BundleError: The bundle is incomplete, altered or of another shape than it says.
        ConfigError: The graph is of another network.
    """
    bundle = load_bundle(path)
    graph = bundle.gate if kind == "gate" else bundle.segmenter
    norms = _fill(net, _tensors_of(graph), kind, path)
    shown = [picture.numpy() for batch in pictures for picture in batch]
    net.eval()
    difference = (
        gate_difference(net, GateSession(bundle, threads=1), shown)  # type: ignore[arg-type]
        if kind == "gate"
        else segmenter_difference(net, SegmenterSession(bundle, threads=1), shown)  # type: ignore[arg-type]
    )
    # Written so that NaN fails as well.
    if not difference <= MAX_DIFFERENCE:
        raise _other_network(kind, path, f"answers differ by {difference:.4f}")
    _unfold(norms, lambda: _show(net, pictures))
    net.train()


def _tensors_of(graph: bytes) -> Tensors:
    """Give a graph's tensors by name, and a layer's bias by that of its weight, with `_bias`."""
    found = {}
    model = onnx.load_from_string(graph)
    for tensor in model.graph.initializer:
        # The largest are stored at half precision: `shipseg.bundle.onnx_export`.
        values = numpy_helper.to_array(tensor)
        if values.dtype in (np.float16, np.float32):
            name = tensor.name.removesuffix(".half")
            found[name] = torch.from_numpy(values.astype(np.float32))
    # Tensors of equal values are one in a graph, under either's name.
    for node in model.graph.node:
        if node.op_type in _WITH_BIAS and len(node.input) > 2 and node.input[2] in found:
            found[f"{node.input[1]}_bias"] = found[node.input[2]]
    return found


@torch.no_grad()
def _fill(net: nn.Module, found: Tensors, kind: Kind, path: Path) -> list[nn.BatchNorm2d]:
    """Copy a graph's tensors into a network, and give the norms that were merged."""
    exported = _exported_names(net)
    merged = []
    following: dict[str, nn.BatchNorm2d] = dict(_norms_behind(net))

    def take(name: str, parameter: torch.Tensor, own: str) -> None:
        """Copy the tensor of that name, if the graph has one."""
        value = found.get(own)
        if value is None:
            return
        if value.numel() != parameter.numel():
            shapes = f"{tuple(value.shape)}, expected {tuple(parameter.shape)}"
            raise _other_network(kind, path, f"'{name}' is {shapes}")
        parameter.copy_(value.reshape(parameter.shape))

    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            continue
        for leaf, parameter in module.named_parameters(prefix=name, recurse=False):
            # What a graph lacks was 1 or 0 and left out; if not, the answers differ.
            take(leaf, parameter, f"{kind}.{exported[leaf]}")
        if not isinstance(module, _CONVOLUTIONS):
            continue
        weight = f"{kind}.{exported[f'{name}.weight']}"
        if weight not in found:
            raise _other_network(kind, path, f"it has no '{name}.weight'")
        if module.bias is not None:
            module.bias.zero_()
            take(f"{name}.bias", module.bias, f"{weight}_bias")
        norm = following.get(name)
        if norm is not None:
            norm.running_mean.zero_()  # type: ignore[union-attr]
            norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
            norm.weight.fill_(1)
            norm.bias.zero_()
            take(f"the norm behind '{name}'", norm.bias, f"{weight}_bias")
            merged.append(norm)
    return merged


def _exported_names(net: nn.Module) -> dict[str, str]:
    """Say what each parameter is called in the network that was exported, `settled`."""
    marked = copy.deepcopy(net)
    numbers: dict[float, str] = {}
    with torch.no_grad():
        for number, (name, parameter) in enumerate(marked.named_parameters()):
            parameter.fill_(number)
            numbers[float(number)] = name
    return {
        numbers[float(parameter.flatten()[0])]: name
        for name, parameter in settled(marked).named_parameters()
    }


def _norms_behind(net: nn.Module) -> Iterable[tuple[str, nn.BatchNorm2d]]:
    """Give the convolutions that a norm follows, by name, each with it."""
    last = None
    for name, module in net.named_modules():
        if isinstance(module, _CONVOLUTIONS):
            last = name
        elif isinstance(module, nn.BatchNorm2d) and last is not None:
            yield last, module
            last = None


@torch.no_grad()
def _unfold(norms: Sequence[nn.BatchNorm2d], show: Callable[[], None]) -> None:
    """Give norms the statistics of what reaches them, and let them undo these."""
    sums: dict[nn.Module, tuple[float, torch.Tensor, torch.Tensor]] = {}

    def note(norm: nn.Module, reaching: tuple[Any, ...], _: Any) -> None:
        values = reaching[0].double()
        count, total, squares = sums.get(norm, (0.0, torch.zeros(()), torch.zeros(())))
        places = values.numel() / values.shape[1]
        sums[norm] = (
            count + places, total + values.sum((0, 2, 3)), squares + values.square().sum((0, 2, 3)),
        )  # fmt: skip

    hooks = [norm.register_forward_hook(note) for norm in norms]
    try:
        show()
    finally:
        for hook in hooks:
            hook.remove()
    for norm in norms:
        count, total, squares = sums[norm]
        mean = total / count
        variance = (squares / count - mean.square()).clamp_min(_LEAST_VARIANCE)
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(variance)  # type: ignore[union-attr]
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)


@torch.inference_mode()
def _show(net: nn.Module, pictures: Sequence[torch.Tensor]) -> None:
    for batch in pictures:
        net(batch)


def _other_network(kind: Kind, path: Path, what: str) -> ConfigError:
    return ConfigError(
        f"start_from: the {kind} of '{path}' is of another network: {what}",
        hint="bundle.json names its encoder; decoder_channels and half_resolution are the recipe's",
    )
