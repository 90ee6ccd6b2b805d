"""What a segmenter takes for ships on training tiles becomes guesses to learn from."""

from __future__ import annotations

import numpy as np
import pytest
from inference.pixels import write_pixel_bundle
from PIL import Image

from shipseg.dataset.source import TileSource, open_source
from shipseg.errors import UsageError
from shipseg.rectangle import rectangle_at, rectangles_iou
from shipseg.rle import encode_rle
from shipseg.training.config import RefinerConfig
from shipseg.training.mining import mine, mine_false

pytestmark = pytest.mark.train

HW = (128, 128)
SHIP = rectangle_at(np.array([60.0, 50.0]), 0.5, 50.0, 14.0)


@pytest.fixture
def tiles(tmp_path) -> TileSource:
    """A red ship, a red quay that is none, and the sea."""
    folder = tmp_path / "images"
    folder.mkdir()
    rows = ["ImageId,EncodedPixels"]
    quay = rectangle_at(np.array([70.0, 80.0]), 0.0, 60.0, 20.0)
    for name, drawn in (("a.jpg", SHIP), ("b.jpg", quay), ("c.jpg", None)):
        rgb = np.zeros((*HW, 3), np.uint8)
        if drawn is not None:
            rgb[drawn.drawn(HW)] = (250, 0, 0)
        with (folder / name).open("wb") as file:
            Image.fromarray(rgb).save(file, "PNG")
        rows.append(f"{name},{encode_rle(SHIP.drawn(HW)) if name == 'a.jpg' else ''}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    return open_source(folder, tmp_path / "labels.csv", shape_hw=HW)


def config_of(tiles: TileSource, **changed) -> RefinerConfig:
    given = {"images": tiles.folder, "labels": tiles.folder.parent / "labels.csv", "threads": 1}
    return RefinerConfig(**{**given, **changed})


def test_ships_and_quays_are_found_and_the_sea_is_not(tiles, tmp_path) -> None:
    bundle = write_pixel_bundle(tmp_path / "bundle")
    mined = mine(tiles, bundle, config_of(tiles))
    assert {tile for tile, _ in mined} == {0, 1}
    best = max(rectangles_iou(one, SHIP) for tile, one in mined if tile == 0)
    assert best > 0.9
    # The tile with a ship is shown twice, the quay's once, each at up to four thresholds.
    assert 2 <= sum(tile == 0 for tile, _ in mined) <= 8
    assert 1 <= sum(tile == 1 for tile, _ in mined) <= 4


def test_only_the_quay_is_a_place_where_no_ship_is(tiles, tmp_path) -> None:
    false = mine_false(tiles, write_pixel_bundle(tmp_path / "bundle"), config_of(tiles))
    assert {tile for tile, _ in false} == {1}
    for _, point in false:
        np.testing.assert_allclose(point, (70, 80), atol=1.5)


def test_the_same_is_found_again(tiles, tmp_path) -> None:
    bundle = write_pixel_bundle(tmp_path / "bundle")
    once, again = (mine(tiles, bundle, config_of(tiles)) for _ in range(2))
    assert [tile for tile, _ in once] == [tile for tile, _ in again]
    for (_, one), (_, other) in zip(once, again, strict=True):
        np.testing.assert_array_equal(one.corners_xy, other.corners_xy)


def test_a_broken_tile_is_passed_over(tiles, tmp_path) -> None:
    path = tiles.folder / "a.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    mined = mine(tiles, write_pixel_bundle(tmp_path / "bundle"), config_of(tiles))
    assert {tile for tile, _ in mined} == {1}


def test_a_folder_that_is_no_bundle_is_named(tiles, tmp_path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        mine(tiles, tmp_path / "nowhere", config_of(tiles))
