"""Views of hulls: that the truth lies on the pixels, which ships are used, what a name decides."""

from __future__ import annotations

import contextlib
import logging
import math

import numpy as np
import pytest
import torch
from PIL import Image

from shipseg.dataset import hull_ships as module
from shipseg.dataset.guesses import fit_of
from shipseg.dataset.hull_ships import hulls_of
from shipseg.dataset.hulls import Hulls, HullsPlain
from shipseg.dataset.source import TileSource, open_source
from shipseg.errors import BadInputError, ConfigError
from shipseg.imaging.hull_view import VIEW_HW, hull_view
from shipseg.imaging.tiling import Window
from shipseg.rectangle import Rectangle, rectangle_at
from shipseg.rle import encode_rle

from .conftest import HW
from .tiles import SEA, SHIP

pytestmark = pytest.mark.train

# x, y, heading in radians, length, width.
SHIPS = (
    (60.3, 40.7, 0.4, 50.0, 14.0),
    (66.2, 61.0, 2.0, 60.0, 12.0),
    (70.0, 70.5, -0.9, 34.0, 13.0),
    (50.5, 64.0, 1.55, 40.0, 10.0),
)


def ship(x: float, y: float, heading: float, length: float, width: float) -> Rectangle:
    return rectangle_at(np.array([x, y]), heading, length, width)


def write(folder, masks) -> TileSource:
    """Write one tile per mask: bright ships on dark water, lossless."""
    (folder / "images").mkdir(parents=True)
    rows = ["ImageId,EncodedPixels"]
    for index, mask in enumerate(masks):
        rgb = np.full((*HW, 3), SEA, np.uint8)
        rgb[mask] = SHIP
        name = f"{index:05x}.jpg"
        with (folder / "images" / name).open("wb") as file:
            Image.fromarray(rgb).save(file, "PNG")
        rows.append(f"{name},{encode_rle(mask)}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return open_source(folder / "images", folder / "labels.csv", shape_hw=HW)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory) -> TileSource:
    return write(tmp_path_factory.mktemp("fleet"), [ship(*s).drawn(HW) for s in SHIPS])


def hulls(source: TileSource, **changed) -> Hulls:
    return Hulls(source, **{"truth_shift_px": 0.0, "seed": 3, "augment": 0.0, **changed})


def bright(image: torch.Tensor) -> np.ndarray:
    return image.numpy()[..., 0] > (SEA + SHIP) / 2


def drawn(rectangle: torch.Tensor, guess: torch.Tensor) -> np.ndarray:
    """Paint a rectangle of the view's frame into the view of a guess at the origin.

    The tile is a mask of one large picture around the origin, looked at with the product's own
    view: a pixel is painted where at least half of it is covered.
    """
    half = 200
    middle = np.array([half, half], np.float64)
    x, y, heading, length, width = rectangle.tolist()
    mask = ship(x + half, y + half, heading, length, width).drawn((2 * half, 2 * half))
    grey = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
    around = rectangle_at(middle, 0.0, float(guess[3]), float(guess[4]))
    window = Window(0, 0, 2 * half, 2 * half)
    return hull_view(grey, window, around)[..., 0] >= 128


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


class TestSamples:
    def test_shapes_and_kinds(self, fleet):
        for sample in (hulls(fleet)[0, 0], HullsPlain(fleet, truth_shift_px=0)[0]):
            assert (sample.image.shape, sample.image.dtype) == ((*VIEW_HW, 3), torch.uint8)
            for rectangle in (sample.guess, sample.truth):
                assert (rectangle.shape, rectangle.dtype) == ((5,), torch.float32)
            assert sample.guess[:3].tolist() == [0, 0, 0]
            length, width = sample.guess[3:].tolist()
            assert sample.seen.tolist() == pytest.approx([1.5 * length + 8, 2 * width + 16])

    def test_the_hull_is_where_the_truth_says_through_guesses_and_mirrors(self, fleet):
        better = []
        for position in range(80):
            image, _seen, guess, truth, *_ = hulls(fleet)[0, position]
            seen = bright(image)
            # Half of a view's rim of pixels, either way.
            assert iou(seen, drawn(truth, guess)) > 0.85
            better.append(iou(seen, drawn(truth, guess)) - iou(seen, drawn(guess, guess)))
        assert np.mean(better) > 0.1

    def test_a_mirrored_truth_would_not_do(self, fleet):
        # What the test above would miss if all guesses were straight and in the middle.
        signs = ([-1, 1, -1, 1, 1], [1, -1, -1, 1, 1], [1, 1, -1, 1, 1])
        for sign in signs:
            worse = []
            for position in range(40):
                image, _seen, guess, truth, *_ = hulls(fleet)[0, position]
                wrong = truth * torch.tensor(sign)
                seen = bright(image)
                worse.append(iou(seen, drawn(truth, guess)) - iou(seen, drawn(wrong, guess)))
            assert np.mean(worse) > 0.01

    def test_all_mirrors_occur(self, fleet, monkeypatch):
        seen = []
        monkeypatch.setattr(
            module,
            "hull_view",
            lambda rgb, window, guess, mirror: (
                seen.append(mirror) or hull_view(rgb, window, guess, mirror)
            ),
        )
        for position in range(60):
            hulls(fleet)[0, position]
        assert {(u, v) for u in (-1, 1) for v in (-1, 1)} == set(seen)
        HullsPlain(fleet, truth_shift_px=0)[0]
        assert seen[-1] == (1, 1)

    def test_guesses_are_turned_either_way(self, fleet):
        turns = [float(hulls(fleet)[0, p].truth[2]) for p in range(60)]
        assert 15 < sum(turn > 0 for turn in turns) < 45
        assert max(map(abs, turns)) < math.pi / 4

    def test_the_shift_moves_the_truth_left_and_up(self, fleet):
        for index, (x, y, *_rest) in enumerate(SHIPS):
            plain = HullsPlain(fleet, truth_shift_px=0.0, guesses=1).pose(index).truth
            moved = HullsPlain(fleet, truth_shift_px=0.5, guesses=1).pose(index).truth
            np.testing.assert_allclose(plain.centre_xy, (x, y), atol=0.3)
            np.testing.assert_allclose(plain.centre_xy - moved.centre_xy, 0.5, atol=1e-9)

    def test_a_name_decides_all(self, fleet):
        a, b = hulls(fleet, augment=1.0)[2, 7], hulls(fleet, augment=1.0)[2, 7]
        assert all(torch.equal(one, other) for one, other in zip(a, b, strict=True))
        for other in (hulls(fleet)[2, 8], hulls(fleet)[3, 7], hulls(fleet, seed=4)[2, 7]):
            assert not torch.equal(a.truth, other.truth)

    def test_colours_change_in_training_only(self, fleet):
        values = {int(v) for p in range(9) for v in hulls(fleet, augment=1.0)[0, p].image.unique()}
        assert max(values) > SHIP or min(values) < SEA
        assert int(HullsPlain(fleet, truth_shift_px=0)[0].image.max()) <= SHIP

    def test_what_is_kept_of_tiles_changes_no_view(self, fleet, monkeypatch):
        kept = [hulls(fleet)[0, p].image for p in range(20)]
        one = hulls(fleet)
        again = [one[0, p].image for p in (*range(20), *range(20))]
        monkeypatch.setattr(module, "_KEPT_BYTES", 0)
        # So little that nearly every guess looks past it.
        monkeypatch.setattr(module, "_KEPT_LENGTHS", 0.1)
        read = hulls(fleet)
        for position in range(20):
            assert torch.equal(kept[position], again[position])
            assert torch.equal(kept[position], again[20 + position])
            assert torch.equal(kept[position], read[0, position].image)
        assert not read._ships._kept


class TestValidation:
    def test_every_hull_has_its_guesses_the_same_each_time(self, fleet):
        plain = HullsPlain(fleet, truth_shift_px=0, guesses=3)
        assert len(plain) == 12
        once, again = ([plain[i] for i in range(12)] for _ in range(2))
        for a, b in zip(once, again, strict=True):
            assert all(torch.equal(one, other) for one, other in zip(a, b, strict=True))
        assert len({tuple(sample.guess.tolist()) for sample in once}) == 12
        lengths = [round(float(sample.truth[3])) for sample in once[::3]]
        assert lengths == pytest.approx([s[3] for s in SHIPS], abs=1)

    def test_a_pose_is_the_sample_on_its_tile(self, fleet):
        plain = HullsPlain(fleet, truth_shift_px=0, guesses=2)
        for index in range(8):
            pose, sample = plain.pose(index), plain[index]
            assert pose.image_id == fleet.image_ids[index // 2]
            np.testing.assert_allclose(sample.guess[3:], [pose.guess.length, pose.guess.width])
            off = pose.guess.from_middle(pose.truth.centre_xy[None])[0]
            np.testing.assert_allclose(sample.truth[:2], off, atol=1e-4)


class TestWhichShips:
    def only(self, tmp_path, mask: np.ndarray) -> TileSource:
        return write(tmp_path / "one", [mask])

    @pytest.mark.parametrize(
        "mask",
        [
            pytest.param(ship(60, 60, 0.0, 7, 3.9).drawn(HW), id="small"),
            pytest.param(ship(8, 60, 0.0, 40, 8).drawn(HW), id="left edge"),
            pytest.param(ship(118, 60, 0.3, 40, 8).drawn(HW), id="right edge"),
            pytest.param(ship(60, 2, 0.0, 40, 8).drawn(HW), id="top edge"),
            pytest.param(ship(60, 126, 0.1, 40, 8).drawn(HW), id="bottom edge"),
            pytest.param(
                ship(60, 60, 0.0, 50, 8).drawn(HW) | ship(82, 75, 1.57, 40, 8).drawn(HW), id="bent"
            ),
        ],
    )
    def test_small_ones_those_at_the_edge_and_bent_ones_are_not_used(self, tmp_path, mask):
        source = self.only(tmp_path, mask)
        assert hulls_of(source, source.image_ids[0]) == []
        with pytest.raises(ConfigError, match="none of the 1 ships on 1 tiles is nearly a rect"):
            hulls(source)

    def test_others_are_with_their_rectangle(self, fleet):
        for image_id, (x, y, heading, length, width) in zip(fleet.image_ids, SHIPS, strict=True):
            (found,) = hulls_of(fleet, image_id)
            np.testing.assert_allclose(found.centre_xy, (x, y), atol=0.3)
            off = (found.heading_rad - heading + math.pi / 2) % math.pi - math.pi / 2
            assert abs(off) < 0.05
            assert (found.length, found.width) == pytest.approx((length, width), abs=0.7)
            # Of one hand: the short axis is a quarter turn behind the long one.
            np.testing.assert_allclose(found.across, [-found.along[1], found.along[0]])

    def test_the_next_ship_stands_in_for_one_on_a_broken_tile(self, tmp_path, caplog):
        source = write(tmp_path / "own", [ship(*s).drawn(HW) for s in SHIPS])
        for image_id in source.image_ids[1:3]:
            path = source.folder / image_id
            path.write_bytes(path.read_bytes()[:-100])
        with caplog.at_level(logging.WARNING):
            plain = HullsPlain(source, truth_shift_px=0, guesses=1)
            lengths = [float(plain[i].truth[3]) for i in range(4)]
        assert lengths == pytest.approx([50, 40, 40, 40], abs=1)
        assert len(caplog.records) == 2

    def test_only_broken_tiles(self, tmp_path):
        # An empty tile that can be read stands in for them, and holds no ship.
        empty = np.zeros(HW, np.bool_)
        source = write(tmp_path / "own", [ship(*SHIPS[0]).drawn(HW), empty])
        path = source.folder / source.image_ids[0]
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(BadInputError, match="none of the tiles with the 1 ships"):
            hulls(source)[0, 0]


class TestNoHulls:
    def test_a_share_of_the_samples_shows_no_one_hull(self, fleet):
        drawn = [hulls(fleet, wrong_share=0.5)[0, position] for position in range(120)]
        wrong = [sample for sample in drawn if not sample.is_hull]
        assert len(wrong) == pytest.approx(60, abs=20)
        for sample in wrong:
            # There is nothing to be found, so nothing is said of it.
            assert torch.equal(sample.truth, sample.guess)
        fits = [float(sample.fit) for sample in wrong]
        assert np.mean(fits) < 0.5 < np.mean([float(s.fit) for s in drawn if s.is_hull])

    def test_the_fit_is_that_of_the_guess_with_the_ship(self, fleet):
        for position in range(40):
            sample = hulls(fleet)[0, position]
            assert sample.is_hull
            guess, truth = (
                rectangle_at(row[:2].numpy().astype(float), *row[2:].tolist())
                for row in (sample.guess, sample.truth)
            )
            assert float(sample.fit) == pytest.approx(fit_of(guess, [truth]), abs=0.01)

    def test_ships_that_cannot_be_learnt_fit_as_well(self, tmp_path):
        # The second one is cut by the edge.
        masks = ship(*SHIPS[0]).drawn(HW), ship(64, 2, 0.0, 60, 20).drawn(HW)
        source = write(tmp_path / "own", masks)
        edge = rectangle_at(np.array([63.5, 5.5]), 0.0, 60.0, 13.0)
        samples = [
            hulls(source, wrong_share=0.99, mined=[(1, edge)])[0, position]
            for position in range(60)
        ]
        assert max(float(s.fit) for s in samples if not s.is_hull) > 0.9

    def test_what_was_mined_is_shown_where_it_lies(self, tmp_path):
        source = write(tmp_path / "own", [ship(*SHIPS[0]).drawn(HW)])
        there = ship(*SHIPS[0])
        samples = [
            hulls(source, wrong_share=0.99, mined=[(0, there)])[0, position]
            for position in range(60)
        ]
        good = [s for s in samples if float(s.fit) > 0.95]
        assert len(good) > 5
        for sample in good:
            assert iou(bright(sample.image), drawn(sample.guess, sample.guess)) > 0.85

    def test_on_a_broken_tile_the_fit_is_with_the_ships_of_the_next(self, tmp_path):
        empty = np.zeros(HW, np.bool_)
        source = write(tmp_path / "own", [ship(*SHIPS[0]).drawn(HW), empty])
        path = source.folder / source.image_ids[0]
        path.write_bytes(path.read_bytes()[:-100])
        wrong = hulls(source, wrong_share=0.99, mined=[(0, ship(*SHIPS[0]))])
        # The other tile holds nothing; whole hulls there are none to read.
        fits = []
        for position in range(40):
            with contextlib.suppress(BadInputError):
                fits.append(float(wrong[0, position].fit))
        assert len(fits) > 30
        assert max(fits) == 0
