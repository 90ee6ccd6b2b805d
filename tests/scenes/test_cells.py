"""The gate's cells as a journal keeps them."""

from __future__ import annotations

import numpy as np
import pytest

from shipseg.scenes.cells import pack_cells, pack_heat, unpack_cells, unpack_heat


def test_heat_comes_back_to_the_last_bit() -> None:
    heat = np.random.default_rng(0).random((24, 17)).astype(np.float32)
    heat[3] = 0
    back = unpack_heat(pack_heat(heat), heat.shape)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, heat)


def test_what_is_the_same_everywhere_is_one_character() -> None:
    assert pack_heat(np.zeros((24, 24), np.float32)) == "0"
    assert not unpack_heat("0", (3, 5)).any()
    for value in (False, True):
        text = pack_cells(np.full((24, 24), value))
        assert len(text) == 1
        assert (unpack_cells(text, (3, 5)) == value).all()


@pytest.mark.parametrize("text", ["", "!", "AAAA", "AAAAAAA="])
def test_a_damaged_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack_heat(text, (24, 24))
