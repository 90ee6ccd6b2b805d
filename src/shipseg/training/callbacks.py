"""What happens beside the training: history, curves, best weights, whole checkpoints."""

from __future__ import annotations

import csv
import io
import json
import pickle
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.callbacks import Callback, EarlyStopping
from safetensors.torch import save

from shipseg.errors import BadInputError
from shipseg.files import atomic_path, atomic_write_bytes, atomic_write_text
from shipseg.training.curves import draw_curves
from shipseg.training.folder import RunFolder, is_first_process, write_json

Row = dict[str, float]


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside its target and rename it: a kill leaves the last whole one."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Save one checkpoint."""
        del storage_options
        with atomic_path(Path(path)) as beside:
            torch.save(checkpoint, beside)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: Any = None) -> Any:
        """Load one checkpoint: tensors and plain values, never a pickle that could run code.

        Raises:
            BadInputError: It is none, or holds anything else.
        """
        del map_location, weights_only
        try:
            return super().load_checkpoint(path, weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise BadInputError(
                f"'{path}' is no checkpoint of this version, or is damaged",
                hint="start the run anew with --overwrite",
            ) from error


class SeededSteps(Callback):
    """Draw each step's dropout from the run's seed and the step, like the samples from their name.

    Then a resumed run goes on with the very numbers that it would have had.

    Args:
        seed: The run's seed.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed torch, on all devices."""
        del pl_module, batch, batch_idx
        words = np.random.SeedSequence((self._seed, trainer.global_step, trainer.global_rank))
        torch.manual_seed(int(words.generate_state(1)[0]))


class History(Callback):
    """Keep one row of metrics per epoch, as CSV and curves, and one epoch's weights.

    The weights kept are those that were validated, the moving average where there is one. They lie
    in the checkpoint too: after a kill between the two files, the resumed run writes all of its
    files from the checkpoint, and none speaks of an epoch that is to come again.

    Args:
        folder: The run folder.
        monitor: The metric that decides; larger is better.
        keep: Whose weights to keep, those of the best epoch or of the last one.
    """

    def __init__(
        self, folder: RunFolder, monitor: str, *, keep: Literal["best", "last"] = "best"
    ) -> None:
        self._folder, self._monitor, self._keep = folder, monitor, keep
        self._rows: list[Row] = []
        self._kept: dict[str, torch.Tensor] = {}
        self._validated: dict[str, torch.Tensor] = {}

    def state_dict(self) -> dict[str, Any]:
        """Return what a resume needs."""
        return {"rows": self._rows, "kept": self._kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the epochs before the resume."""
        self._rows, self._kept = state_dict["rows"], state_dict["kept"]

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the files in step with the checkpoint."""
        del trainer, pl_module
        if self._rows:
            self._write(weights=True)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Copy the validated weights: after this hook, the average is swapped out again."""
        del trainer
        net = pl_module.net
        assert isinstance(net, torch.nn.Module)
        self._validated = {
            name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, value in net.state_dict().items()
        }

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch's row, and keep that copy where the epoch is the one to keep so far."""
        del pl_module
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        row = {"epoch": trainer.current_epoch + 1, **dict(sorted(metrics.items()))}
        self._rows.append(row)
        kept = self._kept_row() is row
        if kept:
            self._kept = self._validated
        self._write(weights=kept)

    def _best_row(self) -> Row:
        """Return the first of the best."""
        return max(self._rows, key=lambda row: row[self._monitor])

    def _kept_row(self) -> Row:
        return self._rows[-1] if self._keep == "last" else self._best_row()

    def _write(self, *, weights: bool) -> None:
        if not is_first_process():
            return
        if weights:
            epoch = json.dumps(int(self._kept_row()["epoch"]))
            atomic_write_bytes(self._folder.weights, save(self._kept, metadata={"epoch": epoch}))
        atomic_write_text(self._folder.metrics, _as_csv(self._rows))
        draw_curves(self._rows, self._folder.curves)

    @property
    def epochs(self) -> int:
        """Epochs trained so far, over all starts."""
        return len(self._rows)

    def finish(self, *, stopped_early: bool) -> dict[str, Any]:
        """Write and return the summary of a training that ended by itself."""
        summary = {
            "finished": True,
            "stopped_early": stopped_early,
            "monitor": self._monitor,
            "epochs": self.epochs,
            "best": self._best_row(),
            "kept_epoch": int(self._kept_row()["epoch"]),
        }
        if is_first_process():
            write_json(self._folder.summary, summary)
        return summary


class StopEarly(EarlyStopping):
    """Stop when the score has not risen for some epochs, also when killed right after the last one.

    Args:
        monitor: The metric that decides; larger is better.
        patience: Epochs to wait for a better one.
    """

    def __init__(self, monitor: str, *, patience: int) -> None:
        super().__init__(monitor, mode="max", patience=patience)
        self._patience = patience

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the count, but keep the patience asked for now."""
        super().load_state_dict(state_dict)
        self.patience = self._patience

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Train no further where the run had stopped already."""
        del pl_module
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def _as_csv(rows: list[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: round(v, 6) for k, v in row.items()} for row in rows)
    return out.getvalue()
