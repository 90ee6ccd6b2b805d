"""What happens beside the training: history, curves, best weights, whole checkpoints."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.callbacks import Callback
from safetensors.torch import save

from shipseg.files import atomic_path, atomic_write_bytes, atomic_write_text
from shipseg.training.curves import draw_curves
from shipseg.training.folder import RunFolder, write_json


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside its target and rename it: a kill leaves the last whole one."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Save one checkpoint."""
        del storage_options
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as beside:
            torch.save(checkpoint, beside)


class History(Callback):
    """Keep one row of metrics per epoch, as CSV and curves, and the best epoch's weights.

    The weights kept are those that were validated, the moving average where there is one.

    Args:
        folder: The run folder.
        monitor: The metric that decides; larger is better.
    """

    def __init__(self, folder: RunFolder, monitor: str) -> None:
        self._folder, self._monitor = folder, monitor
        self._rows: list[dict[str, float]] = []
        self._best = -1.0
        self._validated = b""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resume needs."""
        return {"rows": self._rows, "best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the rows of the epochs before the resume."""
        self._rows, self._best = state_dict["rows"], state_dict["best"]

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take a copy of the validated weights: after this hook the average is swapped out again."""
        if trainer.is_global_zero and not trainer.sanity_checking:
            self._validated = _pack(trainer, pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep that copy when this epoch is the best so far; its score is known only now."""
        del pl_module
        if not trainer.is_global_zero or trainer.sanity_checking:
            return
        score = float(trainer.callback_metrics[self._monitor])
        if score > self._best:
            self._best = score
            atomic_write_bytes(self._folder.weights, self._validated)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch's row and draw the curves."""
        del pl_module
        if not trainer.is_global_zero:
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self._rows.append({"epoch": trainer.current_epoch + 1, **dict(sorted(metrics.items()))})
        atomic_write_text(self._folder.metrics, _as_csv(self._rows))
        draw_curves(self._rows, self._folder.curves)

    def finish(self, *, stopped_early: bool) -> dict[str, Any]:
        """Write and return the summary of a training that ended by itself."""
        best = max(self._rows, key=lambda row: row[self._monitor])
        summary = {
            "finished": True,
            "stopped_early": stopped_early,
            "monitor": self._monitor,
            "epochs": len(self._rows),
            "best": best,
        }
        write_json(self._folder.summary, summary)
        return summary


def _pack(trainer: pl.Trainer, module: pl.LightningModule) -> bytes:
    net: torch.nn.Module = module.net  # type: ignore[assignment]
    state = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    return save(state, metadata={"epoch": json.dumps(trainer.current_epoch + 1)})


def _as_csv(rows: list[dict[str, float]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: round(v, 6) for k, v in row.items()} for row in rows)
    return out.getvalue()
