from __future__ import annotations

import pytest

from shipseg.dataset.source import TileSource, open_source

from .tiles import Tiles, write_tiles

HW = (128, 128)


@pytest.fixture(scope="session")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Tiles:
    """Sixteen tiles; treat them as read-only."""
    return write_tiles(tmp_path_factory.mktemp("tiles"))


@pytest.fixture
def own_tiles(tmp_path) -> Tiles:
    """Eight tiles that a test may spoil."""
    return write_tiles(tmp_path / "own", 8)


@pytest.fixture
def source(tiles: Tiles) -> TileSource:
    return open_source(tiles.images, tiles.labels, shape_hw=HW)
