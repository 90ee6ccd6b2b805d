"""PNG: every row is there or it is an error; bombs are refused by their header."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from shipseg.errors import ImageError, ImageTooLargeError, UnsupportedImageError
from shipseg.imaging.decode import decode_image

# rasterio says of each picture without a position that it has none.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int,
    height: int,
    rows: bytes,
    *,
    bits: int = 8,
    colour_type: int = 2,
    interlace: int = 0,
    before: bytes = b"",
    pieces: int = 1,
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlace)
    packed = zlib.compress(rows)
    step = -(-len(packed) // pieces)
    data = b"".join(chunk(b"IDAT", packed[i : i + step]) for i in range(0, len(packed), step))
    return SIGNATURE + chunk(b"IHDR", header) + before + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [12_000, 65_535, 2**31 - 1])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    data = png(side, side, bytes(4096), pieces=2)
    tracemalloc.start()
    with pytest.raises(ImageTooLargeError, match=f"{side:,} × {side:,} px.*limit") as caught:
        decode_image(data)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    assert caught.value.http_status == 413


def test_data_that_inflate_past_the_picture_are_not_kept() -> None:
    data = png(4, 4, bytes(4 * 13) + bytes(60_000_000))
    tracemalloc.start()
    assert decode_image(data).shape_hw == (4, 4)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(("width", "height"), [(0, 0), (0, 5), (5, 0)])
def test_a_picture_without_pixels_is_refused(width: int, height: int) -> None:
    with pytest.raises(UnsupportedImageError, match=f"{width} × {height} px.*from 1 to 65,000"):
        decode_image(png(width, height, b""))


SHAPES = [
    pytest.param(bits, colour_type, interlace, id=f"type {colour_type}, {bits} bits, {word}")
    for colour_type, depths in {0: (1, 4, 8, 16), 2: (8, 16), 3: (1, 8), 4: (8,), 6: (16,)}.items()
    for bits in depths
    for interlace, word in ((0, "plain"), (1, "interlaced"))
]
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def rows_of(width: int, height: int, pixel_bits: int, interlace: int) -> bytes:
    """Zero rows, counted another way than the code does: pixel by pixel from Adam7's pattern."""
    if not interlace:
        return bytes(height * (1 + -(-width * pixel_bits // 8)))
    pattern = [
        "16462646",
        "77777777",
        "56565656",
        "77777777",
        "36463646",
        "77777777",
        "56565656",
        "77777777",
    ]
    total = 0
    for number in "1234567":
        for y in range(height):
            columns = sum(pattern[y % 8][x % 8] == number for x in range(width))
            total += 1 + -(-columns * pixel_bits // 8) if columns else 0
    return bytes(total)


@pytest.mark.parametrize(("bits", "colour_type", "interlace"), SHAPES)
@pytest.mark.parametrize(("width", "height"), [(13, 9), (1, 1), (3, 5), (8, 8)])
def test_missing_rows_with_valid_checksums_are_an_error(
    bits: int, colour_type: int, interlace: int, width: int, height: int
) -> None:
    palette = chunk(b"PLTE", bytes(6)) if colour_type == 3 else b""
    rows = rows_of(width, height, bits * SAMPLES[colour_type], interlace)
    kinds = {"bits": bits, "colour_type": colour_type, "interlace": interlace, "before": palette}
    assert decode_image(png(width, height, rows, **kinds)).shape_hw == (height, width)
    with pytest.raises(ImageError, match=f"truncated.*inflate to {len(rows) - 1:,} bytes"):
        decode_image(png(width, height, rows[:-1], **kinds))


@pytest.mark.parametrize("interlace", [0, 1])
def test_a_stream_cut_and_closed_again_is_an_error(interlace: int) -> None:
    # Pillow shows the missing rows as black sea.
    noise = np.random.default_rng(0).integers(0, 255, 64 * (64 * 3 + 1) + 2000, dtype=np.uint8)
    packed = zlib.compress(noise.tobytes())
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, interlace))
    for cut in (1, len(packed) // 3, len(packed) // 2):
        data = SIGNATURE + header + chunk(b"IDAT", packed[:cut]) + chunk(b"IEND", b"")
        with pytest.raises(ImageError, match="truncated"):
            decode_image(data)


def test_a_cut_anywhere_is_an_error() -> None:
    whole = png(4, 4, bytes(4 * 13), pieces=3)
    for cut in range(8, len(whole)):
        with pytest.raises(ImageError):
            decode_image(whole[:cut])


def test_a_wrong_checksum_of_the_image_data_is_an_error() -> None:
    # Pillow does not look at the checksum of image data.
    data = bytearray(png(4, 4, bytes(4 * 13)))
    data[-14] ^= 1
    with pytest.raises(ImageError, match="checksum"):
        decode_image(bytes(data))


def test_many_pieces_of_image_data_are_one_stream() -> None:
    buffer = io.BytesIO()
    image = Image.effect_noise((50, 40), 90).convert("RGB")
    image.save(buffer, "PNG")
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(image))
    for data in (buffer.getvalue(), png(50, 40, rows, pieces=17)):
        np.testing.assert_array_equal(decode_image(data).rgb, np.asarray(image))


def test_a_colour_type_outside_the_specification_is_refused() -> None:
    with pytest.raises(UnsupportedImageError, match="colour type 3 and 16 bits"):
        decode_image(png(1, 1, b"\0\0\0", bits=16, colour_type=3))
    with pytest.raises(UnsupportedImageError, match="colour type 5"):
        decode_image(png(1, 1, b"\0\0\0", colour_type=5))


def test_a_palette_picture_without_palette_is_refused() -> None:
    with pytest.raises(ImageError, match="without a palette"):
        decode_image(png(1, 1, b"\0\0", colour_type=3))


@pytest.mark.parametrize(
    ("bits", "row", "key", "grey", "valid"),
    [
        (1, 0b0110_0000, 1, [0, 0, 0, 0], [True, False, False, True]),
        (2, 0b0001_1011, 3, [0, 85, 170, 0], [True, True, True, False]),
        (2, 0b0001_1011, 1, [0, 0, 170, 255], [True, False, True, True]),
    ],
)
def test_a_grey_colour_key_of_few_bits_is_nodata(
    bits: int, row: int, key: int, grey: list[int], valid: list[bool]
) -> None:
    # Pillow compares the key with samples that it has widened already, and misses it.
    before = chunk(b"tRNS", struct.pack(">H", key))
    picture = decode_image(png(4, 1, bytes([0, row]), bits=bits, colour_type=0, before=before))
    assert picture.rgb[0, :, 0].tolist() == grey
    assert picture.valid is not None
    assert picture.valid[0].tolist() == valid


def test_an_rgb_colour_key_is_nodata() -> None:
    before = chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))
    picture = decode_image(png(2, 1, bytes([0, 1, 2, 3, 1, 2, 4]), before=before))
    assert picture.rgb.tolist() == [[[0, 0, 0], [1, 2, 4]]]
    assert picture.valid is not None
    assert picture.valid.tolist() == [[False, True]]


def test_transparent_palette_entries_are_nodata() -> None:
    before = chunk(b"PLTE", bytes([9, 8, 7, 50, 60, 70, 1, 2, 3])) + chunk(b"tRNS", b"\0\x80")
    picture = decode_image(png(3, 1, bytes([0, 0, 1, 2]), colour_type=3, before=before))
    assert picture.rgb.tolist() == [[[0, 0, 0], [50, 60, 70], [1, 2, 3]]]
    assert picture.valid is not None
    assert picture.valid.tolist() == [[False, True, True]]


@pytest.mark.parametrize("colour_type", [0, 2, 4, 6])
def test_16_bits_are_stretched_not_clipped(colour_type: int) -> None:
    ramp = np.arange(1000, 1000 + 64 * 64, dtype=">u2").reshape(64, 64, 1)
    samples = np.repeat(ramp, SAMPLES[colour_type], axis=2)
    if colour_type in (4, 6):
        samples[..., -1] = 7  # Less than one step of 8 bits, and yet not transparent.
        samples[0, :, -1] = 0
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    picture = decode_image(png(64, 64, rows, bits=16, colour_type=colour_type))
    grey = picture.rgb[1:, :, 0].reshape(-1).astype(int)
    assert (np.diff(grey) >= 0).all()
    # The range is as wide as the median, 3,050, and begins near 1,080: 4,095 values, 0 to 255.
    assert (grey.min(), grey.max()) == (0, 255)
    assert len(np.unique(grey)) == 256
    assert "stretched" in picture.warnings[0]
    if colour_type in (4, 6):
        assert picture.valid is not None
        assert not picture.valid[0].any()
        assert picture.valid[1:].all()


def test_a_16_bit_colour_key_is_nodata() -> None:
    before = chunk(b"tRNS", struct.pack(">H", 258))
    rows = b"\0" + struct.pack(">4H", 258, 259, 258, 300)
    picture = decode_image(png(4, 1, rows, bits=16, colour_type=0, before=before))
    assert picture.valid is not None
    assert picture.valid[0].tolist() == [False, True, False, True]
