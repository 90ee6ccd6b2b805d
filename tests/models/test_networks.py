"""One run of tests over every network: forward, backward, odd sizes, save and load, steadiness."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from shipseg.errors import ConfigError
from shipseg.models.gate import Gate
from shipseg.models.preprocess import Normalize
from shipseg.models.refiner import Refiner, _Places
from shipseg.models.segmenter import Segmenter

pytestmark = pytest.mark.train

# timm's own network for tests: 82,000 weights, maps at all strides.
TINY = "test_efficientnet"


def gate() -> nn.Module:
    return Gate(TINY, pretrained=False)


def segmenter(*, half_resolution: bool = True) -> nn.Module:
    return Segmenter(
        TINY,
        decoder_channels=(32, 16, 16, 8, 8),
        half_resolution=half_resolution,
        pretrained=False,
    )


def full_segmenter() -> nn.Module:
    return segmenter(half_resolution=False)


def outputs(net: nn.Module, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
    out = net(image)
    return out if isinstance(out, tuple) else (out,)


def pictures(*shape_hw: int, count: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *shape_hw, 3), dtype=torch.uint8, generator=generator)


def settled(make: Callable[[], nn.Module]) -> nn.Module:
    """Make a network whose norms have seen pictures, as after training."""
    torch.manual_seed(0)
    net = make()
    for seed in range(3):
        net(pictures(64, 64, count=4, seed=seed))
    return net.eval()


def stirred(net: Refiner) -> Refiner:
    """Give its last layers something to say: they begin at 0, and hide all before them."""
    for part in (net.ends, net.sides, net.middle):
        nn.init.normal_(part.scores[-1].weight)
    return net


@pytest.mark.parametrize("make", [gate, segmenter, full_segmenter])
class TestNetwork:
    @pytest.mark.parametrize("shape_hw", [(64, 64), (96, 160), (224, 32)])
    def test_logits_have_the_shape_promised(self, make, shape_hw):
        height, width = shape_hw
        shapes = [tuple(out.shape) for out in outputs(make().eval(), pictures(*shape_hw))]
        expected = [(2,), (2, height // 16, width // 16)] if make is gate else [(2, 2, *shape_hw)]
        assert shapes == expected

    def test_every_weight_gets_a_gradient(self, make):
        net = make()
        sum(out.sigmoid().sum() for out in outputs(net, pictures(64, 96))).backward()
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
        moved = [bool(p.grad.abs().sum() > 0) for p in net.parameters()]
        assert sum(moved) > 0.95 * len(moved)

    def test_training_starts_from_low_odds(self, make):
        # Ships are rare: the first predictions are far from one half, and so is the first loss.
        per_place = outputs(settled(make), pictures(64, 64))[-1]
        assert per_place.sigmoid().mean() < 0.25

    def test_saved_and_loaded_weights_give_the_same_logits(self, make):
        net = settled(make)
        packed = save({name: value.contiguous() for name, value in net.state_dict().items()})
        other = make().eval()
        other.load_state_dict(load(packed))
        image = pictures(64, 64, seed=9)
        for a, b in zip(outputs(net, image), outputs(other, image), strict=True):
            assert torch.equal(a, b)

    def test_the_normalisation_is_not_among_the_weights(self, make):
        # It belongs to the encoder's name: a state dict without it loads into either version.
        assert not any("normalize" in name for name in make().state_dict())

    @torch.inference_mode()
    def test_evaluation_is_steady(self, make):
        net, image = settled(make), pictures(64, 64, count=3)
        for a, b in zip(outputs(net, image), outputs(net, image), strict=True):
            assert torch.equal(a, b)
        # And a picture's logits do not depend on its neighbours in the batch.
        for a, b in zip(outputs(net, image), outputs(net, image[1:2]), strict=True):
            torch.testing.assert_close(a[1:2], b, rtol=1e-4, atol=1e-4)

    def test_an_unknown_encoder_is_named_with_its_neighbours(self, make, monkeypatch):
        monkeypatch.setitem(globals(), "TINY", "tf_efficientnet_lite9")
        with pytest.raises(ConfigError, match="'tf_efficientnet_lite9'") as caught:
            make()
        assert "tf_efficientnet_lite" in str(caught.value.hint)


class TestRefiner:
    def test_it_begins_with_a_hull_in_the_middle(self):
        out, fit = Refiner(TINY, pretrained=False)(pictures(64, 128, count=3))
        assert (out.shape, out.dtype) == ((3, 6), torch.float32)
        assert (fit.shape, fit.dtype) == ((3,), torch.float32)
        expected = torch.tensor([0.31, -0.31, 0.17, -0.17, 0.0, 0.0]).expand(3, 6)
        torch.testing.assert_close(out, expected, atol=0.01, rtol=0)

    def test_every_weight_gets_a_gradient_and_nothing_is_carried_along(self):
        net = stirred(Refiner(TINY, pretrained=False))
        sides, fit = net(pictures(64, 128))
        (sides.square().sum() + fit.square().sum()).backward()
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name

    def test_a_sharp_score_is_its_place(self):
        places = _Places(1, 32, (0.0,), 0.08)
        sharp = nn.Conv1d(1, 1, 1, bias=False)
        nn.init.constant_(sharp.weight, 100.0)
        places.scores = nn.Sequential(sharp)
        line = torch.zeros(2, 1, 32)
        line[0, 0, 5] = 1
        # Two alike, and the place is between them.
        line[1, 0, 20:22] = 1
        with torch.no_grad():
            places.prior.zero_()
            found = places(line)
        expected = torch.tensor([[5.5 / 32 - 0.5], [21 / 32 - 0.5]])
        torch.testing.assert_close(found, expected)

    @pytest.mark.parametrize("encoder", [TINY, "resnet18", "mobilenetv3_small_050"])
    def test_the_encoder_ends_at_stride_16(self, encoder):
        net = Refiner(encoder, pretrained=False, width=8).eval()
        whole = Gate(encoder, pretrained=False).encoder
        assert sum(p.numel() for p in net.encoder.parameters()) < 0.8 * sum(
            p.numel() for p in whole.parameters()
        )
        assert [out.shape for out in net(pictures(64, 128))] == [(2, 6), (2,)]
        assert net.encoder(net.normalize(pictures(64, 128)))[-1].shape[2:] == (4, 8)

    def test_saved_and_loaded_weights_give_the_same_sides(self):
        net = stirred(Refiner(TINY, pretrained=False)).eval()
        other = Refiner(TINY, pretrained=False).eval()
        other.load_state_dict(load(save(dict(net.state_dict()))))
        image = pictures(64, 128, seed=4)
        for one, same in zip(net(image), other(image), strict=True):
            assert torch.equal(one, same)
        assert not any("normalize" in name for name in net.state_dict())

    def test_an_encoder_that_cannot_serve_is_named(self):
        with pytest.raises(ConfigError, match=r"strides .*the refiner needs 4, 8, 16"):
            Refiner("vit_tiny_patch16_224", pretrained=False)
        with pytest.raises(ConfigError, match="'tf_efficientnet_lite9'"):
            Refiner("tf_efficientnet_lite9", pretrained=False)


@torch.inference_mode()
def test_the_tile_logit_is_the_log_sum_of_its_cells():
    net = settled(gate)
    tile, cells = net(pictures(96, 64))
    total = cells.double().exp().sum(dim=(1, 2)).log()
    torch.testing.assert_close(tile.double(), total * 1.0 - 1.4, rtol=1e-5, atol=1e-5)


def test_an_encoder_without_the_maps_that_the_gate_fuses():
    with pytest.raises(ConfigError, match="strides"):
        Gate("vit_tiny_patch16_224", pretrained=False)


def test_normalisation_against_the_formula():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    image = pictures(4, 5)
    expected = (image.double() / 255 - torch.tensor(mean).double()) / torch.tensor(std).double()
    found = Normalize(mean, std)(image)
    assert (found.shape, found.dtype) == ((2, 3, 4, 5), torch.float32)
    torch.testing.assert_close(found.double(), expected.permute(0, 3, 1, 2), rtol=1e-5, atol=1e-6)
