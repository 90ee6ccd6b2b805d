"""One training step and one validation of each network, as Lightning modules."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from torch import nn
from torchmetrics import MeanMetric
from torchmetrics.aggregation import CatMetric

from shipseg.dataset.crops import CropSample
from shipseg.dataset.gate_tiles import GateSample
from shipseg.dataset.hulls import HullSample
from shipseg.errors import ConfigError
from shipseg.evaluation.classification import best_f1, roc_auc
from shipseg.models.gate import Gate
from shipseg.models.losses import (
    fit_loss,
    gate_loss,
    rectangle_iou,
    rectangles_at,
    refiner_loss,
    segmenter_loss,
)
from shipseg.models.refiner import Refiner
from shipseg.models.segmenter import Segmenter
from shipseg.training.config import GateConfig, RefinerConfig, SegmenterConfig, TrainConfig
from shipseg.training.teacher import Teacher


class _Module(pl.LightningModule):
    """Optimiser and schedule, the same for all networks.

    Args:
        config: The run's configuration.

    Attributes:
        net: The network; its state dict is what a run keeps.
        monitor: The metric that decides which epoch is the best; larger is better.
        encoder_prefix: How the names of the encoder's tensors start.
    """

    net: nn.Module
    monitor: str
    encoder_prefix: str

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = config

    def _encoder(self) -> nn.Module:
        raise NotImplementedError

    def configure_optimizers(self) -> Any:
        """Return AdamW with the encoder at its own rate, a warm-up and a cosine, step by step."""
        config = self.config
        learnt = config.pretrained or config.start_from is not None
        factor = config.encoder_lr_factor if learnt else 1.0
        encoder = {id(parameter) for parameter in self._encoder().parameters()}
        groups = [
            {"params": list(parameters), "lr": config.learning_rate * rate, "weight_decay": decay}
            for rate, decay, parameters in _groups(self.net.parameters(), encoder, factor, config)
        ]
        optimizer = torch.optim.AdamW(groups)
        total = max(1, int(self.trainer.estimated_stepping_batches))
        warm = max(1, round(total * config.warmup))

        def rate(step: int) -> float:
            if step < warm:
                return (step + 1) / warm
            done = min(1.0, (step - warm) / max(1, total - warm))
            return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _finite(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the epoch's validation loss, or end a training that diverged."""
        if not torch.isfinite(loss):
            raise ConfigError(
                f"the training diverged: in epoch {self.current_epoch + 1} "
                f"the validation loss is {float(loss)}",
                hint="start again with a smaller learning_rate (--overwrite)",
            )
        return loss


def _from_imagenet(config: TrainConfig) -> bool:
    return config.pretrained and config.start_from is None


def _groups(
    parameters: Iterable[nn.Parameter], encoder: set[int], factor: float, config: TrainConfig
) -> list[tuple[float, float, list[nn.Parameter]]]:
    """Part parameters by learning rate, and keep decay off biases and norms."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in parameters:
        rate = factor if id(parameter) in encoder else 1.0
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [(rate, decay, members) for (rate, decay), members in groups.items()]


class GateModule(_Module):
    """Train a gate; `val_f1` is the F1 at the best threshold on the validation tiles.

    Args:
        config: The run's configuration.
        positive_weight: Weight of tiles with ships in the loss.
    """

    monitor = "val_f1"
    encoder_prefix = "encoder."

    def __init__(self, config: GateConfig, *, positive_weight: float = 1.0) -> None:
        super().__init__(config)
        self.net: Gate = Gate(config.encoder, pretrained=_from_imagenet(config))
        self._cell_weight, self._positive_weight = config.cell_weight, positive_weight
        # NaN never gets that far: the loss is NaN then, and ends the training.
        self.scores, self.truth = CatMetric("ignore"), CatMetric("ignore")
        self.losses = _mean_loss()

    def _encoder(self) -> nn.Module:
        return self.net.encoder

    def _loss(self, batch: GateSample) -> tuple[torch.Tensor, torch.Tensor]:
        tile, cells = self.net(batch.image)
        loss = gate_loss(
            tile.float(), cells.float(), batch.tile, batch.cells,
            positive_weight=self._positive_weight, cell_weight=self._cell_weight,
        )  # fmt: skip
        return loss, tile

    def training_step(self, batch: GateSample, _: int) -> torch.Tensor:
        """Return the loss of one batch."""
        loss, _tile = self._loss(GateSample(*batch))
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True, prog_bar=True)
        return loss

    def validation_step(self, batch: GateSample, _: int) -> None:
        """Collect scores of one batch."""
        batch = GateSample(*batch)
        loss, tile = self._loss(batch)
        self.losses.update(loss, weight=len(batch.tile))
        self.scores.update(tile.float())
        self.truth.update(batch.tile)

    def on_validation_epoch_end(self) -> None:
        """Log loss, AUC and F1 over all validation tiles."""
        self.log("val_loss", self._finite(self.losses.compute()), prog_bar=True)
        scores = _numpy(self.scores.compute())
        truth = _numpy(self.truth.compute()) > 0.5
        point = best_f1(scores, truth)
        f1 = (point.counts.f1 or 0.0) if point is not None else 0.0
        auc = roc_auc(scores, truth)
        self.log("val_f1", f1, prog_bar=True)
        self.log("val_auc", 0.5 if auc is None else auc, prog_bar=True)
        for metric in (self.scores, self.truth, self.losses):
            metric.reset()


class SegmenterModule(_Module):
    """Train a segmenter; `val_dice` is the mean Dice of validation tiles with ships, at 0.5.

    Args:
        config: The run's configuration.
        teacher: Has a say in what each crop shows; None leaves that to the labels.
    """

    monitor = "val_dice"
    encoder_prefix = "unet.encoder."

    def __init__(self, config: SegmenterConfig, *, teacher: Teacher | None = None) -> None:
        super().__init__(config)
        self._teacher = teacher
        self.net: Segmenter = Segmenter(
            config.encoder,
            decoder_channels=config.decoder_channels,
            half_resolution=config.half_resolution,
            pretrained=_from_imagenet(config),
        )
        self._core_weight, self._dice_weight = config.core_weight, config.dice_weight
        self._positive_weight = config.pixel_positive_weight
        self.losses = _mean_loss()
        self.dice, self.false_empty = MeanMetric(), MeanMetric()

    def _encoder(self) -> nn.Module:
        encoder: nn.Module = self.net.unet.encoder
        return encoder

    def _loss(self, logits: torch.Tensor, batch: CropSample) -> torch.Tensor:
        ship, core = (
            segmenter_loss(
                plane, target, dice_weight=self._dice_weight,
                pixel_positive_weight=self._positive_weight, weight=batch.weight,
            )
            for plane, target in zip(
                logits.float().unbind(1), (batch.mask, batch.core), strict=True
            )
        )  # fmt: skip
        return ship + self._core_weight * core

    def training_step(self, batch: CropSample, _: int) -> torch.Tensor:
        """Return the loss of one batch."""
        batch = CropSample(*batch)
        if self._teacher is not None:
            batch = self._teacher.taught(batch)
        loss = self._loss(self.net(batch.image), batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True, prog_bar=True)
        return loss

    def validation_step(self, batch: CropSample, _: int) -> None:
        """Collect Dice and false alarms of one batch of whole tiles."""
        batch = CropSample(*batch)
        logits = self.net(batch.image)
        self.losses.update(self._loss(logits, batch), weight=len(batch.mask))
        predicted = (logits[:, 0] > 0).flatten(1).float()
        truth = batch.mask.flatten(1)
        overlap, sizes = (predicted * truth).sum(1), predicted.sum(1) + truth.sum(1)
        ships = truth.any(1)
        if ships.any():
            self.dice.update((2 * overlap / sizes)[ships])
        if not ships.all():
            self.false_empty.update(predicted[~ships].any(1).float())

    def on_validation_epoch_end(self) -> None:
        """Log loss, Dice on ship tiles, and the share of empty tiles with a false pixel."""
        self.log("val_loss", self._finite(self.losses.compute()), prog_bar=True)
        self.log("val_dice", self.dice.compute(), prog_bar=True)
        if self.false_empty.update_called:
            self.log("val_false_empty", self.false_empty.compute(), prog_bar=True)
        for metric in (self.losses, self.dice, self.false_empty):
            metric.reset()


class RefinerModule(_Module):
    """Train a refiner; `val_iou` is the mean IoU of found and true rectangles.

    Args:
        config: The run's configuration.
    """

    monitor = "val_iou"
    encoder_prefix = "encoder."

    def __init__(self, config: RefinerConfig) -> None:
        super().__init__(config)
        self.net: Refiner = Refiner(config.encoder, pretrained=_from_imagenet(config))
        self._fit_weight = config.fit_weight
        self.losses = _mean_loss()
        self.iou, self.iou_before = MeanMetric(), MeanMetric()

    def _encoder(self) -> nn.Module:
        return self.net.encoder

    def _loss(self, batch: HullSample) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of one batch, and (N, 5) the rectangles that were found."""
        sides, log_odds = self.net(batch.image)
        result = rectangles_at(sides.float(), batch.seen)
        fit = fit_loss(log_odds.float(), batch.fit)
        if not batch.is_hull.any():
            return self._fit_weight * fit, result
        # Where there is no one hull, nothing says where its sides are.
        loss = refiner_loss(result[batch.is_hull], batch.truth[batch.is_hull])
        return loss + self._fit_weight * fit, result

    def training_step(self, batch: HullSample, _: int) -> torch.Tensor:
        """Return the loss of one batch."""
        loss, _result = self._loss(HullSample(*batch))
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True, prog_bar=True)
        return loss

    def validation_step(self, batch: HullSample, _: int) -> None:
        """Collect the IoU of one batch, of the guesses and of what was found."""
        batch = HullSample(*batch)
        loss, result = self._loss(batch)
        self.losses.update(loss, weight=len(result))
        self.iou.update(rectangle_iou(result, batch.truth))
        self.iou_before.update(rectangle_iou(batch.guess, batch.truth))

    def on_validation_epoch_end(self) -> None:
        """Log loss and IoU, and that of the guesses, which says what was gained."""
        self.log("val_loss", self._finite(self.losses.compute()), prog_bar=True)
        self.log("val_iou", self.iou.compute(), prog_bar=True)
        self.log("val_iou_before", self.iou_before.compute())
        for metric in (self.losses, self.iou, self.iou_before):
            metric.reset()


def _mean_loss() -> MeanMetric:
    """Return a mean that one NaN spoils; by default torchmetrics drops it with a warning."""
    return MeanMetric(nan_strategy=math.inf)


def _numpy(values: Any) -> npt.NDArray[np.float64]:
    """Return a metric's list of values, of which there may be one or none, as (n,) float64."""
    return np.asarray(torch.as_tensor(values).detach().cpu(), dtype=np.float64).reshape(-1)
