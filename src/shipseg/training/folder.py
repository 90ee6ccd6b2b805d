"""The run folder: what a training leaves behind, and who may write to it."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from shipseg import __version__
from shipseg.errors import OutputExistsError, UsageError
from shipseg.files import atomic_write_text
from shipseg.training.config import TrainConfig

# Whose versions decide what a training computes.
_TELLING = (
    "torch", "torchvision", "timm", "segmentation-models-pytorch", "pytorch-lightning", "numpy",
    "pillow", "simplejpeg",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths inside one run folder."""

    root: Path

    @property
    def config(self) -> Path:
        """Resolved configuration, YAML."""
        return self.root / "config.yaml"

    @property
    def environment(self) -> Path:
        """Versions, machine and command line, JSON."""
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
    def samples(self) -> Path:
        """Folder of sample predictions, PNG."""
        return self.root / "samples"

    @property
    def checkpoint(self) -> Path:
        """All that a resume needs, after the last whole epoch."""
        return self.root / "last.ckpt"

    @property
    def weights(self) -> Path:
        """Weights of the best epoch, safetensors."""
        return self.root / "best.safetensors"

    @property
    def summary(self) -> Path:
        """Best epoch, its metrics, and whether training is finished, JSON."""
        return self.root / "summary.json"


def open_run(root: Path, *, resume: bool, overwrite: bool) -> RunFolder:
    """Make a run folder, or take up one that is there.

    Args:
        root: The folder.
        resume: It must hold a run, which goes on.
        overwrite: A run that is there may be replaced.

    Raises:
        OutputExistsError: A run is there and neither was said.
        UsageError: There is nothing to resume.
    """
    folder = RunFolder(root)
    if resume:
        if not folder.config.is_file():
            raise UsageError(f"'{root}' holds no run to resume: {folder.config.name} is missing")
        return folder
    if root.is_dir() and any(root.iterdir()):
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
        for path in (folder.checkpoint, folder.weights, folder.metrics, folder.summary):
            path.unlink(missing_ok=True)
    root.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Hold the folder for one process; a second one is refused. A killed one lets go by itself.

    Raises:
        UsageError: Another process trains in it.
    """
    with (folder.root / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"another process is training in '{folder.root}'",
                hint="wait for it, stop it, or choose another folder with -o",
            ) from None
        yield


def record_start(folder: RunFolder, config: TrainConfig) -> None:
    """Write the resolved configuration and the environment."""
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
    }
    write_json(folder.environment, environment)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document that appears whole or not at all."""
    atomic_write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
