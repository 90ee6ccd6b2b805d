"""Training samples: what they hold, that pictures lie on their masks, what a name decides."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from torch.utils.data import DataLoader

from shipseg.dataset.crops import ShipCrops, WholeTiles, weight_of
from shipseg.dataset.gate_tiles import GateTiles, GateTilesPlain, cell_targets
from shipseg.dataset.salvage import Salvage
from shipseg.dataset.source import open_source
from shipseg.dataset.stream import EpochStream
from shipseg.errors import BadInputError, ConfigError
from shipseg.rle import encode_rle

from .conftest import HW
from .tiles import SEA, SHIP, write_tiles

pytestmark = pytest.mark.train
MIDDLE = (SEA + SHIP) / 2


def crops_of(source, **changed):
    return ShipCrops(
        source,
        **{
            "size": 64, "empty_share": 0.25, "paste_share": 0.0, "boat_share": 0.0,
            "boat_weight": 1.0, "glint_share": 0.0, "around_share": 0.0, "false_share": 0.0,
            "false_places": (), "truth_shift_px": 0.0, "seed": 3, "augment": 0.0, **changed,
        },
    )  # fmt: skip


def gate_tiles_of(source, **changed):
    return GateTiles(
        source,
        **{
            "input_size": 64, "stride": 16, "paste_share": 0.0, "boat_share": 0.0,
            "glint_share": 0.0, "seed": 3, "augment": 0.0, **changed,
        },
    )  # fmt: skip


def shifted_labels(folder, by: int):
    """Write tiles with a ship each, and labels that lie `by` pixels right of and below it."""
    (folder / "images").mkdir()
    rows = ["ImageId,EncodedPixels"]
    for index in range(4):
        rgb, mask = np.full((*HW, 3), SEA, np.uint8), np.zeros(HW, np.bool_)
        x, y = 40 + 6 * index, 70 - 5 * index
        rgb[y : y + 12, x : x + 30] = SHIP
        mask[y + by : y + by + 12, x + by : x + by + 30] = True
        with (folder / "images" / f"{index}.jpg").open("wb") as file:
            Image.fromarray(rgb).save(file, "PNG")
        rows.append(f"{index}.jpg,{encode_rle(mask)}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return open_source(folder / "images", folder / "labels.csv", shape_hw=HW)


class TestCrops:
    def test_a_crop_has_the_size_asked_for_and_a_mask_of_zeros_and_ones(self, source):
        for size in (64, 96, 128):
            image, mask, core, weight = crops_of(source, size=size)[0, 0]
            assert (weight == 1).all()
            assert (core.shape, core.dtype) == (mask.shape, mask.dtype)
            assert not (core > mask).any()
            assert (image.shape, image.dtype) == ((size, size, 3), torch.uint8)
            assert (mask.shape, mask.dtype) == ((size, size), torch.float32)
            assert set(mask.unique().tolist()) <= {0.0, 1.0}

    def test_the_picture_lies_on_its_mask_through_zoom_and_turns(self, source):
        crops = crops_of(source)
        seen = 0
        for position in range(120):
            image, mask, _core, _weight = crops[0, position]
            bright = image.float().mean(dim=2) > MIDDLE
            # Zooming shifts an edge by less than a pixel.
            off = (bright != mask.bool()).sum()
            edge = 4 * (mask.sum() ** 0.5) + 8
            assert off <= edge / 2
            seen += int(mask.any())
        assert seen > 60

    def test_a_plain_crop_is_a_window_of_the_tile(self, source):
        # Two crops in five are: there the picture lies on its mask to the pixel.
        exact = 0
        for position in range(60):
            image, mask, *_ = crops_of(source, empty_share=0.0)[0, position]
            values = set(image.unique().tolist())
            if values <= {SEA, SHIP}:
                exact += 1
                np.testing.assert_array_equal(image.numpy()[..., 0] > MIDDLE, mask.numpy() > 0)
        assert 15 <= exact <= 40

    @pytest.mark.parametrize("paste_share", [0.0, 1.0])
    def test_a_shift_of_the_labels_is_taken_off(self, tmp_path, paste_share):
        # One ship a tile, so that all there is can be pasted; its label lies two pixels off.
        source = shifted_labels(tmp_path, 2)

        def off(shift: float) -> tuple[int, int]:
            wrong = of = 0
            for position in range(60):
                crops = crops_of(source, truth_shift_px=shift, paste_share=paste_share, size=96)
                image, mask, *_ = crops[0, position]
                bright = image.float().mean(dim=2) > MIDDLE
                wrong += int((bright != mask.bool()).sum())
                of += int(mask.sum())
            return wrong, of

        wrong, of = off(2.0)
        assert wrong < 0.1 * of
        worse, of = off(0.0)
        assert worse > 0.3 * of

    def test_ships_of_other_tiles_are_pasted_in(self, source):
        def ships(share: float) -> float:
            crops = crops_of(source, size=128, empty_share=0.9, paste_share=share)
            return float(sum(crops[0, position].core.sum() for position in range(40)))

        assert ships(1.0) > 1.5 * ships(0.0)

    def test_crops_against_the_sun_show_dark_ships(self, source):
        crops = crops_of(source, empty_share=0.0, glint_share=1.0)
        for position in range(20):
            image, mask, *_ = crops[0, position]
            if 20 < mask.sum() < mask.numel() / 2:
                light, ship = image.float().mean(dim=2), mask.bool()
                assert light[ship].mean() < light[~ship].mean() - 10

    def test_some_crops_lie_around_places_where_no_ship_is(self, source):
        # An empty tile's corner, far from what an even draw over the tile would give so often.
        empty = next(
            n for n, name in enumerate(source.image_ids) if not source.table.has_ships(name)
        )
        given = {"empty_share": 0.0, "false_places": [(empty, (20.0, 20.0))]}

        def with_ships(share: float) -> int:
            crops = crops_of(source, false_share=share, **given)
            return sum(bool(crops[0, position].mask.any()) for position in range(40))

        assert with_ships(1.0) == 0
        assert 8 <= with_ships(0.5) <= 32
        assert with_ships(0.0) > 35

    def test_some_crops_come_from_anywhere_on_tiles_with_ships(self, tiles):
        only = [image_id for image_id in tiles.ids if tiles.masks[image_id].any()][:1]
        source = open_source(tiles.images, tiles.labels, shape_hw=HW)
        one = type(source)(source.folder, source.table.subset(only))

        def ship_seen(share: float) -> float:
            crops = crops_of(one, around_share=share, size=64)
            return sum(bool(crops[0, position].mask.any()) for position in range(60)) / 60

        # The crop is a quarter of the tile: an even draw often leaves the ship out.
        assert ship_seen(0.0) > 0.9 > ship_seen(0.5) > ship_seen(1.0)

    def test_pixels_of_small_ships_weigh_more_up_to_what_is_asked_for(self, source):
        for position in range(40):
            _, mask, _, weight = crops_of(source, size=128, boat_weight=3.0)[0, position]
            assert (weight[mask == 0] == 1).all()
            assert weight.max() <= 3

    @pytest.mark.parametrize("share", [0.0, 0.25, 0.9])
    def test_the_share_of_crops_without_ships(self, source, share):
        crops = crops_of(source, empty_share=share)
        empty = sum(not crops[0, position].mask.any() for position in range(400)) / 400
        # Three deviations of 400 draws; a crop around a ship may miss it by its outer tenth.
        assert share - 0.075 <= empty <= share + 0.075 + 0.05 * (1 - share)

    def test_without_empty_tiles_every_crop_is_around_a_ship(self, tiles, source):
        ships = [image_id for image_id in tiles.ids if tiles.masks[image_id].any()]
        only = type(source)(source.folder, source.table.subset(ships))
        crops = crops_of(only, empty_share=0.9)
        assert sum(bool(crops[0, p].mask.any()) for p in range(50)) > 42

    def test_tiles_without_any_ship_are_refused(self, tiles, source):
        empty = [image_id for image_id in tiles.ids if not tiles.masks[image_id].any()]
        with pytest.raises(ConfigError, match="nothing to learn"):
            crops_of(type(source)(source.folder, source.table.subset(empty)))


def test_the_weight_of_a_pixel_is_the_root_of_500_over_the_area():
    mask = np.zeros((64, 64), np.bool_)
    mask[2:4, 2:4] = True  # 4 px
    mask[10:20, 10:22] = True  # 120 px
    mask[30:60, 30:60] = True  # 900 px
    weight = weight_of(mask, 4.0)
    assert weight[10:20, 10:22] == pytest.approx((500 / 120) ** 0.5, rel=1e-6)
    assert (weight[30:60, 30:60] == 1).all()
    assert (weight[2:4, 2:4] == 4).all()
    assert (weight[~mask] == 1).all()
    assert (weight_of(mask, 1.0) == 1).all()


class TestWholeTiles:
    def test_all_tiles_once_those_with_ships_first(self, tiles, source):
        whole = WholeTiles(source, limit=None)
        assert len(whole) == 16
        ships = [bool(whole[i].mask.any()) for i in range(16)]
        assert ships == [True] * 8 + [False] * 8
        np.testing.assert_array_equal(whole[1].mask.numpy(), tiles.masks[tiles.ids[2]])
        assert whole[1].image.dtype == torch.uint8

    @pytest.mark.parametrize(("limit", "ships"), [(1, 1), (3, 2), (9, 6), (15, 8), (99, 8)])
    def test_a_limit_takes_two_thirds_with_ships(self, source, limit, ships):
        whole = WholeTiles(source, limit=limit)
        assert len(whole) == min(limit, 16)
        assert sum(bool(whole[i].mask.any()) for i in range(len(whole))) == ships

    def test_where_empty_tiles_are_few_more_have_ships(self, tiles, source):
        few = [i for i in tiles.ids if tiles.masks[i].any()] + [tiles.ids[1]]
        whole = WholeTiles(type(source)(source.folder, source.table.subset(few)), limit=6)
        assert [bool(whole[i].mask.any()) for i in range(6)] == [True] * 5 + [False]


class TestGateTiles:
    def test_ships_are_pasted_onto_tiles_and_told_of(self, source):
        def with_ships(**shares: float) -> int:
            tiles = gate_tiles_of(source, input_size=128, **shares)
            return sum(bool(tiles[0, position].tile) for position in range(60))

        assert with_ships(paste_share=1.0) > 1.2 * with_ships(paste_share=0.0)
        assert with_ships(paste_share=1.0, boat_share=1.0) > with_ships(paste_share=0.0)

    def test_tiles_against_the_sun_are_bright_and_told_of_as_before(self, source):
        plain, glint = gate_tiles_of(source), gate_tiles_of(source, glint_share=1.0)
        for position in range(20):
            image, tile, _cells = glint[0, position]
            assert image.float().median() > SEA + 30
            # What comes before is drawn alike: the same tile, window and turn.
            assert tile == plain[0, position].tile

    def test_targets_follow_the_picture(self, source):
        gate_tiles = gate_tiles_of(source)
        for position in range(100):
            image, tile, cells = gate_tiles[0, position]
            assert (image.shape, image.dtype) == ((64, 64, 3), torch.uint8)
            assert (cells.shape, cells.dtype) == ((4, 4), torch.float32)
            assert (tile.shape, tile.dtype) == ((), torch.float32)
            assert bool(tile) == bool(cells.any())
            bright = image.float().mean(dim=2) > MIDDLE
            found = bright.reshape(4, 16, 4, 16).any(dim=3).any(dim=1)
            # A ship that reaches a pixel into a cell may fade in the smaller picture, never appear.
            assert not (found & ~cells.bool()).any()
            assert (found != cells.bool()).sum() <= 4

    def test_an_epoch_takes_every_tile_once(self, source):
        order = gate_tiles_of(source)._order_of(5)
        assert sorted(order.tolist()) == list(range(16))
        assert order.tolist() != gate_tiles_of(source)._order_of(6).tolist()

    def test_validation_sees_whole_tiles_unchanged(self, tiles, source):
        plain = GateTilesPlain(source, input_size=64, stride=16)
        assert len(plain) == 16
        for index, mask in enumerate(tiles.masks.values()):
            image, tile, cells = plain[index]
            assert bool(tile) == mask.any()
            np.testing.assert_array_equal(cells.numpy(), cell_targets(mask, 4))
            grey = np.where(mask, SHIP, SEA).reshape(64, 2, 64, 2).mean(axis=(1, 3))
            np.testing.assert_allclose(image.numpy()[..., 2], grey, atol=1)


@given(
    hnp.arrays(np.bool_, st.integers(1, 40).map(lambda side: (side, side)), fill=st.just(False)),
    st.integers(1, 12),
)
def test_cell_targets_against_a_slow_reference(mask, cells):
    side = len(mask)
    expected = np.zeros((cells, cells), np.bool_)
    for y in range(side):
        for x in range(side):
            if mask[y, x]:
                # A pixel belongs to the cell that its upper left corner lies in.
                expected[int(y / side * cells + 1e-9), int(x / side * cells + 1e-9)] = True
    np.testing.assert_array_equal(cell_targets(mask, cells), expected)


@pytest.mark.parametrize("make", [crops_of, gate_tiles_of])
class TestNames:
    def test_a_name_decides_all(self, source, make):
        one, other = make(source, augment=1.0), make(source, augment=1.0)
        other[0, 7], other[4, 1]
        for name in ((0, 0), (0, 1), (3, 11), (2, 500)):
            for a, b in zip(one[name], other[name], strict=True):
                assert torch.equal(a, b)

    def test_epoch_position_and_seed_all_count(self, source, make):
        first = make(source, augment=1.0)
        pictures = {
            data[name].image.numpy().tobytes()
            for data, name in (
                (first, (0, 0)), (first, (0, 1)), (first, (1, 0)),
                (make(source, augment=1.0, seed=4), (0, 0)),
            )
        }  # fmt: skip
        assert len(pictures) == 4

    def test_workers_change_nothing(self, source, make):
        def batches(workers: int) -> list[torch.Tensor]:
            stream = EpochStream(12)
            stream.set_epoch(2)
            loader = DataLoader(
                make(source, augment=1.0), batch_size=5, sampler=stream, num_workers=workers
            )
            return [tensor for batch in loader for tensor in batch]

        alone, shared = batches(0), batches(2)
        assert len(alone) == len(shared) > 0
        assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


class TestStream:
    @pytest.mark.parametrize(("length", "world"), [(12, 1), (12, 3), (13, 3), (5, 8), (1, 2)])
    def test_processes_share_all_positions_and_get_equally_many(self, length, world):
        shares = [list(EpochStream(length, rank=rank, world=world)) for rank in range(world)]
        assert {len(share) for share in shares} == {-(-length // world)}
        assert len(shares[0]) == len(EpochStream(length, world=world))
        names = [name for share in shares for name in share]
        assert len(set(names)) == len(names)
        assert {(0, position) for position in range(length)} <= set(names)

    def test_epochs_are_named(self):
        stream = EpochStream(2)
        stream.set_epoch(7)
        assert list(stream) == [(7, 0), (7, 1)]


class TestSalvage:
    def spoil(self, tiles, *indices: int):
        for index in indices:
            path = tiles.images / tiles.ids[index]
            path.write_bytes(path.read_bytes()[:-100])
        return open_source(tiles.images, tiles.labels, shape_hw=HW)

    def test_the_next_tile_stands_in_and_the_fault_is_told_once(self, own_tiles, caplog):
        salvage = Salvage(self.spoil(own_tiles, 2, 3))
        with caplog.at_level(logging.WARNING):
            names = [salvage.read(index)[0] for index in (2, 3, 2, 4)]
        assert names == [own_tiles.ids[4]] * 4
        assert [own_tiles.ids[2] in r.message for r in caplog.records] == [True, False]
        assert len(caplog.records) == 2

    def test_the_last_tile_is_followed_by_the_first(self, own_tiles):
        assert Salvage(self.spoil(own_tiles, 7)).read(7)[0] == own_tiles.ids[0]

    def test_the_mask_is_that_of_the_tile_that_stands_in(self, own_tiles):
        gate_tiles = GateTilesPlain(self.spoil(own_tiles, 0), input_size=64, stride=16)
        # Tile 0 held a ship; tile 1, which stands in, holds none.
        assert not gate_tiles[0].tile
        assert gate_tiles[0].image.max() == SEA

    def test_what_a_worker_found_is_known_to_all(self, own_tiles, caplog):
        data = GateTilesPlain(self.spoil(own_tiles, 5), input_size=64, stride=16)
        with caplog.at_level(logging.WARNING):
            assert len(list(DataLoader(data, batch_size=4, num_workers=2))) == 2
            told_by_workers = caplog.records[:]
            data[5]
        assert caplog.records == told_by_workers

    def test_a_folder_of_broken_tiles_ends_the_training(self, tmp_path):
        tiles = write_tiles(tmp_path / "many", 24)
        salvage = Salvage(self.spoil(tiles, *range(22)))
        with pytest.raises(BadInputError, match=r"20 tiles in a row, from '00000\.jpg'") as caught:
            salvage.read(0)
        assert str(tiles.images) in str(caught.value.hint)
        assert salvage.read(10)[0] == tiles.ids[22]

    def test_fewer_tiles_than_that_are_all_tried(self, own_tiles):
        with pytest.raises(BadInputError, match="8 tiles in a row"):
            Salvage(self.spoil(own_tiles, *range(8))).read(3)
