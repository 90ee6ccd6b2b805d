"""Losses against slow references, and what they say of a batch without a ship."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from shipseg.imaging.hull_view import hull_at, seen_px
from shipseg.models.losses import (
    corners_of,
    dice_loss,
    fit_loss,
    gate_loss,
    rectangle_iou,
    rectangles_at,
    refiner_loss,
    segmenter_loss,
)
from shipseg.rectangle import Rectangle

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


def rectangles(seed: int, count: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shares = torch.rand((count, 5), generator=generator, dtype=torch.float64)
    low = torch.tensor([40.0, 40.0, -3.0, 30.0, 8.0], dtype=torch.float64)
    return low + shares * torch.tensor([20.0, 20.0, 6.0, 40.0, 15.0], dtype=torch.float64)


def as_rectangle(row: torch.Tensor) -> Rectangle:
    x, y, heading, length, width = row.tolist()
    cos, sin = math.cos(heading), math.sin(heading)
    return Rectangle(np.array([x, y]), np.array([cos, sin]), np.array([-sin, cos]), length, width)


class TestRectangles:
    def test_sides_in_a_view_against_what_prediction_makes_of_them(self):
        generator = torch.Generator().manual_seed(1)
        at = torch.tensor([0.3, -0.3, 0.2, -0.2, 0.0, 0.0], dtype=torch.float64)
        level = rectangles(1)
        level[:, :3] = 0
        for row in level:
            sides = at + 0.1 * torch.randn(6, generator=generator, dtype=torch.float64)
            guess = as_rectangle(row)
            seen = torch.tensor([seen_px(guess)], dtype=torch.float64)
            found = as_rectangle(rectangles_at(sides[None], seen)[0])
            expected = hull_at(guess, sides.numpy())
            for name in ("centre_xy", "along", "across", "length", "width"):
                np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-9)

    def test_corners_are_half_the_sides_away(self):
        for row in rectangles(2):
            off = as_rectangle(row).from_middle(corners_of(row[None])[0].numpy())
            length, width = row[3].item() / 2, row[4].item() / 2
            expected = [[length, width], [length, -width], [-length, width], [-length, -width]]
            np.testing.assert_allclose(off, expected)

    def test_the_loss_is_zero_at_the_truth_and_nowhere_near(self):
        truth = rectangles(3)
        assert float(refiner_loss(truth, truth)) == 0
        for key, by in enumerate((4.0, 1.5, 0.1, 5.0, 2.0)):
            wrong = truth.clone()
            wrong[:, key] += by
            assert float(refiner_loss(wrong, truth)) > 0.01

    def test_the_loss_against_a_slow_reference(self):
        found, truth = rectangles(4), rectangles(5)
        total = []
        for a, b in zip(found, truth, strict=True):
            theirs, own = corners_of(a[None])[0].numpy(), corners_of(b[None])[0].numpy()
            frame = as_rectangle(b)
            off = frame.from_middle(theirs) - frame.from_middle(own)
            for share in (off / [frame.length, frame.width]).ravel():
                size = abs(share)
                total.append(size**2 / 0.1 if size < 0.05 else size - 0.025)
        assert float(refiner_loss(found, truth)) == pytest.approx(np.mean(total))

    def test_the_loss_is_the_same_for_boats_and_tankers(self):
        scale = torch.tensor([5.0, 5.0, 1.0, 5.0, 5.0])
        found, truth = rectangles(4), rectangles(6)
        small, large = (float(refiner_loss(found * s, truth * s)) for s in (1.0, scale))
        assert small == pytest.approx(large)

    def test_the_loss_of_a_fit_is_least_where_the_expected_iou_is_the_true_one(self):
        fit = torch.tensor([0.1, 0.5, 0.8])
        log_odds = torch.logit(fit)
        slow = -sum(f * math.log(f) + (1 - f) * math.log(1 - f) for f in fit.tolist()) / 3
        assert float(fit_loss(log_odds, fit)) == pytest.approx(slow)
        for off in (-0.5, 0.5):
            assert float(fit_loss(log_odds + off, fit)) > slow + 0.01

    def test_iou_against_drawn_rectangles(self):
        found, truth = rectangles(7, 20), rectangles(8, 20)
        # Drawn eight times as large: a pixel is an eighth.
        scale = torch.tensor([8.0, 8.0, 1.0, 8.0, 8.0])
        for a, b, value in zip(found, truth, rectangle_iou(found, truth), strict=True):
            one, other = (as_rectangle(row * scale).drawn((880, 880)) for row in (a, b))
            expected = (one & other).sum() / (one | other).sum()
            assert float(value) == pytest.approx(expected, abs=0.02)

    def test_iou_at_its_ends(self):
        truth = rectangles(9)
        torch.testing.assert_close(rectangle_iou(truth, truth), torch.ones(6).double())
        far = truth + torch.tensor([500.0, 0, 0, 0, 0])
        assert (rectangle_iou(far, truth) == 0).all()
