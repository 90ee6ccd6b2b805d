"""Average the weights of several runs: one network, as fast as each, that errs less by chance.

Runs that started from the same weights stay in one basin of the loss, and the mean of their weights
lies in it too. Wortsman et al., Model soups, 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from shipseg.errors import BadInputError, UsageError
from shipseg.files import atomic_write_bytes
from shipseg.training.config import RefinerConfig, TrainConfig, read_config
from shipseg.training.folder import RunFolder, read_environment, record_start, write_json

State = dict[str, torch.Tensor]

# Settings that say what the network is and what it may have seen.
_SAME = (
    "images", "labels", "split", "val_share", "exclude", "tile_size", "encoder", "input_size",
    "decoder_channels", "half_resolution",
)  # fmt: skip


def average_runs(runs: Sequence[RunFolder], folder: RunFolder) -> dict[str, Any]:
    """Write a run folder whose weights are the mean of those that finished runs kept.

    Args:
        runs: Two or more finished runs of one kind, network and data.
        folder: Where to, held by `open_run`; takes the first run's configuration.

    Returns:
        The summary that also lies in the folder: no epoch, but the runs that were averaged.

    Raises:
        UsageError: Fewer than two runs, or one that has not finished.
        BadInputError: They differ in network or data, or a file is damaged.
    """
    if len(runs) < 2:
        raise UsageError(f"averaging needs two runs or more, found {len(runs)}")
    for run in runs:
        if not run.summary.is_file():
            raise UsageError(
                f"'{run.root}' holds no finished run", hint="finish it with --resume first"
            )
    configs = [read_config(run.config) for run in runs]
    data = [read_environment(run).get("data") for run in runs]
    for run, config, seen in zip(runs[1:], configs[1:], data[1:], strict=True):
        _check_same(runs[0], run, configs[0], config)
        if seen != data[0]:
            raise BadInputError(
                f"'{run.root}' was trained on other tiles or labels than '{runs[0].root}'",
                hint="average runs that were trained on the same data",
            )
    mean = mean_of([_read(run) for run in runs], [str(run.root) for run in runs])
    record_start(folder, configs[0], data[0] or {})
    atomic_write_bytes(folder.weights, save(mean))
    summary = {"finished": True, "averaged": [str(run.root) for run in runs]}
    write_json(folder.summary, summary)
    return summary


def mean_of(states: Sequence[State], names: Sequence[str]) -> State:
    """Average tensors that have the same names and shapes.

    Args:
        states: Two or more; whole numbers, such as counts of batches, are taken from the first.
        names: What to call each in a message.

    Returns:
        The means, of the first one's dtypes; summed in float64.

    Raises:
        BadInputError: One lacks a tensor, has one more, or one of another shape.
    """
    first = {key: value.shape for key, value in states[0].items()}
    for state, name in zip(states[1:], names[1:], strict=True):
        shapes = {key: value.shape for key, value in state.items()}
        if shapes != first:
            differing = sorted(key for key in shapes | first if shapes.get(key) != first.get(key))
            raise BadInputError(
                f"the weights of '{name}' and '{names[0]}' differ in {len(differing)} tensors, "
                f"the first is '{differing[0]}'",
                hint="average runs of the same network",
            )
    return {
        key: torch.stack([state[key].double() for state in states]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for key, value in states[0].items()
    }


def _check_same(a: RunFolder, b: RunFolder, one: TrainConfig, other: TrainConfig) -> None:
    if type(one) is not type(other):
        raise BadInputError(f"'{a.root}' and '{b.root}' train different networks")
    # What a refiner finds is moved back by its shift; a segmenter's ends with its training.
    same = (*_SAME, "truth_shift_px") if isinstance(one, RefinerConfig) else _SAME
    for key in same:
        if (left := getattr(one, key, None)) != (right := getattr(other, key, None)):
            raise BadInputError(
                f"'{a.root}' and '{b.root}' differ in {key}: {left} and {right}",
                hint="average runs of the same network, trained on the same data",
            )


def _read(run: RunFolder) -> State:
    try:
        return load(run.weights.read_bytes())
    except OSError as error:
        raise BadInputError(f"'{run.weights}' cannot be read: {error.strerror}") from error
    except (SafetensorError, ValueError) as error:
        raise BadInputError(f"'{run.weights}' is truncated or damaged: {error}") from error
