"""The door for image bytes: one test per row of hostile input, all of it made in memory."""

import contextlib
import io
import os
import random
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from shipseg.errors import ImageError, ImageTooLargeError, UnsupportedImageError, UsageError
from shipseg.imaging.decode import Limits, Picture, decode_image, decode_tile, read_image

# rasterio says of each picture without a position that it has none.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def encode(image: Image.Image, fmt: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def colours(height: int = 24, width: int = 40) -> np.ndarray:
    """A smooth picture in which every corner has a colour of its own."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack(
        [x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), (x + y) % 256], axis=2
    ).astype(np.uint8)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html></html>", "an HTML page"),
        (b"\xef\xbb\xbf\n <html>", "an HTML page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"<svg onload='alert(1)'/>", "an SVG drawing"),
        (b"<VRTDataset rasterXSize='1' rasterYSize='1'/>", "a GDAL virtual raster"),
        (b"<GDAL_WMS></GDAL_WMS>", "an XML or HTML document"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "an EPS or PostScript document"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"\0\0\0\x18ftypavif", "an AVIF, HEIC or MP4 file"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000"),
        (b"BM, as this text begins, is no bitmap", "bytes of an unknown format"),
        (b"\xff\xd8", "bytes of an unknown format"),
    ],
)
def test_foreign_bytes_are_named(data: bytes, found: str) -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        decode_image(data, name="a.jpg")
    assert caught.value.message.startswith(f"a.jpg: found {found}")
    assert "JPEG, PNG, TIFF, WebP or BMP" in caught.value.message
    assert (caught.value.http_status, caught.value.exit_code) == (415, 3)


def test_a_gif_named_jpg_is_refused() -> None:
    with pytest.raises(UnsupportedImageError, match=r"photo\.jpg: found a GIF"):
        decode_image(encode(Image.new("P", (4, 4)), "GIF"), name="photo.jpg")


def test_the_name_in_a_message_is_printable_and_short() -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        decode_image(b"", name="\x1b[2J\u202egpj.\n" + "x" * 300)
    message = caught.value.message
    assert message.isprintable()
    assert message.startswith("?[2J?gpj.?")
    assert len(message) < 220


def test_the_cap_on_bytes_comes_before_anything_else() -> None:
    with pytest.raises(ImageTooLargeError, match="11 bytes; the limit is 10 bytes"):
        decode_image(b"<!doctype h", limits=Limits(max_bytes=10))


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_caps_on_pixels_and_sides_hold_for_every_format(fmt: str) -> None:
    data = encode(Image.fromarray(colours(20, 30)), fmt)
    with pytest.raises(ImageTooLargeError, match=r"30 × 20 px .* 600 pixels; the limit is 599"):
        decode_image(data, limits=Limits(max_pixels=599))
    with pytest.raises(ImageTooLargeError, match=r"30 × 20 px .* side is 29 px"):
        decode_image(data, limits=Limits(max_side_px=29))
    assert decode_image(data, limits=Limits(max_pixels=600, max_side_px=30)).shape_hw == (20, 30)


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 60_000), (60_000, 1), (767, 769)])
@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "BMP", "TIFF"])
def test_odd_sizes_are_pictures(fmt: str, shape_hw: tuple[int, int]) -> None:
    picture = decode_image(encode(Image.fromarray(colours(*shape_hw)), fmt))
    assert picture.rgb.shape == (*shape_hw, 3)
    assert picture.rgb.flags.c_contiguous


@pytest.mark.parametrize("fmt", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
def test_lossless_pixels_come_back(fmt: str, mode: str) -> None:
    image = Image.fromarray(colours()).convert(mode)
    picture = decode_image(encode(image, fmt))
    np.testing.assert_array_equal(picture.rgb, np.asarray(image.convert("RGB")))
    assert (picture.valid, picture.warnings) == (None, ())


@pytest.mark.parametrize("fmt", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_hidden_colour_under_alpha_0_is_black_and_not_valid(fmt: str, mode: str) -> None:
    pixels = np.full((6, 8, 4), 200, np.uint8)
    pixels[..., 3] = 255
    pixels[1, 2, 3] = 0
    pixels[3, 4, 3] = 1
    image = Image.fromarray(pixels).convert(mode)
    exact = {"lossless": True, "exact": True} if fmt == "WEBP" else {}
    picture = decode_image(encode(image, fmt, **exact))
    assert picture.valid is not None
    assert np.argwhere(~picture.valid).tolist() == [[1, 2]]
    assert picture.rgb[1, 2].tolist() == [0, 0, 0]
    # Any other alpha leaves the colour alone.
    assert picture.rgb[3, 4].tolist() == [200, 200, 200]


@pytest.mark.parametrize("fmt", ["PNG", "WEBP"])
def test_of_an_animation_the_first_picture_is_read_with_a_warning(fmt: str) -> None:
    first, second = Image.new("RGB", (8, 8), (200, 10, 10)), Image.new("RGB", (8, 8), (0, 0, 250))
    data = encode(first, fmt, save_all=True, append_images=[second], lossless=True)
    picture = decode_image(data)
    assert picture.rgb[0, 0].tolist() == [200, 10, 10]
    assert "animated" in picture.warnings[0]


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied_exactly_once(fmt: str, orientation: int) -> None:
    alpha = fmt in ("PNG", "WEBP")
    pixels = colours()
    if alpha:
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
        pixels[:3, :5, 3] = 0
    exif = Image.Exif()
    exif[274] = orientation
    options: dict[str, object] = {"exif": exif}
    if fmt == "WEBP":
        options |= {"lossless": True, "exact": True}
    data = encode(Image.fromarray(pixels), fmt, **options)
    reference = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA"))
    reference[reference[..., 3] == 0, :3] = 0

    picture = decode_image(data)
    np.testing.assert_array_equal(picture.rgb, reference[..., :3])
    if alpha:
        np.testing.assert_array_equal(picture.valid, reference[..., 3] > 0)
    assert picture.rgb.flags.c_contiguous
    assert decode_tile(data, name="tile").shape == (24, 40, 3)


def test_a_damaged_exif_block_is_ignored() -> None:
    data = encode(Image.fromarray(colours()), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\x01")
    assert decode_image(data).shape_hw == (24, 40)


@pytest.mark.parametrize("lossless", [True, False])
def test_a_truncated_webp_is_refused_even_with_its_lengths_mended(lossless: bool) -> None:
    whole = encode(Image.fromarray(colours(64, 64)), "WEBP", lossless=lossless)
    for cut in range(12, len(whole) - 1, 5):
        data = bytearray(whole[: cut & ~1])
        with pytest.raises(ImageError):
            decode_image(bytes(data))
        data[4:8] = struct.pack("<I", len(data) - 8)
        data[16:20] = struct.pack("<I", max(0, len(data) - 20))
        with pytest.raises(ImageError):
            decode_image(bytes(data))


def test_a_huge_webp_is_refused_before_libwebp_allocates_it() -> None:
    side = (16_384 - 1).to_bytes(3, "little")
    data = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + side + side
    with pytest.raises(ImageTooLargeError, match="16,384 × 16,384"):
        decode_image(data)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_truncated_bmp_is_refused(mode: str) -> None:
    whole = encode(Image.fromarray(colours()).convert(mode), "BMP")
    for cut in range(18, len(whole), 97):
        with pytest.raises(ImageError):
            decode_image(whole[:cut])


def test_a_run_length_bmp_is_refused() -> None:
    rows = bytes([4, 7, 0, 0]) * 4 + bytes([0, 1])
    palette = bytes(range(256)) * 4
    info = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 8, 1, len(rows), 0, 0, 256, 0)
    start = 14 + len(info) + len(palette)
    head = b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start)
    with pytest.raises(UnsupportedImageError, match="run-length"):
        decode_image(head + info + palette + rows)


def test_decode_tile_names_the_tile() -> None:
    with pytest.raises(ImageError, match=r"6384c3e78\.jpg: truncated"):
        decode_tile(encode(Image.fromarray(colours()), "JPEG")[:-30], name="6384c3e78.jpg")


def test_decode_tile_takes_png_too() -> None:
    tile = decode_tile(encode(Image.fromarray(colours()), "PNG"), name="tile")
    np.testing.assert_array_equal(tile, colours())


def test_read_image_names_the_file(tmp_path) -> None:
    path = tmp_path / "harbour.png"
    path.write_bytes(encode(Image.fromarray(colours()), "PNG"))
    np.testing.assert_array_equal(read_image(path).rgb, colours())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImageError, match=r"harbour\.png: truncated"):
        read_image(str(path))
    with pytest.raises(ImageTooLargeError, match=r"harbour\.png: .* limit is 5 bytes"):
        read_image(path, limits=Limits(max_bytes=5))


@pytest.mark.parametrize("name", ["missing.png", "", "\0.png", "x" * 300, "pipe"])
def test_paths_that_are_no_files_are_usage_errors(tmp_path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError):
        read_image(f"{tmp_path}/{name}")


def test_fuzzed_files_give_a_picture_or_an_image_error() -> None:
    source = random.Random(7)
    image = Image.fromarray(colours())
    seeds = [encode(image, fmt) for fmt in ("JPEG", "PNG", "BMP", "WEBP", "TIFF")]
    seeds.append(encode(image, "JPEG", progressive=True))
    seeds.append(encode(image.convert("P"), "PNG", transparency=3))
    for seed in seeds:
        for _ in range(60):
            data = bytearray(seed)
            for _ in range(source.randint(1, 6)):
                data[source.randrange(len(data))] = source.randrange(256)
            del data[len(data) - source.choice([0, 0, source.randrange(len(data))]) :]
            # Anything else than an ImageError ends the test.
            with contextlib.suppress(ImageError):
                picture = decode_image(bytes(data), limits=Limits(max_pixels=1_000_000))
                assert isinstance(picture, Picture)


def test_a_picture_says_which_shape_was_expected() -> None:
    with pytest.raises(ImageError, match=r"must be \(H, W, 3\) uint8, but is \(3, 4\) float32"):
        Picture(np.zeros((3, 4), np.float32))
    with pytest.raises(ImageError, match=r"valid must be \(3, 4\) bool, but is \(4, 3\) bool"):
        Picture(np.zeros((3, 4, 3), np.uint8), np.ones((4, 3), bool))


def test_decoding_a_jpeg_imports_neither_torch_nor_gdal() -> None:
    code = (
        "import sys; from shipseg.imaging.decode import decode_image; "
        "sys.stdout.write(','.join({'torch', 'rasterio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
