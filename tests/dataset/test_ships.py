from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shipseg.dataset.ships import measure_ships
from shipseg.labels import LabelTable
from shipseg.rle import mask_to_runs


def rectangle(
    length: float, width: float, heading_deg: float, size: int = 200, centre: float = 100.3
) -> np.ndarray:
    """Paint a rotated rectangle: its longer side points `heading_deg` clockwise from up."""
    y, x = np.mgrid[:size, :size] + 0.5 - centre
    angle = np.radians(heading_deg)
    along = x * np.sin(angle) - y * np.cos(angle)
    across = x * np.cos(angle) + y * np.sin(angle)
    return (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)


def table_of(*masks: np.ndarray) -> LabelTable:
    ships = {f"{i}.jpg": [mask_to_runs(mask)] for i, mask in enumerate(masks)}
    return LabelTable.from_ships(ships, masks[0].shape)


@pytest.mark.parametrize("heading", [0.0, 17.0, 45.0, 90.0, 121.0, 179.0])
def test_a_drawn_rectangle_gets_its_sides_and_heading(heading: float) -> None:
    ships = measure_ships(table_of(rectangle(80, 16, heading)))
    assert ships.length_px[0] == pytest.approx(80, abs=1.0)
    assert ships.width_px[0] == pytest.approx(16, abs=1.0)
    off = (ships.heading_deg[0] - heading + 90) % 180 - 90
    assert abs(off) < 0.7
    assert ships.centre_x[0] == pytest.approx(100.3, abs=0.5)
    assert ships.centre_y[0] == pytest.approx(100.3, abs=0.5)
    assert not ships.cut[0]


def test_an_upright_box_is_measured_exactly() -> None:
    mask = np.zeros((50, 60), np.bool_)
    mask[10:14, 20:50] = True
    ships = measure_ships(table_of(mask))
    assert ships.area_px.tolist() == [120]
    assert (ships.x0[0], ships.y0[0], ships.x1[0], ships.y1[0]) == (20, 10, 50, 14)
    assert (ships.centre_x[0], ships.centre_y[0]) == (35.0, 12.0)
    assert ships.length_px[0] == pytest.approx(30)
    assert ships.width_px[0] == pytest.approx(4)
    assert ships.heading_deg[0] == pytest.approx(90)


def slow(mask: np.ndarray) -> tuple[float, ...]:
    """Measure one mask by its list of pixels, with numpy's covariance and eigenvalues."""
    ys, xs = np.nonzero(mask)
    moments = np.cov(np.stack([xs, ys]), bias=True) + np.eye(2) / 12
    low, high = np.linalg.eigvalsh(moments)
    return (
        len(xs),
        xs.mean() + 0.5,
        ys.mean() + 0.5,
        np.sqrt(12 * high),
        np.sqrt(12 * low),
        xs.min(),
        ys.min(),
        xs.max() + 1,
        ys.max() + 1,
    )


# Masks with full columns make runs that pass a column's end.
MASKS = arrays(np.bool_, (7, 9), elements=st.booleans(), fill=st.booleans())


@given(st.lists(MASKS.filter(lambda mask: bool(mask.any())), min_size=1, max_size=4))
def test_all_measures_agree_with_a_slow_reference(masks: list[np.ndarray]) -> None:
    ships = measure_ships(table_of(*masks))
    for i, mask in enumerate(masks):
        found = (
            ships.area_px[i],
            ships.centre_x[i],
            ships.centre_y[i],
            ships.length_px[i],
            ships.width_px[i],
            ships.x0[i],
            ships.y0[i],
            ships.x1[i],
            ships.y1[i],
        )
        assert found == pytest.approx(slow(mask), abs=1e-6)
        rim = mask.copy()
        rim[1:-1, 1:-1] = False
        assert ships.cut[i] == rim.any()
        assert 0 <= ships.heading_deg[i] < 180


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = [rectangle(20 + i, 6, 20 * i, size=60, centre=30) for i in range(7)]
    whole = measure_ships(table_of(*masks))
    monkeypatch.setattr("shipseg.dataset.ships._CHUNK_SHIPS", 3)
    parts = measure_ships(table_of(*masks))
    assert len(parts) == 7
    np.testing.assert_array_equal(parts.length_px, whole.length_px)
    np.testing.assert_array_equal(parts.x1, whole.x1)


def test_a_table_without_ships_has_no_measures() -> None:
    assert len(measure_ships(LabelTable.from_ships({"a.jpg": []}))) == 0
    assert len(measure_ships(LabelTable.from_ships({}))) == 0
