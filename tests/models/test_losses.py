"""Losses against slow references, and what they say of a batch without a ship."""

from __future__ import annotations

import math

import pytest
import torch

from shipseg.models.losses import dice_loss, gate_loss, segmenter_loss

pytestmark = pytest.mark.train


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def slow_cross_entropy(logits: torch.Tensor, target: torch.Tensor, weight: float) -> float:
    total = 0.0
    for x, t in zip(logits.flatten().tolist(), target.flatten().tolist(), strict=True):
        total -= weight * t * math.log(sigmoid(x)) + (1 - t) * math.log(sigmoid(-x))
    return total / logits.numel()


def slow_dice_loss(logits: torch.Tensor, target: torch.Tensor, eps: float) -> float:
    overlap = sizes = 0.0
    for x, t in zip(logits.flatten().tolist(), target.flatten().tolist(), strict=True):
        overlap += sigmoid(x) * t
        sizes += sigmoid(x) + t
    return 1 - (2 * overlap + eps) / (sizes + eps)


def batch(seed: int, *shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(shape, generator=generator, dtype=torch.float64)
    return logits, (torch.rand(shape, generator=generator) < 0.2).double()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("eps", [1.0, 0.01])
def test_dice_loss(seed, eps):
    logits, target = batch(seed, 3, 4, 5)
    expected = slow_dice_loss(logits, target, eps)
    assert float(dice_loss(logits, target, eps=eps)) == pytest.approx(expected, abs=1e-9)


def test_dice_loss_at_its_ends():
    target = batch(0, 2, 8, 8)[1]
    assert float(dice_loss(200 * (target - 0.5), target)) == pytest.approx(0, abs=1e-6)
    assert float(dice_loss(200 * (0.5 - target), target)) > 0.99


@pytest.mark.parametrize(("dice_weight", "positive_weight"), [(0.0, 1.0), (1.0, 2.0), (0.5, 7.0)])
def test_segmenter_loss(dice_weight, positive_weight):
    logits, target = batch(1, 2, 6, 6)
    found = segmenter_loss(
        logits, target, dice_weight=dice_weight, pixel_positive_weight=positive_weight
    )
    expected = slow_cross_entropy(logits, target, positive_weight)
    expected += dice_weight * slow_dice_loss(logits, target, 1.0)
    assert float(found) == pytest.approx(expected, abs=1e-9)


def test_a_pixel_of_weight_two_counts_as_two_pixels():
    logits, target = batch(3, 1, 4, 6)
    weight = torch.ones_like(target)
    weight[:, :2] = 2
    twice = [torch.cat([plane, plane[:, :2]], 1) for plane in (logits, target)]
    assert float(dice_loss(logits, target, weight=weight)) == pytest.approx(
        float(dice_loss(*twice)), abs=1e-9
    )
    weighted, alike = (
        segmenter_loss(logits, target, dice_weight=0.5, pixel_positive_weight=2.0, weight=w)
        for w in (weight, torch.ones_like(weight))
    )
    assert float(weighted) != pytest.approx(float(alike), abs=1e-3)
    unweighted = segmenter_loss(logits, target, dice_weight=0.5, pixel_positive_weight=2.0)
    assert float(alike) == pytest.approx(float(unweighted), abs=1e-12)


@pytest.mark.parametrize(("positive_weight", "cell_weight"), [(1.0, 0.0), (1.9, 20.0)])
def test_gate_loss(positive_weight, cell_weight):
    tiles, tile_target = batch(2, 5)
    cells, cell_target = batch(3, 5, 4, 4)
    found = gate_loss(
        tiles, cells, tile_target, cell_target,
        positive_weight=positive_weight, cell_weight=cell_weight,
    )  # fmt: skip
    expected = slow_cross_entropy(tiles, tile_target, positive_weight)
    expected += cell_weight * slow_cross_entropy(cells, cell_target, 1.0)
    assert float(found) == pytest.approx(expected, abs=1e-9)


class TestBatchWithoutShips:
    def test_false_pixels_are_pushed_down(self):
        logits = batch(4, 2, 16, 16)[0].requires_grad_()
        segmenter_loss(
            logits, torch.zeros_like(logits), dice_weight=1.0, pixel_positive_weight=2.0
        ).backward()
        assert (logits.grad > 0).all()
        assert logits.grad.isfinite().all()

    def test_dice_alone_hardly_moves_them_and_the_cross_entropy_is_why_they_move(self):
        # The reason for the two terms: hundreds of false pixels at once leave Dice near 1.
        logits = torch.full((1, 32, 32), 2.0, dtype=torch.float64, requires_grad=True)
        empty = torch.zeros_like(logits)
        (dice,) = torch.autograd.grad(dice_loss(logits, empty).sum(), logits)
        (both,) = torch.autograd.grad(
            segmenter_loss(logits, empty, dice_weight=1.0, pixel_positive_weight=2.0), logits
        )
        assert dice.abs().sum() < 0.01 * both.abs().sum()

    def test_a_silent_network_has_no_dice_loss(self):
        logits = torch.full((1, 32, 32), -50.0, dtype=torch.float64)
        assert float(dice_loss(logits, torch.zeros_like(logits))) == pytest.approx(0, abs=1e-9)


def test_an_empty_crop_beside_a_ship_gets_its_gradient_through_the_batch():
    logits = torch.zeros(2, 8, 8, dtype=torch.float64, requires_grad=True)
    target = torch.zeros(2, 8, 8, dtype=torch.float64)
    target[0, 2:6, 2:6] = 1
    dice_loss(logits, target).backward()
    assert (logits.grad[1] > 0).all()
    assert (logits.grad[0, 2:6, 2:6] < 0).all()


@pytest.mark.parametrize("size", [80.0, 1e4])
def test_extreme_logits_stay_finite(size):
    target = batch(5, 1, 4, 4)[1]
    logits = (size * (1 - 2 * target)).requires_grad_()
    loss = segmenter_loss(logits, target, dice_weight=1.0, pixel_positive_weight=2.0)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
