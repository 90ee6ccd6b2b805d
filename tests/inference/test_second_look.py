"""Where the gate's first answer leaves doubt, the mirror image is asked as well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shipseg.bundle.format import write_bundle
from shipseg.bundle.manifest import DoubtSpec
from shipseg.inference.detector import Detector, open_picture
from shipseg.inference.second_look import Gate

from .pixels import draw, pixel_bundle_of, sea

DOUBT = DoubtSpec(above=0.25, below=0.75)


class Session:
    """A gate that reads the left half only: a row of cells, the first column of pixels each."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, image: npt.NDArray[np.uint8]) -> tuple[float, npt.NDArray[np.float32]]:
        assert image.flags.c_contiguous
        self.asked += 1
        cells = (image[:1, ::16, 0] / np.float32(128)).astype(np.float32)
        return float(cells[0, 0]), cells


def shown(*columns: int) -> npt.NDArray[np.uint8]:
    """Give an image of four cells, each of one value."""
    row = np.repeat(np.array(columns, np.uint8), 16)
    return np.tile(row[None, :, None], (64, 1, 3))


def test_in_doubt_the_mean_of_both_views_is_given() -> None:
    session = Session()
    tile, cells = Gate(session, DOUBT)(shown(64, 16, 32, 0))  # type: ignore[arg-type]
    assert session.asked == 2
    assert tile == 0.25
    # Mirrored back, so that every cell is the mean of what two views say of the same place.
    np.testing.assert_array_equal(cells, [[0.5, 0.125, 0.25, 0.0]])
    assert cells.dtype == np.float32


@pytest.mark.parametrize(("first", "asked"), [(0, 1), (32, 1), (33, 2), (95, 2), (96, 1), (127, 1)])
def test_a_clear_answer_stands(first: int, asked: int) -> None:
    session = Session()
    tile, _ = Gate(session, DOUBT)(shown(first, 0, 0, 0))  # type: ignore[arg-type]
    assert session.asked == asked
    assert tile == first / 128 / asked


def test_without_doubt_it_is_asked_once() -> None:
    session = Session()
    gate = Gate(session, DOUBT)  # type: ignore[arg-type]
    for one in (Gate(session, None), gate.once()):  # type: ignore[arg-type]
        session.asked = 0
        assert one(shown(64, 0, 0, 0))[0] == 0.5
        assert session.asked == 1


def test_limits_out_of_order_are_refused() -> None:
    for above, below in ((0.5, 0.5), (0.75, 0.25)):
        with pytest.raises(ValueError, match="nothing lies above"):
            DoubtSpec(above=above, below=below)


def test_the_detector_looks_twice_where_its_bundle_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = pixel_bundle_of()
    gate = bundle.manifest.gate.model_copy(update={"doubt": DOUBT})
    manifest = bundle.manifest.model_copy(update={"gate": gate})
    detector = Detector(write_bundle(replace(bundle, manifest=manifest), "", tmp_path / "b"))
    seen: list[npt.NDArray[np.uint8]] = []
    session = detector._gate._session

    def counted(image: npt.NDArray[np.uint8]) -> Any:
        seen.append(image)
        return session(image)

    monkeypatch.setattr(detector._gate, "_session", counted)
    # The gate reads green, and 150 of 255 leaves doubt.
    faint = draw(sea(768, 768), (100, 200, 160, 212), (255, 150, 255))
    sighting = detector.look(open_picture(faint))
    assert len(seen) == 2
    np.testing.assert_array_equal(seen[0], seen[1][:, ::-1])
    assert np.argwhere(sighting.hot).tolist() == [[6, 3], [6, 4]]
    once = detector.looking_once().look(open_picture(faint))
    assert len(seen) == 3
    assert once.probability == sighting.probability
    np.testing.assert_array_equal(once.hot, sighting.hot)
