from __future__ import annotations

import pytest
from dataset.tiles import Tiles, write_tiles


@pytest.fixture(scope="session")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Tiles:
    """Sixteen tiles of 128 px; treat them as read-only."""
    return write_tiles(tmp_path_factory.mktemp("tiles"))
