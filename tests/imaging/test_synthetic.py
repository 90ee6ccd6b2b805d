"""Drawn scenes: the same for a seed, with masks that lie on the ships that were drawn."""

import csv

import numpy as np
import pytest
from PIL import Image

from shipseg.errors import OutputExistsError, UsageError
from shipseg.imaging.synthetic import draw_scene, write_synthetic_dataset
from shipseg.rle import decode_rle, runs_to_mask

SMALL = (256, 256)


def masks_of(scene, shape_hw=SMALL):
    return [runs_to_mask(runs, shape_hw) for runs in scene.ships]


def test_the_same_arguments_give_the_same_scene():
    first, second = (draw_scene(11, SMALL, ships=3, coast=True, clouds=True) for _ in range(2))
    np.testing.assert_array_equal(first.rgb, second.rgb)
    assert len(first.ships) == len(second.ships) > 0
    for one, other in zip(first.ships, second.ships, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_gives_another_scene():
    assert (draw_scene(1, SMALL).rgb != draw_scene(2, SMALL).rgb).mean() > 0.5


@pytest.mark.parametrize("shape_hw", [(64, 64), (97, 131), (128, 128), (128, 300), (768, 768)])
def test_any_shape_is_drawn(shape_hw):
    scene = draw_scene(5, shape_hw, ships=2, coast=True, clouds=True)
    assert scene.rgb.shape == (*shape_hw, 3)
    assert scene.rgb.dtype == np.uint8
    for mask in masks_of(scene, shape_hw):
        assert mask.any()


def test_open_water_holds_exactly_the_ships_asked_for():
    counts = [len(draw_scene(seed, SMALL, ships=4, coast=False).ships) for seed in range(6)]
    assert counts == [4] * 6


def test_a_scene_without_ships_has_no_mask():
    scene = draw_scene(3, SMALL, ships=0)
    assert scene.ships == ()
    assert scene.boxes == ()


def test_seeds_decide_what_is_not_asked_for():
    counts = {len(draw_scene(seed, (96, 96)).ships) for seed in range(24)}
    assert 0 in counts
    assert max(counts) > 1


@pytest.mark.parametrize("seed", range(8))
def test_masks_are_disjoint_and_of_the_size_of_ships(seed):
    scene = draw_scene(seed, SMALL, ships=6, coast=seed % 2 == 0)
    masks = masks_of(scene)
    assert len(masks) > 1
    assert np.sum(masks, axis=0).max() == 1
    for mask in masks:
        assert 10 < mask.sum() < 0.2 * mask.size


def test_boxes_are_the_rectangles_of_the_masks():
    scene = draw_scene(21, SMALL, ships=5, coast=False, clouds=False)
    checked = 0
    for mask, box in zip(masks_of(scene), scene.boxes, strict=True):
        if box.min() < 0 or box.max() > 256:
            continue
        sides = np.hypot(*(box - np.roll(box, 1, axis=0)).T)
        assert mask.sum() == pytest.approx(sides[0] * sides[1], rel=0.15)
        ys, xs = np.nonzero(mask)
        np.testing.assert_allclose([xs.mean() + 0.5, ys.mean() + 0.5], box.mean(axis=0), atol=0.5)
        checked += 1
    assert checked >= 2


def test_ships_differ_from_the_water_around_them():
    """Nine ships of ten stand out by more than two deviations of their surroundings, per band."""
    differences = []
    for seed in range(12):
        scene = draw_scene(seed, SMALL, ships=3, coast=False, clouds=False)
        everything = np.any(masks_of(scene), axis=0)
        for mask in masks_of(scene):
            ys, xs = np.nonzero(mask)
            window = np.s_[
                max(ys.min() - 12, 0) : ys.max() + 13, max(xs.min() - 12, 0) : xs.max() + 13
            ]
            around = scene.rgb[window][~everything[window]].astype(float)
            inside = scene.rgb[window][mask[window]].astype(float)
            change = np.abs(inside - np.median(around, axis=0)).mean(axis=0)
            usual = np.abs(around - np.median(around, axis=0)).mean(axis=0)
            differences.append((change / usual).max())
    assert len(differences) == 36
    assert np.quantile(differences, 0.1) > 2.0


def test_water_is_as_calm_as_real_water():
    """A wave texture of 1 to 35 grey levels, as measured on open water; hardly ever more."""
    levels = [draw_scene(s, SMALL, ships=0, coast=False, clouds=False).rgb.std() for s in range(20)]
    assert min(levels) > 1.0
    assert max(levels) < 45.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seed": -1}, "seed -1"),
        ({"seed": 0, "shape_hw": (768, 63)}, "768 × 63"),
        ({"seed": 0, "ships": -2}, "-2 ships"),
    ],
)
def test_impossible_requests_are_refused(arguments, words):
    with pytest.raises(UsageError, match=words):
        draw_scene(**arguments)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_synthetic_dataset(tmp_path_factory.mktemp("tiles"), 12, seed=4, size=96)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_dataset_has_the_shape_of_the_airbus_set(dataset):
    names = sorted(path.name for path in (dataset / "images").iterdir())
    labels = rows_of(dataset / "labels.csv")
    assert sorted({row["ImageId"] for row in labels}) == names
    assert len(names) == 12
    for name in names:
        assert len(name) == 13
        int(name[:9], 16)
        with Image.open(dataset / "images" / name) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (96, 96))
            assert not image.getexif()


def test_dataset_keeps_the_share_of_ships_and_the_split(dataset):
    labels = rows_of(dataset / "labels.csv")
    filled = {row["ImageId"] for row in labels if row["EncodedPixels"]}
    empty = {row["ImageId"] for row in labels if not row["EncodedPixels"]}
    assert len(filled) == 6
    assert not filled & empty
    for row in labels:
        if row["EncodedPixels"]:
            assert decode_rle(row["EncodedPixels"], (96, 96)).sum() > 10
    split = {row["ImageId"]: row["split"] for row in rows_of(dataset / "split.csv")}
    assert set(split) == filled | empty
    val = {name for name, part in split.items() if part == "val"}
    assert len(val & filled) == len(val & empty) == 1
    assert set(split.values()) == {"train", "val"}


def test_dataset_is_the_same_for_a_seed(dataset, tmp_path):
    again = write_synthetic_dataset(tmp_path / "again", 12, seed=4, size=96)
    for path in sorted(dataset.rglob("*.*")):
        assert (again / path.relative_to(dataset)).read_bytes() == path.read_bytes()


def test_dataset_overwrites_nothing(dataset):
    with pytest.raises(OutputExistsError, match="not empty"):
        write_synthetic_dataset(dataset, 1)


def test_dataset_refuses_an_impossible_share(tmp_path):
    with pytest.raises(UsageError, match=r"share of 1\.5"):
        write_synthetic_dataset(tmp_path / "new", 4, ship_share=1.5)
