"""Starting from an earlier run: what fits is taken, and nothing that is not a start."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from shipseg.errors import ConfigError
from shipseg.models.segmenter import Segmenter
from shipseg.models.start import start_from

pytestmark = pytest.mark.train
ENCODER = "unet.encoder."


def segmenter(*, half_resolution: bool = True, encoder: str = "test_efficientnet") -> Segmenter:
    return Segmenter(
        encoder,
        decoder_channels=(32, 16, 16, 8, 8),
        half_resolution=half_resolution,
        pretrained=False,
    )


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(1)
    state = segmenter().state_dict()
    save_file(state, tmp_path / "best.safetensors")
    return tmp_path / "best.safetensors"


def test_a_network_of_the_same_shape_takes_all(weights):
    net = segmenter()
    assert start_from(net, weights, needed=ENCODER) == len(net.state_dict())
    torch.manual_seed(1)
    expected = segmenter().state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in net.state_dict().items())


def test_another_decoder_keeps_its_own_block_and_takes_the_rest(weights):
    torch.manual_seed(2)
    net = segmenter(half_resolution=False)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    taken = start_from(net, weights, needed=ENCODER)
    new = [name for name in before if name.startswith("unet.decoder.blocks.4.")]
    assert new
    assert taken == len(before) - len(new)
    after = net.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in new)
    kernel = "unet.decoder.blocks.0.conv1.0.weight"
    assert not torch.equal(after[kernel], before[kernel])


def test_another_encoder_is_no_start(weights):
    with pytest.raises(ConfigError, match=r"no tensor 'unet\.encoder\..*more do not fit"):
        start_from(segmenter(encoder="resnet18"), weights, needed=ENCODER)


def test_values_that_are_not_finite_are_refused(weights, tmp_path):
    state = segmenter().state_dict()
    state["unet.segmentation_head.0.bias"][0] = float("nan")
    save_file(state, tmp_path / "nan.safetensors")
    net = segmenter()
    with pytest.raises(ConfigError, match=r"segmentation_head\.0\.bias' that are not finite"):
        start_from(net, tmp_path / "nan.safetensors", needed=ENCODER)
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\xff" * 64])
def test_a_file_that_is_no_safetensors(tmp_path, content):
    path = tmp_path / "best.safetensors"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="no safetensors file"):
        start_from(segmenter(), path, needed=ENCODER)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        start_from(segmenter(), tmp_path / "missing", needed=ENCODER)
