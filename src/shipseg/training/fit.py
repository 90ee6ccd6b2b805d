"""Put a training together and run it."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.callbacks import (
    Callback,
    EMAWeightAveraging,
    ModelCheckpoint,
    RichProgressBar,
)
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, Dataset

from shipseg.bundle.unfold import Kind, start_from_bundle
from shipseg.dataset.crops import ShipCrops, WholeTiles
from shipseg.dataset.gate_tiles import GateTiles, GateTilesPlain
from shipseg.dataset.hulls import Hulls, HullsPlain
from shipseg.dataset.source import TileCount, TileSource
from shipseg.dataset.stream import EpochStream
from shipseg.errors import ConfigError
from shipseg.inference.devices import Device, choose_device
from shipseg.models.gate import GATE_STRIDE
from shipseg.models.start import start_from
from shipseg.training.callbacks import AtomicCheckpointIO, History, SeededSteps, StopEarly
from shipseg.training.config import AnyConfig, GateConfig, RefinerConfig, TrainConfig
from shipseg.training.data import check_same, describe, open_tiles
from shipseg.training.folder import RunFolder, is_first_process, read_environment, record_start
from shipseg.training.memory import keep_freed_memory
from shipseg.training.mining import mine, mine_false
from shipseg.training.modules import GateModule, RefinerModule, SegmenterModule
from shipseg.training.quiet import without_chatter
from shipseg.training.samples import draw_samples
from shipseg.training.teacher import Teacher

# Samples that the norms of a bundle's network take their statistics from, and how many at a time.
_STATISTICS_OF, _STATISTICS_BATCH = 128, 8


@dataclass(frozen=True, slots=True)
class Start:
    """What a training is about to do.

    Attributes:
        encoder: timm's name of the encoder.
        device: Where the network runs, in words.
        train: Training tiles.
        val: Validation tiles.
        epochs: Most epochs.
        steps_per_epoch: Optimiser steps in each.
        resumed: Whether it goes on from a checkpoint.
    """

    encoder: str
    device: str
    train: TileCount
    val: TileCount
    epochs: int
    steps_per_epoch: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """What one kind of training brings along.

    Attributes:
        module: The network with its steps.
        train: Samples by (epoch, position).
        val: Samples by position.
        samples_per_epoch: Over all devices.
        val_batch_size: Samples per step of the validation.
    """

    module: GateModule | SegmenterModule | RefinerModule
    train: Dataset[Any]
    val: Dataset[Any]
    samples_per_epoch: int
    val_batch_size: int


def train(
    config: AnyConfig,
    folder: RunFolder,
    *,
    resume: bool = False,
    progress: bool = False,
    announce: Callable[[Start], None] | None = None,
) -> dict[str, Any]:
    """Train a gate, a segmenter or a refiner, by the type of `config`, until it ends by itself.

    Args:
        config: What to train, and how.
        folder: The run folder, held by `open_run`.
        resume: Go on from the last whole epoch; a run killed before its end begins again.
            Otherwise what the folder holds is replaced.
        progress: Show a progress bar on stderr.
        announce: Called once everything is put together, before the first step.

    Returns:
        The summary that also lies in the folder.

    Raises:
        ConfigError: The configuration does not fit the tiles or the run that is resumed, or the
            training diverged.
        BadInputError: Tiles or labels cannot be used.
        KeyboardInterrupt: It was interrupted; the epochs trained are kept.
    """
    with without_chatter():
        keep_freed_memory()
        pl.seed_everything(config.seed, workers=True, verbose=False)
        if config.threads:
            torch.set_num_threads(config.threads)
        train_tiles, val_tiles = open_tiles(config)
        data = describe(train_tiles, val_tiles)
        if resume:
            check_same(read_environment(folder).get("data", data), data)
        parts = _parts(config, train_tiles, val_tiles)
        # Depthwise convolutions are several times faster on a CPU with channels last.
        parts.module.net.to(memory_format=torch.channels_last)
        trainer, history = _trainer(config, folder, parts.module.monitor, progress=progress)
        train_loader, val_loader = _loaders(config, parts, trainer)
        if is_first_process():
            if not resume:
                folder.clear()
            folder.summary.unlink(missing_ok=True)
            record_start(folder, config, data)
        checkpoint = folder.checkpoint if resume and folder.checkpoint.is_file() else None
        if checkpoint is None and config.start_from is not None:
            _start(parts, config.start_from)
        if announce is not None and is_first_process():
            announce(
                Start(
                    encoder=config.encoder,
                    device=_device(trainer),
                    train=train_tiles.count(),
                    val=val_tiles.count(),
                    epochs=config.epochs,
                    steps_per_epoch=len(train_loader),
                    resumed=checkpoint is not None,
                )
            )
        _fit(trainer, parts.module, train_loader, val_loader, checkpoint)
        if is_first_process():
            draw_samples(parts.module.net, folder, val_tiles, config)
        return history.finish(stopped_early=history.epochs < config.epochs)


def _fit(
    trainer: pl.Trainer,
    module: pl.LightningModule,
    train_loader: DataLoader[Any],
    val_loader: DataLoader[Any],
    checkpoint: Path | None,
) -> None:
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, train_loader, val_loader, ckpt_path=checkpoint, weights_only=True)
    except SystemExit:
        if not trainer.interrupted:
            raise
        # Lightning takes Ctrl-C for an exit with code 1, and turns the signal off.
        signal.signal(signal.SIGINT, on_interrupt)
        raise KeyboardInterrupt from None


def _parts(config: AnyConfig, train_tiles: TileSource, val_tiles: TileSource) -> Parts:
    if isinstance(config, GateConfig):
        view = {"input_size": config.input_size, "stride": GATE_STRIDE}
        return Parts(
            GateModule(config, positive_weight=positive_weight(config, train_tiles)),
            GateTiles(
                train_tiles, **view, paste_share=config.paste_share,
                boat_share=config.boat_share, glint_share=config.glint_share, seed=config.seed,
                augment=config.augment,
            ),
            GateTilesPlain(val_tiles, **view),
            config.tiles_per_epoch or len(train_tiles),
            config.batch_size,
        )  # fmt: skip
    if isinstance(config, RefinerConfig):
        shift = config.truth_shift_px
        mined = () if config.mined_with is None else mine(train_tiles, config.mined_with, config)
        return Parts(
            RefinerModule(config),
            Hulls(
                train_tiles, truth_shift_px=shift, seed=config.seed, augment=config.augment,
                wrong_share=config.wrong_share, mined=mined,
            ),
            HullsPlain(val_tiles, truth_shift_px=shift),
            config.hulls_per_epoch,
            config.batch_size,
        )  # fmt: skip
    false_places = (
        () if config.mined_with is None else mine_false(train_tiles, config.mined_with, config)
    )
    crops = ShipCrops(
        train_tiles, size=config.crop_size, empty_share=config.empty_share,
        paste_share=config.paste_share, boat_share=config.boat_share,
        boat_weight=config.boat_weight, glint_share=config.glint_share,
        around_share=config.around_share,
        false_share=config.mined_share, false_places=false_places,
        truth_shift_px=config.truth_shift_px, seed=config.seed, augment=config.augment,
    )  # fmt: skip
    # A whole tile is nine crops of 256 px; keep the memory of a step about the same.
    val_batch = max(1, config.batch_size // 8)
    whole = WholeTiles(val_tiles, limit=config.val_tiles)
    teacher = None
    if config.taught_by:
        teacher = Teacher(
            config.taught_by, share=config.taught_share, threads=config.threads or 1,
            device=choose_device(Device.auto),
        )  # fmt: skip
    module = SegmenterModule(config, teacher=teacher)
    return Parts(module, crops, whole, config.crops_per_epoch, val_batch)


def _start(parts: Parts, path: Path) -> None:
    """Fill the network from a run's weights, or from a bundle."""
    module = parts.module
    run = RunFolder(path)
    if run.weights.is_file():
        path = run.weights
    if not (path.is_dir() or path.suffix == ".zip"):
        start_from(module.net, path, needed=module.encoder_prefix)
        return
    if isinstance(module, RefinerModule):
        raise ConfigError(
            f"start_from: a refiner cannot start from the bundle '{path}'",
            hint="name the best.safetensors of a refiner's run, or leave start_from out",
        )
    kind: Kind = "gate" if isinstance(module, GateModule) else "segmenter"
    batches = [range(n, n + _STATISTICS_BATCH) for n in range(0, _STATISTICS_OF, _STATISTICS_BATCH)]
    pictures = [torch.stack([parts.train[0, n].image for n in batch]) for batch in batches]
    start_from_bundle(module.net, kind, path, pictures)


def positive_weight(config: GateConfig, tiles: TileSource) -> float:
    """Return the weight of tiles with ships: as configured, or the root of the imbalance.

    Args:
        config: Says which.
        tiles: The training tiles.
    """
    if config.positive_weight != "auto":
        return config.positive_weight
    count = tiles.count()
    return max(1.0, math.sqrt((count.tiles - count.with_ships) / max(1, count.with_ships)))


def _trainer(
    config: TrainConfig, folder: RunFolder, monitor: str, *, progress: bool
) -> tuple[pl.Trainer, History]:
    history = History(folder, monitor, keep=config.keep)
    callbacks: list[Callback] = [SeededSteps(config.seed), history]
    if config.ema_decay:
        # After History: Lightning calls callbacks in order, and this one swaps the average out.
        callbacks.append(EMAWeightAveraging(decay=config.ema_decay))
    if config.patience:
        callbacks.append(StopEarly(monitor, patience=config.patience))
    if progress:
        callbacks.append(RichProgressBar(leave=True, console_kwargs={"stderr": True}))
    # Lightning calls it last, so that the checkpoint holds what the others noted of the epoch.
    keep_last = ModelCheckpoint(
        folder.root, filename=folder.checkpoint.stem, save_top_k=1, monitor=None,
        enable_version_counter=False, save_on_train_epoch_end=True,
    )  # fmt: skip
    try:
        trainer = pl.Trainer(
            accelerator=config.accelerator,
            devices=config.devices,
            precision=_precision(config),
            max_epochs=config.epochs,
            callbacks=[*callbacks, keep_last],
            plugins=[AtomicCheckpointIO()],
            logger=TensorBoardLogger(folder.root, name="", version=folder.tensorboard.name),
            enable_progress_bar=progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            gradient_clip_val=5.0,
            # EpochStream already deals the samples out to the processes.
            use_distributed_sampler=False,
            log_every_n_steps=10,
        )
    except MisconfigurationException as error:
        raise ConfigError(f"accelerator, devices or precision: {error}") from error
    return trainer, history


def _precision(config: TrainConfig) -> Literal["32", "bf16-mixed", "16-mixed"]:
    if config.precision != "auto":
        return config.precision
    if not _on_cuda(config):
        return "32"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def _on_cuda(config: TrainConfig) -> bool:
    return config.accelerator in ("auto", "gpu") and torch.cuda.is_available()


def _device(trainer: pl.Trainer) -> str:
    device = trainer.strategy.root_device
    if device.type == "cuda":
        return f"{trainer.world_size} × {torch.cuda.get_device_name(device)}, {trainer.precision}"
    if device.type == "cpu":
        return f"CPU, threads: {torch.get_num_threads()}"
    return device.type


def _loaders(
    config: TrainConfig, parts: Parts, trainer: pl.Trainer
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    workers = config.workers
    if workers is None:
        # On a CPU the network is the bottleneck; readers would only take its cores.
        spare = (os.cpu_count() or 1) // trainer.world_size
        workers = max(1, min(12, spare)) if _on_cuda(config) else 0
    stream = EpochStream(
        parts.samples_per_epoch, rank=trainer.global_rank, world=trainer.world_size
    )
    train: DataLoader[Any] = DataLoader(
        parts.train, batch_size=config.batch_size, sampler=stream, num_workers=workers,
        # A last step of one or two samples would disturb the norms' statistics.
        drop_last=len(stream) >= config.batch_size,
        pin_memory=_on_cuda(config), persistent_workers=workers > 0,
    )  # fmt: skip
    # Every process validates on all tiles. Shares of their own would have to be of one length, or
    # the processes wait for each other forever; and tiles counted twice would change the scores.
    val: DataLoader[Any] = DataLoader(
        parts.val, batch_size=parts.val_batch_size, num_workers=workers, shuffle=False,
        persistent_workers=workers > 0,
    )  # fmt: skip
    return train, val
