"""JPEG: colours pinned by pixels, truncation caught at every point."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from shipseg.errors import ImageError, ImageTooLargeError
from shipseg.imaging.decode import decode_image, decode_tile


def jpeg(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 255, (10, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((96, 80))


KINDS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "full chroma": {"subsampling": 0},
    "restart markers": {"restart_marker_rows": 1},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_whole_pictures_decode_as_pillow_decodes_them(
    picture: Image.Image, kind: str, mode: str
) -> None:
    options = {} if mode != "RGB" and kind == "full chroma" else KINDS[kind]
    data = jpeg(picture.convert(mode), **options)
    reference = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    difference = np.abs(decode_image(data).rgb.astype(int) - reference)
    assert difference.max() <= 1
    np.testing.assert_array_equal(decode_tile(data, name="t"), decode_image(data).rgb)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", [b"", b"\xff\xd9"], ids=["open", "closed by an end marker"])
def test_a_cut_anywhere_is_an_error(picture: Image.Image, kind: str, end: bytes) -> None:
    # Pillow takes every one of those with an end marker and fills the rest with grey.
    whole = jpeg(picture, **KINDS[kind])
    cuts = {*range(3, len(whole) - 2, 53), *range(len(whole) - 40, len(whole) - 2)}
    # Right before each scan, where a progressive file is lawful for libjpeg.
    cuts |= {at for at in range(len(whole)) if whole[at : at + 2] in (b"\xff\xda", b"\xff\xc4")}
    accepted = []
    for cut in sorted(cuts):
        try:
            decode_image(whole[:cut] + end)
        except ImageError:
            continue
        else:
            accepted.append(cut)
    assert accepted == []


def test_the_error_says_truncated(picture: Image.Image) -> None:
    whole = jpeg(picture)
    with pytest.raises(ImageError, match=r"sea\.jpg: truncated") as caught:
        decode_image(whole[: len(whole) // 2], name="sea.jpg")
    assert (caught.value.http_status, caught.value.exit_code) == (422, 3)


def test_bytes_after_the_end_are_no_harm(picture: Image.Image) -> None:
    data = jpeg(picture)
    np.testing.assert_array_equal(decode_image(data + b"\0" * 99).rgb, decode_image(data).rgb)


def test_a_thumbnail_inside_the_metadata_is_not_taken_for_the_picture(
    picture: Image.Image,
) -> None:
    thumbnail = jpeg(picture.resize((16, 16)), progressive=True)
    data = jpeg(picture, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0" + thumbnail)
    assert decode_image(data).shape_hw == (80, 96)


@pytest.mark.parametrize(
    ("inks", "rgb"),
    [
        ((255, 0, 0, 0), (0, 255, 255)),
        ((0, 255, 0, 0), (255, 0, 255)),
        ((0, 0, 255, 0), (255, 255, 0)),
        ((0, 0, 0, 255), (0, 0, 0)),
        ((0, 0, 0, 0), (255, 255, 255)),
        ((0, 128, 0, 128), (127, 63, 127)),
    ],
)
@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_is_read_inverted(inks: tuple[int, ...], rgb: tuple[int, ...], adobe: bool) -> None:
    data = jpeg(Image.new("CMYK", (16, 16), inks), quality=100)
    if not adobe:
        at = data.index(b"\xff\xee")
        data = data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0] :]
    picture = decode_image(data)
    assert np.abs(picture.rgb.astype(int) - rgb).max() <= 1
    assert "CMYK" in picture.warnings[0]


def test_samples_stored_as_rgb_are_not_taken_for_ycbcr() -> None:
    data = jpeg(Image.new("RGB", (16, 16), (200, 30, 60)), keep_rgb=True, quality=100)
    assert decode_image(data).rgb[0, 0].tolist() == [200, 30, 60]


def test_a_flood_of_scans_is_refused(picture: Image.Image) -> None:
    data = jpeg(picture, progressive=True)
    last = data.rindex(b"\xff\xda")
    flood = data[:-2] + data[last:-2] * 600 + data[-2:]
    with pytest.raises(ImageError, match="more than 500 scans"):
        decode_image(flood)


def test_a_forged_size_is_refused_before_decoding(picture: Image.Image) -> None:
    data = bytearray(jpeg(picture))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 64_000, 64_000)
    with pytest.raises(ImageTooLargeError, match="64,000 × 64,000"):
        decode_image(bytes(data))
    with pytest.raises(ImageTooLargeError, match="64,000 × 64,000"):
        decode_tile(bytes(data), name="t")
