"""What teachers say of crops, and what of it is learnt."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from inference.pixels import write_pixel_bundle

from shipseg.bundle.format import load_bundle
from shipseg.dataset.crops import CropSample
from shipseg.errors import UsageError
from shipseg.inference.runtime import SegmenterSession
from shipseg.training.config import read_config
from shipseg.training.folder import RunFolder
from shipseg.training.teacher import Teacher

from .runs import run

pytestmark = pytest.mark.train
SIDE = 64


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_pixel_bundle(tmp_path_factory.mktemp("taught") / "bundle")


@pytest.fixture
def batch() -> CropSample:
    """Two crops of which the first shows a red ship that no label knows of."""
    images = torch.zeros((2, SIDE, SIDE, 3), dtype=torch.uint8)
    images[0, 20:30, 10:50, 0] = 250
    nothing = torch.zeros((2, SIDE, SIDE))
    return CropSample(images, nothing, nothing, nothing + 1)


def test_maps_are_what_the_bundle_says(bundle, batch) -> None:
    maps = Teacher([bundle], share=1.0).maps_of(batch.image)
    assert (maps.shape, maps.dtype) == ((2, 2, SIDE, SIDE), torch.float32)
    session = SegmenterSession(load_bundle(bundle), threads=1)
    for found, picture in zip(maps, batch.image, strict=True):
        np.testing.assert_array_equal(found.numpy(), session(picture.numpy()))


def test_several_teachers_speak_with_one_voice(bundle, batch) -> None:
    one, two = (Teacher([bundle] * n, share=1.0).maps_of(batch.image) for n in (1, 2))
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_targets_lie_between_labels_and_teachers(bundle, batch, share) -> None:
    teacher = Teacher([bundle], share=share)
    taught = teacher.taught(batch)
    ship, core = teacher.maps_of(batch.image).unbind(1)
    torch.testing.assert_close(taught.mask, share * ship)
    torch.testing.assert_close(taught.core, share * core)
    assert taught.image is batch.image
    assert taught.weight is batch.weight
    assert not batch.mask.any(), "the batch itself stays as it was"


def test_what_the_labels_say_counts_for_the_rest(bundle, batch) -> None:
    labelled = batch._replace(mask=torch.ones((2, SIDE, SIDE)))
    taught = Teacher([bundle], share=0.25).taught(labelled)
    assert taught.mask.min() >= 0.75
    assert taught.mask.max() <= 1


def test_a_training_listens_to_its_teachers(bundle, tiles, tmp_path) -> None:
    settings = [f"taught_by=[{bundle}]", "epochs=1"]
    for share in (0, 1):
        run("segmenter", tmp_path / f"{share}", tiles, [*settings, f"taught_share={share}"])
    run("segmenter", tmp_path / "alone", tiles, ["epochs=1"])
    weights = {
        name: RunFolder(tmp_path / name).weights.read_bytes() for name in ("0", "1", "alone")
    }
    assert weights["0"] == weights["alone"] != weights["1"]
    assert read_config(RunFolder(tmp_path / "1").config).taught_by == (bundle,)


def test_a_teacher_that_is_not_there_is_named(tiles, tmp_path) -> None:
    with pytest.raises(UsageError, match="nobody"):
        run("segmenter", tmp_path / "run", tiles, ["taught_by=[nobody]"])
