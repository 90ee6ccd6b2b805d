"""A folder of tiles beside its label table: what fits, and what is said where it does not."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.dataset.source import TileCount, divide, open_source
from shipseg.errors import BadInputError, ConfigError, LabelError, UsageError

from .conftest import HW
from .tiles import SEA, SHIP, Tiles


def open_own(tiles: Tiles, **changed):
    return open_source(tiles.images, tiles.labels, **{"shape_hw": HW, **changed})


def test_pictures_and_masks_are_those_on_the_disk(tiles, source):
    assert source.image_ids == tiles.ids
    for image_id in tiles.ids:
        np.testing.assert_array_equal(source.mask(image_id), tiles.masks[image_id])
        expected = np.where(tiles.masks[image_id][..., None], SHIP, SEA)
        np.testing.assert_array_equal(source.image(image_id), np.broadcast_to(expected, (*HW, 3)))


def test_a_source_counts_what_it_holds(source):
    # Tiles 0, 4, 8 and 12 hold one ship; 2, 6, 10 and 14 two.
    assert source.count() == TileCount(tiles=16, with_ships=8, ships=12)


@given(st.data())
def test_a_window_of_the_mask_is_a_slice_of_the_whole(tiles, data):
    source = open_own(tiles)
    image_id = data.draw(st.sampled_from(tiles.ids))
    (x0, x1), (y0, y1) = (
        sorted((data.draw(st.integers(0, 128)), data.draw(st.integers(0, 128)))) for _ in range(2)
    )
    np.testing.assert_array_equal(
        source.mask(image_id, (x0, y0, x1, y1)), tiles.masks[image_id][y0:y1, x0:x1]
    )


def test_a_folder_that_is_not_there(tiles, tmp_path):
    with pytest.raises(ConfigError, match="gone' is not there"):
        open_source(tmp_path / "gone", tiles.labels)


def test_a_table_that_is_not_there(tiles, tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        open_source(tiles.images, tmp_path / "gone.csv")


def test_missing_tiles_are_counted_and_the_first_is_named(own_tiles):
    for name in own_tiles.ids[3:5]:
        (own_tiles.images / name).unlink()
    with pytest.raises(BadInputError, match=r"2 of 8 labelled tiles .* '00003\.jpg'") as caught:
        open_own(own_tiles)
    assert "missing=skip" in str(caught.value.hint)


def test_missing_tiles_are_left_out_where_asked_and_that_is_told(own_tiles, caplog):
    (own_tiles.images / own_tiles.ids[0]).unlink()
    with caplog.at_level(logging.WARNING):
        source = open_own(own_tiles, missing="skip")
    assert source.image_ids == own_tiles.ids[1:]
    assert "1 of 8 labelled tiles" in caplog.text


def test_excluded_tiles_are_left_out_and_need_no_file(own_tiles, tmp_path):
    first, second, *rest = own_tiles.ids
    (own_tiles.images / first).unlink()
    listed = tmp_path / "exclusions.csv"
    # A reason each, and an image of another set.
    listed.write_text(f"reason,ImageId\ntruncated,{first}\nblank,{second}\nblank,other.jpg\n")
    assert open_own(own_tiles, exclude=listed).image_ids == tuple(rest)
    listed.write_text("ImageId\n" + "\n".join(own_tiles.ids) + "\n")
    with pytest.raises(UsageError, match="all 8 labelled tiles"):
        open_own(own_tiles, exclude=listed)


@pytest.mark.parametrize("missing", ["error", "skip"])
def test_a_folder_without_any_of_the_tiles(own_tiles, tmp_path, missing):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match="none of the 8 tiles"):
        open_source(tmp_path / "empty", own_tiles.labels, shape_hw=HW, missing=missing)


def test_faulty_rows_are_an_error_or_left_out_and_told(own_tiles, caplog):
    with own_tiles.labels.open("a") as table:
        table.write("00001.jpg,5\n")
    with pytest.raises(LabelError, match="row"):
        open_own(own_tiles)
    with caplog.at_level(logging.WARNING):
        source = open_own(own_tiles, on_bad_row="skip")
    assert "00001.jpg" not in source.image_ids
    assert "rows of" in caplog.text


def test_labels_of_another_tile_size_are_refused(tiles):
    # Read as 96 x 96, ships of 128 x 128 tiles run past the end.
    with pytest.raises(LabelError, match="96 × 96"):
        open_own(tiles, shape_hw=(96, 96))


def test_a_tile_of_another_size_than_its_labels_is_refused(tiles):
    source = open_own(tiles, shape_hw=(768, 768))
    with pytest.raises(BadInputError, match="128 x 128 pixels, expected 768 x 768") as caught:
        source.image(tiles.ids[0])
    assert "tile_size" in str(caught.value.hint)


def test_a_split_parts_the_tiles_as_it_says(tiles, source):
    train, val = divide(source, tiles.split, val_share=0.5, seed=0)
    assert val.image_ids == tuple(tiles.ids[i] for i in (6, 7, 14, 15))
    assert set(train.image_ids) | set(val.image_ids) == set(tiles.ids)
    np.testing.assert_array_equal(val.mask("00006.jpg"), tiles.masks["00006.jpg"])


def test_tiles_of_another_split_or_of_none_are_left_out(tiles, source, tmp_path):
    split = tmp_path / "split.csv"
    split.write_text("ImageId,split\n00000.jpg,train\n00001.jpg,val\n00002.jpg,test\n")
    train, val = divide(source, split, val_share=0.5, seed=0)
    assert (train.image_ids, val.image_ids) == (("00000.jpg",), ("00001.jpg",))


def test_a_random_split_follows_the_seed_alone(source):
    def val_of(seed: int) -> tuple[str, ...]:
        train, val = divide(source, None, val_share=0.25, seed=seed)
        assert len(val) == 4
        assert not set(train.image_ids) & set(val.image_ids)
        return val.image_ids

    assert val_of(1) == val_of(1)
    assert len({val_of(seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("text", ["00000.jpg,train\n", "00000.jpg,val\n", "ff.jpg,train\n"])
def test_a_split_that_leaves_a_part_empty(source, tmp_path, text):
    split = tmp_path / "split.csv"
    split.write_text("ImageId,split\n" + text)
    with pytest.raises(ConfigError, match=r"none of the 16 tiles is in '(train|val)'"):
        divide(source, split, val_share=0.1, seed=0)


def test_a_share_too_small_for_one_tile(source):
    with pytest.raises(ConfigError, match=r"val_share=0\.01"):
        divide(source, None, val_share=0.01, seed=0)


def test_the_fingerprint_follows_ids_and_truth_not_the_place(tiles, source, tmp_path):
    assert source.fingerprint() == open_own(tiles).fingerprint()
    assert len(source.fingerprint()) == 64
    moved = Path(tmp_path / "moved")
    moved.symlink_to(tiles.images)
    assert open_source(moved, tiles.labels, shape_hw=HW).fingerprint() == source.fingerprint()
    others = {part.fingerprint() for part in divide(source, tiles.split, val_share=0.1, seed=0)}
    labels = tmp_path / "labels.csv"
    labels.write_text(tiles.labels.read_text().replace("00001.jpg,\n", "00001.jpg,1 1\n"))
    others.add(open_source(tiles.images, labels, shape_hw=HW).fingerprint())
    assert len(others | {source.fingerprint()}) == 4
