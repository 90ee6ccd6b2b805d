"""The codec against mask arithmetic, against a slow reference, and against pycocotools."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from shipseg.errors import RleError, UsageError
from shipseg.rle import (
    Runs,
    area,
    box,
    check_runs,
    crop,
    decode_rle,
    encode_rle,
    format_rle,
    iou,
    mask_to_runs,
    merge_touching,
    overlap_area,
    parse_rle,
    runs_to_mask,
    union,
)

Mask = npt.NDArray[np.bool_]

shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
masks = shapes.flatmap(lambda shape: hnp.arrays(np.bool_, shape))
mask_pairs = shapes.flatmap(
    lambda shape: st.tuples(hnp.arrays(np.bool_, shape), hnp.arrays(np.bool_, shape))
)


def slow_decode(text: str, shape_hw: tuple[int, int]) -> Mask:
    """Paint one pixel after the other, as the challenge's page puts it in words."""
    height, width = shape_hw
    mask = np.zeros((height, width), bool)
    numbers = [int(token) for token in text.split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        for pixel in range(start, start + length):
            column, row = divmod(pixel - 1, height)
            mask[row, column] = True
    return mask


def coco_of(runs: Runs, shape_hw: tuple[int, int]) -> Any:
    """Write runs as COCO's uncompressed counts: gap, run, gap, ..., column-major as well."""
    counts, at = [], 0
    for start, length in runs.tolist():
        counts += [start - at, length]
        at = start + length
    counts.append(shape_hw[0] * shape_hw[1] - at)
    return coco.frPyObjects({"size": list(shape_hw), "counts": counts}, *shape_hw)


@given(masks)
def test_encoding_and_decoding_return_the_same_mask(mask: Mask) -> None:
    text = encode_rle(mask)
    assert np.array_equal(decode_rle(text, mask.shape), mask)
    assert np.array_equal(slow_decode(text, mask.shape), mask)
    assert np.array_equal(decode_rle(mask_to_runs(mask), mask.shape), mask)


@given(masks)
def test_text_is_canonical(mask: Mask) -> None:
    runs = mask_to_runs(mask)
    assert runs.dtype == np.int64
    assert (runs[:, 1] >= 1).all()
    assert (runs[1:, 0] > runs[:-1].sum(axis=1)).all()  # sorted, disjoint, and none touch
    assert np.array_equal(parse_rle(format_rle(runs), mask.shape), runs)


@given(masks)
def test_pycocotools_sees_the_same_mask(mask: Mask) -> None:
    runs = mask_to_runs(mask)
    theirs = coco_of(runs, mask.shape)
    assert np.array_equal(coco.decode(theirs).astype(bool), mask)
    assert coco.area(theirs) == area(runs)
    if len(runs):
        x0, y0, x1, y1 = box(runs, mask.shape[0])
        assert coco.toBbox(theirs).tolist() == [x0, y0, x1 - x0, y1 - y0]


@given(mask_pairs)
def test_pycocotools_finds_the_same_iou(pair: tuple[Mask, Mask]) -> None:
    runs = [mask_to_runs(mask) for mask in pair]
    if not all(map(len, runs)):
        return  # undefined there
    a, b = (coco_of(one, pair[0].shape) for one in runs)
    assert iou(*runs) == pytest.approx(coco.iou([a], [b], [0])[0, 0], abs=1e-12)


@given(masks)
def test_area_and_box_equal_those_of_the_mask(mask: Mask) -> None:
    runs = mask_to_runs(mask)
    assert area(runs) == mask.sum()
    rows, columns = np.nonzero(mask)
    expected = None
    if len(rows):
        expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert box(runs, mask.shape[0]) == expected


@given(mask_pairs)
def test_set_arithmetic_equals_that_of_masks(pair: tuple[Mask, Mask]) -> None:
    one, other = pair
    a, b = mask_to_runs(one), mask_to_runs(other)
    assert np.array_equal(union([a, b]), mask_to_runs(one | other))
    assert overlap_area(a, b) == (one & other).sum()
    together = (one | other).sum()
    assert iou(a, b) == ((one & other).sum() / together if together else 0.0)


@given(st.data(), masks)
def test_crop_equals_slicing(data: st.DataObject, mask: Mask) -> None:
    height, width = mask.shape
    x0, x1 = sorted(data.draw(st.tuples(*[st.integers(0, width)] * 2)))
    y0, y1 = sorted(data.draw(st.tuples(*[st.integers(0, height)] * 2)))
    window = crop(mask_to_runs(mask), mask.shape, (x0, y0, x1, y1))
    assert window.shape == (y1 - y0, x1 - x0)
    assert np.array_equal(window, mask[y0:y1, x0:x1])


@given(st.data(), masks)
def test_crop_paints_nothing_over_the_edges(data: st.DataObject, mask: Mask) -> None:
    x0, y0, x1, y1 = (data.draw(st.integers(-4, 14)) for _ in range(4))
    (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
    padded = np.pad(mask, 20)[y0 + 20 : y1 + 20, x0 + 20 : x1 + 20]
    assert np.array_equal(crop(mask_to_runs(mask), mask.shape, (x0, y0, x1, y1)), padded)


def test_crop_makes_no_whole_mask() -> None:
    # The whole mask would have 10¹² pixels.
    side = 1_000_000
    runs = np.array([[5 * side + 7, 2], [6 * side, side]])
    window = crop(runs, (side, side), (4, 6, 7, 9))
    assert window.astype(int).tolist() == [[0, 0, 1], [0, 1, 1], [0, 1, 1]]


def test_crop_refuses_a_window_of_negative_size() -> None:
    with pytest.raises(UsageError, match="negative side"):
        crop(np.zeros((0, 2), np.int64), (4, 4), (3, 0, 1, 2))


def test_pixels_are_counted_from_one_down_the_columns() -> None:
    mask = np.zeros((768, 768), bool)
    mask[0, 0] = mask[767, 0] = mask[5, 1] = True
    assert encode_rle(mask) == "1 1 768 1 774 1"
    mask[:] = True
    assert encode_rle(mask) == "1 589824"
    assert box(mask_to_runs(mask), 768) == (0, 0, 768, 768)


@pytest.mark.parametrize("blank", ["", " ", "\t \r\n"])
def test_blank_text_is_the_empty_mask(blank: str) -> None:
    runs = parse_rle(blank)
    assert runs.shape == (0, 2)
    assert runs.dtype == np.int64
    assert not decode_rle(blank).any()
    assert format_rle(runs) == ""
    assert box(runs, 768) is None
    assert area(runs) == 0


def test_an_empty_mask_overlaps_nothing() -> None:
    nothing, ship = np.zeros((0, 2), np.int64), np.array([[3, 2]])
    assert union([]).shape == union([nothing, nothing]).shape == (0, 2)
    assert overlap_area(nothing, ship) == 0
    assert iou(nothing, nothing) == iou(nothing, ship) == 0.0


def test_touching_runs_are_merged() -> None:
    assert parse_rle("1 3 4 2 6 1 9 1").tolist() == [[0, 6], [8, 1]]
    assert merge_touching(np.array([[0, 3], [3, 2], [7, 1]])).tolist() == [[0, 5], [7, 1]]


def test_ascii_white_space_separates_tokens() -> None:
    assert parse_rle(" 1  3\t10\r\n2 ").tolist() == [[0, 3], [9, 2]]


def test_a_run_may_end_on_the_last_pixel() -> None:
    assert parse_rle("589824 1").tolist() == [[589823, 1]]
    assert parse_rle("5 2", (2, 3)).tolist() == [[4, 2]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 3 7", r"token 3 \('7'\) is a start without a length"),
        ("1 1.5", r"token 2 is '1\.5', expected a whole number"),
        ("1e3 2", "token 1 is '1e3'"),
        ("nan", "token 1 is 'nan'"),
        ("1 2 NaN NaN", "token 3 is 'NaN'"),
        ("-1 2", "token 1 is '-1'"),
        ("+1 2", r"token 1 is '\+1'"),
        ("0x1 2", "token 1 is '0x1'"),
        ("1_0 2", "token 1 is '1_0'"),
        ("１ 2", "token 1 is '１'"),
        ("²  2", "token 1 is '²'"),
        ("1\u00a02", r"token 1 is '1\\xa02'"),
        ("1,2", "token 1 is '1,2'"),
        ("=cmd()", r"token 1 is '=cmd\(\)'"),
        ("1 2\x00", r"token 2 is '2\\x00'"),
        ("1 \x1b[31m", r"token 2 is '\\x1b\[31m'"),
        ("1 \ud800", r"token 2 is '\\ud800'"),
        ("0 3", r"run 1 \('0 3', tokens 1 and 2\) starts at pixel 0, expected a start ≥ 1"),
        ("1 3 9 0", r"run 2 \('9 0', tokens 3 and 4\) has the length 0"),
        ("589824 2", r"run 1 .* ends past the last pixel, 589824, of a 768 × 768 mask"),
        ("589825 1", "run 1 .* ends past the last pixel"),
        ("9223372036854775807 1", "ends past the last pixel"),
        ("9223372036854775808 1", "ends past the last pixel"),
        ("1 9223372036854775807", "ends past the last pixel"),
        ("5 1 18446744073709551617 1", "run 2 .* ends past the last pixel"),
        ("9" * 5000 + " 1", "run 1 .* ends past the last pixel"),
        ("1 2 " + "x" * 5000, "token 3 is 'x{24}…'"),
        ("5 2 3 1", r"run 2 \('3 1'.*starts before run 1, which starts at pixel 5"),
        ("5 2 6 1", r"run 2 \('6 1'.*overlaps run 1, which ends at pixel 6"),
        ("5 2 5 2", "run 2 .*overlaps run 1"),
    ],
)
def test_a_fault_is_named_with_its_token(text: str, said: str) -> None:
    with pytest.raises(RleError, match=said) as caught:
        parse_rle(text)
    assert len(caught.value.message) < 250
    assert caught.value.exit_code == 3


@given(st.text(st.sampled_from("0123456789 -.e\t"), max_size=12))
def test_any_text_is_either_refused_or_decoded_as_the_reference_does(text: str) -> None:
    try:
        runs = parse_rle(text, (5, 4))
    except RleError:
        return
    assert np.array_equal(runs_to_mask(runs, (5, 4)), slow_decode(text, (5, 4)))


@given(st.lists(st.tuples(st.integers(-1, 22), st.integers(-1, 8)), max_size=4))
def test_exactly_the_wrong_runs_are_refused(pairs: list[tuple[int, int]]) -> None:
    pixels = [pixel for start, length in pairs for pixel in range(start, start + length)]
    right = (
        all(length >= 1 for _, length in pairs)
        and pixels == sorted(set(pixels))
        and all(1 <= pixel <= 20 for pixel in pixels)
    )
    text = " ".join(f"{start} {length}" for start, length in pairs)
    try:
        parse_rle(text, (5, 4))
    except RleError:
        assert not right
    else:
        assert right


@pytest.mark.parametrize("mask", [[[0, 2]], [[0.5]], [[np.nan]], [[255]], [[-1]]])
def test_a_mask_with_other_values_than_0_and_1_is_refused(mask: object) -> None:
    with pytest.raises(RleError, match="expected only 0 and 1"):
        encode_rle(mask)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_zeros_and_ones_of_any_dtype_are_a_mask(dtype: type) -> None:
    assert encode_rle(np.array([[0, 1], [1, 1]], dtype)) == "2 3"


def test_a_mask_of_another_rank_is_refused_with_its_shape() -> None:
    with pytest.raises(RleError, match=r"shape \(1, 2, 2\), expected \(H, W\)"):
        encode_rle(np.zeros((1, 2, 2), bool))


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (np.zeros((2, 3), np.int64), r"shape \(2, 3\) and dtype int64, expected \(n, 2\)"),
        (np.zeros((2, 2)), "dtype float64"),
        (np.array([[-1, 2]]), "starts at pixel 0"),
        (np.array([[3, 0]]), "length 0"),
        (np.array([[19, 2]]), "past the last pixel, 20, of a 5 × 4 mask"),
        (np.array([[4, 2], [5, 1]]), "run 2 .* overlaps run 1"),
    ],
)
def test_wrong_runs_make_no_mask(runs: Runs, said: str) -> None:
    for use in (check_runs, runs_to_mask, lambda a, b: crop(a, b, (0, 0, 1, 1))):
        with pytest.raises(RleError, match=said):
            use(runs, (5, 4))


def test_masks_are_ready_for_libraries_that_want_rows_first() -> None:
    runs = np.array([[2, 9]])
    assert runs_to_mask(runs, (5, 4)).flags.c_contiguous
    assert crop(runs, (5, 4), (1, 1, 3, 4)).flags.c_contiguous
