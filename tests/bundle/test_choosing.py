"""What a bundle leaves open is chosen on tiles with truth. No torch: the graphs read pixels."""

from __future__ import annotations

import numpy as np
import pytest
from inference.pixels import draw, pixel_bundle_of, sea
from PIL import Image

from shipseg.bundle.choices import Choices
from shipseg.bundle.choosing import choose, with_fields
from shipseg.bundle.measure import Measuring
from shipseg.bundle.thresholds import LEAST_AREA_PX
from shipseg.dataset.source import TileSource, together
from shipseg.labels import LabelTable
from shipseg.rle import Runs, mask_to_runs

TILES = 8


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> TileSource:
    """Eight tiles; every other one holds two ships, each with a rim that is none, and a speck."""
    folder = tmp_path_factory.mktemp("tiles")
    ships: dict[str, list[Runs]] = {}
    for index in range(TILES):
        rgb, own = sea(768, 768), list[Runs]()
        # Both the gate and the segmenter are less sure of what is grey.
        for top in (100, 500) if index % 2 else ():
            left = 100 + 40 * index
            draw(rgb, (left - 3, top - 3, left + 63, top + 17), (133, 60, 133))
            draw(rgb, (left, top, left + 60, top + 14))
            mask = np.zeros((768, 768), np.bool_)
            mask[top : top + 14, left : left + 60] = True
            own.append(mask_to_runs(mask))
            draw(rgb, (left, top + 40, left + 4, top + 44))
        name = f"{index}.png"
        Image.fromarray(rgb).save(folder / name)
        ships[name] = own
    return TileSource(folder, LabelTable.from_ships(ships))


def test_what_is_open_is_chosen(source: TileSource) -> None:
    found = choose(pixel_bundle_of(), Measuring(source), Choices())
    manifest = found.bundle.manifest
    # Below, the rims of 133 of 255 would be ship; what is as good and nearer to 0.5 is taken.
    assert manifest.segmenter.threshold == found.segmenter_point.threshold == 0.55
    assert manifest.segmenter.min_area_px == LEAST_AREA_PX
    assert found.segmenter_point.f2 == 1.0
    counts = found.gate_point.counts
    assert (counts.true_positives, counts.true_negatives) == (4, 4)
    assert manifest.gate.threshold == found.gate_point.threshold
    assert 0 < manifest.gate.cell_threshold < 1
    # Eight ships are too few to fit scores on.
    assert manifest.segmenter.calibration is None
    assert manifest.figures["f2_all"] == manifest.figures["gate.f1"] == 1.0
    assert manifest.figures["tiles"] == manifest.provenance.measured_on_tiles == TILES


def test_what_a_bundle_says_of_itself_plays_no_part(source: TileSource) -> None:
    bundle = pixel_bundle_of()
    first = choose(bundle, Measuring(source), Choices()).bundle
    odd = bundle.manifest.segmenter.model_dump() | {
        "threshold": 0.9,
        "min_area_px": 999,
        "calibration": {"intercept": -9.0, "slope": 0.0, "area_slope": 0.0},
        "straightening": {"rectangularity": 0.1, "longer_px": 9.0, "narrower_px": 0.0},
    }
    again = choose(with_fields(bundle, segmenter=odd), Measuring(source), Choices()).bundle
    assert again.manifest == first.manifest


def test_figures_are_of_the_measured_tiles_alone(source: TileSource) -> None:
    table = source.table
    part = [table.subset([f"{i}.png" for i in those]) for those in ((0, 1, 2), (3, 4, 5, 6, 7))]
    val, train = (TileSource(source.folder, one) for one in part)
    both = together(train, val)
    assert set(both.image_ids) == set(source.image_ids)
    assert all(np.array_equal(both.mask(name), source.mask(name)) for name in source.image_ids)
    found = choose(
        pixel_bundle_of(), Measuring(both), Choices(), measured=frozenset(val.image_ids)
    ).bundle.manifest
    whole = choose(pixel_bundle_of(), Measuring(source), Choices()).bundle.manifest
    assert (found.gate, found.segmenter) == (whole.gate, whole.segmenter)
    assert (found.provenance.chosen_on_tiles, found.provenance.measured_on_tiles) == (TILES, 3)
    assert (found.figures["tiles"], found.figures["ship_tiles"]) == (3, 1)
