"""The run folder: what a training leaves behind, and who may write to it."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml
from lightning_utilities.core.rank_zero import rank_zero_only

from shipseg import __version__
from shipseg.dataset.whole import LOCK, hold
from shipseg.errors import BadInputError, OutputExistsError, UsageError
from shipseg.files import atomic_write_text
from shipseg.training.config import TrainConfig

# Whose versions decide what a training computes.
_TELLING = (
    "torch", "torchvision", "timm", "segmentation-models-pytorch", "pytorch-lightning", "numpy",
    "pillow", "simplejpeg",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths inside one run folder.

    Attributes:
        root: The folder itself.
    """

    root: Path

    @property
    def config(self) -> Path:
        """Resolved configuration, YAML."""
        return self.root / "config.yaml"

    @property
    def environment(self) -> Path:
        """Versions, machine, command line and what the data were, JSON."""
        return self.root / "environment.json"

    @property
    def metrics(self) -> Path:
        """One row per epoch, CSV."""
        return self.root / "metrics.csv"

    @property
    def curves(self) -> Path:
        """Loss and score over epochs, PNG."""
        return self.root / "curves.png"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's event files."""
        return self.root / "tensorboard"

    @property
    def samples(self) -> Path:
        """Folder of sample predictions, PNG."""
        return self.root / "samples"

    @property
    def checkpoint(self) -> Path:
        """All that a resume needs, after the last whole epoch."""
        return self.root / "last.ckpt"

    @property
    def weights(self) -> Path:
        """Weights of the epoch that is kept, the best one by default; safetensors."""
        return self.root / "best.safetensors"

    @property
    def summary(self) -> Path:
        """Best epoch and its metrics, JSON; there once the training has ended by itself."""
        return self.root / "summary.json"

    def clear(self) -> None:
        """Remove what a training wrote, and nothing else."""
        for path in (
            self.config, self.environment, self.metrics, self.curves, self.checkpoint,
            self.weights, self.summary, self.samples / "val.png",
        ):  # fmt: skip
            path.unlink(missing_ok=True)
        for events in self.tensorboard.glob("events.out.tfevents.*"):
            events.unlink()


def is_first_process() -> bool:
    """Say whether this process writes: of several that train together, the first one does."""
    # Lightning sets it when it is imported, from what the launcher left in the environment.
    return int(getattr(rank_zero_only, "rank", 0)) == 0


@contextmanager
def open_run(root: Path, *, resume: bool = False, overwrite: bool = False) -> Iterator[RunFolder]:
    """Make a run folder, or take up one that is there, and hold it for this process.

    A process that is killed lets go by itself. A start that fails before it wrote anything leaves
    no folder behind. On several devices Lightning starts this program again for each of them; those
    processes take the folder as it is, for the first one holds it.

    Args:
        root: The folder.
        resume: It must hold a run, which goes on.
        overwrite: A run that is there may be replaced. It stays until the new one really starts.

    Yields:
        The folder.

    Raises:
        OutputExistsError: A run is there and neither was said, or other things are.
        UsageError: There is nothing to resume, or another process trains in the folder.
    """
    folder = RunFolder(root)
    if not is_first_process():
        yield folder
        return
    _check(folder, resume=resume, overwrite=overwrite)
    root.mkdir(parents=True, exist_ok=True)
    with hold(root, "training in"):
        # Again, for another process may have come and gone meanwhile.
        _check(folder, resume=resume, overwrite=overwrite)
        # What a killed process was writing beside its targets.
        for torn in root.glob(".*.tmp*"):
            torn.unlink(missing_ok=True)
        try:
            yield folder
        finally:
            if not folder.config.is_file():
                (root / LOCK).unlink(missing_ok=True)
                _remove_if_empty(root)


def _check(folder: RunFolder, *, resume: bool, overwrite: bool) -> None:
    root = folder.root
    if resume and overwrite:
        raise UsageError("a run is either resumed or overwritten, not both")
    if root.exists() and not root.is_dir():
        raise OutputExistsError(f"'{root}' is a file, expected a folder")
    if resume:
        if not folder.config.is_file():
            raise UsageError(f"'{root}' holds no run to resume: {folder.config.name} is missing")
        return
    if not root.is_dir() or all(path.name == LOCK for path in root.iterdir()):
        return
    if not folder.config.is_file():
        # Never empty a folder that is no run of ours.
        raise OutputExistsError(
            f"'{root}' is not empty and is no run folder", hint="choose another folder with -o"
        )
    if not overwrite:
        raise OutputExistsError(
            f"'{root}' already holds a run",
            hint="go on with it (--resume), replace it (--overwrite), or choose another -o",
        )


def _remove_if_empty(root: Path) -> None:
    if not any(root.iterdir()):
        root.rmdir()


def record_start(folder: RunFolder, config: TrainConfig, data: Mapping[str, Any]) -> None:
    """Write the resolved configuration and the environment; a resumed run keeps its earlier starts.

    Args:
        folder: The run folder.
        config: The run's configuration.
        data: What the tiles are, as `shipseg.training.data.describe` says it.
    """
    before = read_environment(folder)
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    atomic_write_text(folder.config, text)
    environment = {
        "shipseg": __version__,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "packages": {name: metadata.version(name) for name in _TELLING},
        "data": data,
        "earlier_starts": [
            *before.get("earlier_starts", ()),
            *([{key: before[key] for key in ("started", "command")}] if before else ()),
        ],
    }
    write_json(folder.environment, environment)


def read_environment(folder: RunFolder) -> dict[str, Any]:
    """Return what `record_start` wrote last; nothing where it never did.

    Raises:
        BadInputError: The file was altered and is no JSON any more.
    """
    if not folder.environment.is_file():
        return {}
    try:
        found: dict[str, Any] = json.loads(folder.environment.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInputError(f"'{folder.environment}' is no JSON: {error}") from error
    return found


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document that appears whole or not at all."""
    atomic_write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
