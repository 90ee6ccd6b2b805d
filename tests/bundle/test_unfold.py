"""A bundle's graph becomes a network again that answers alike, and learns like one with norms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from dataset.tiles import Tiles
from torch import nn

from shipseg.bundle.choices import Choices
from shipseg.bundle.export import export_bundle
from shipseg.bundle.format import load_bundle
from shipseg.bundle.unfold import start_from_bundle
from shipseg.errors import ConfigError
from shipseg.inference.runtime import GateSession, SegmenterSession
from shipseg.models.gate import Gate
from shipseg.models.segmenter import Segmenter

from .runs import PADDED, TINY, make_gate, make_segmenter, write_gate_run, write_segmenter_run

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, tiles: Tiles) -> Path:
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("unfold")
    gate, segmenter = (
        write(root / name, tiles)
        for name, write in (("gate", write_gate_run), ("segmenter", write_segmenter_run))
    )
    export_bundle(gate, segmenter, root / "bundle", choices=Choices(gate_threshold=0.5))
    return root / "bundle"


def batches(side: int, count: int = 4) -> list[torch.Tensor]:
    rng = np.random.default_rng(5)
    return [
        torch.from_numpy(rng.integers(0, 256, (8, side, side, 3), dtype=np.uint8))
        for _ in range(count)
    ]


def fresh(kind: str) -> nn.Module:
    torch.manual_seed(77)
    if kind == "gate":
        return Gate(PADDED, pretrained=False)
    return Segmenter(
        TINY, decoder_channels=(32, 16, 16, 8, 8), half_resolution=True, pretrained=False
    )


def logits(net: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        out = net(pictures)
    return out[0] if isinstance(out, tuple) else out


@pytest.mark.parametrize("kind", ["gate", "segmenter"])
def test_it_answers_as_the_graph_does(bundle: Path, kind: str) -> None:
    net, pictures = fresh(kind), batches(64)
    start_from_bundle(net, kind, bundle, pictures)
    assert net.training
    net.eval()
    loaded = load_bundle(bundle)
    for rgb in batches(64, 6)[5].numpy():
        answer = torch.sigmoid(logits(net, torch.from_numpy(rgb[None])))[0].numpy()
        if kind == "gate":
            expected = GateSession(loaded, threads=1)(rgb)[0]
        else:
            expected = SegmenterSession(loaded, threads=1)(rgb)
        np.testing.assert_allclose(answer, expected, atol=2e-3)


@pytest.mark.parametrize("kind", ["gate", "segmenter"])
def test_its_norms_see_what_they_say(bundle: Path, kind: str) -> None:
    net, pictures = fresh(kind), batches(64)
    start_from_bundle(net, kind, bundle, pictures)
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    # None is left as an untrained one is.
    assert all(norm.running_mean.abs().sum() > 0 for norm in norms)
    # In training, a batch of all those pictures gives what the statistics give.
    for module in net.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d)):
            module.p = 0.0
    everything = torch.cat(pictures)
    with torch.no_grad():
        trained = net.train()(everything)
    trained = trained[0] if isinstance(trained, tuple) else trained
    # Training has moved the running statistics by a tenth towards what they already were.
    torch.testing.assert_close(trained, logits(net.eval(), everything), atol=0.05, rtol=0.02)


@pytest.mark.parametrize("kind", ["gate", "segmenter"])
def test_it_is_the_network_that_was_trained_but_for_scale(bundle: Path, kind: str) -> None:
    trained = make_gate(PADDED) if kind == "gate" else make_segmenter()
    net = fresh(kind)
    start_from_bundle(net, kind, bundle, batches(64))
    pictures = batches(64, 6)[5]
    torch.testing.assert_close(
        logits(net.eval(), pictures), logits(trained, pictures), atol=0.02, rtol=0.02
    )


def test_another_network_is_named(bundle: Path) -> None:
    with pytest.raises(ConfigError, match="is of another network: ") as caught:
        start_from_bundle(Gate("resnet18", pretrained=False), "gate", bundle, batches(64, 1))
    assert "encoder" in str(caught.value.hint)
    wider = Segmenter(
        TINY, decoder_channels=(32, 16, 16, 8, 8), half_resolution=False, pretrained=False
    )
    with pytest.raises(ConfigError, match=r"start_from: the segmenter of .* is of another network"):
        start_from_bundle(wider, "segmenter", bundle, batches(64, 1))
