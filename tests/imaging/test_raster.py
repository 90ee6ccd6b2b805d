"""Rasters through GDAL, all made in memory: colours, depth, nodata, and what is refused."""

import io
import os
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from shipseg.errors import ImageError, ImageTooLargeError, UnsupportedImageError, UsageError
from shipseg.imaging.decode import decode_image, read_image
from shipseg.imaging.gdal import rasterio
from shipseg.imaging.limits import Limits
from shipseg.imaging.raster import read_raster_picture

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ColorInterp = rasterio.enums.ColorInterp


def geotiff(bands: np.ndarray | None = None, *, interpretation: str = "", **profile) -> bytes:
    """A GeoTIFF with (C, H, W) `bands`, or with nothing written at all."""
    if bands is not None:
        count, height, width = bands.shape
        profile |= {"count": count, "height": height, "width": width, "dtype": bands.dtype}
    with rasterio.io.MemoryFile() as memory:
        with memory.open(driver="GTiff", **profile) as dataset:
            if interpretation:
                dataset.colorinterp = [ColorInterp[word] for word in interpretation.split()]
            if bands is not None:
                dataset.write(bands)
        return bytes(memory.read())


def ramp(count: int = 3, dtype: str = "uint8", height: int = 12, width: int = 20) -> np.ndarray:
    values = np.arange(count * height * width).reshape(count, height, width)
    return (values % 251).astype(dtype)


def pillow_tiff(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", **options)
    return buffer.getvalue()


def bare_tiff(
    samples: bytes, width: int, *, photometric: int, bits: int, spp: int = 1, orientation: int = 1
) -> bytes:
    """One row, written tag by tag, for colour models that no library writes."""
    tags = {256: width, 257: 1, 258: bits, 259: 1, 262: photometric, 273: 0, 274: orientation}
    tags |= {277: spp, 278: 1, 279: len(samples)}
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + samples


# Colours


def test_rgb_of_8_bits_is_taken_straight() -> None:
    bands = ramp()
    picture = read_raster_picture(geotiff(bands))
    np.testing.assert_array_equal(picture.rgb, bands.transpose(1, 2, 0))
    assert (picture.valid, picture.warnings) == (None, ())


def test_bands_are_chosen_by_their_colour_interpretation() -> None:
    bands = ramp(5)
    words = "undefined blue green red alpha"
    bands[4] = 255
    picture = read_raster_picture(geotiff(bands, interpretation=words, photometric="minisblack"))
    np.testing.assert_array_equal(picture.rgb, bands[[3, 2, 1]].transpose(1, 2, 0))
    assert picture.warnings == ()


def test_without_interpretation_the_first_three_bands_are_shown_with_a_warning() -> None:
    bands = ramp(5)
    picture = read_raster_picture(geotiff(bands, photometric="minisblack"))
    np.testing.assert_array_equal(picture.rgb, bands[:3].transpose(1, 2, 0))
    assert "of 5, bands 1, 2 and 3 are shown" in picture.warnings[0]


@pytest.mark.parametrize("count", [1, 2])
def test_one_band_is_grey(count: int) -> None:
    bands = ramp(count)
    picture = read_raster_picture(geotiff(bands, photometric="minisblack"))
    for channel in range(3):
        np.testing.assert_array_equal(picture.rgb[..., channel], bands[0])
    assert len(picture.warnings) == count - 1


@pytest.mark.parametrize(
    ("inks", "rgb"),
    [((255, 0, 0, 0), (0, 255, 255)), ((0, 0, 255, 0), (255, 255, 0)), ((0, 0, 0, 255), (0, 0, 0))],
)
def test_cmyk(inks: tuple[int, ...], rgb: tuple[int, ...]) -> None:
    picture = decode_image(pillow_tiff(Image.new("CMYK", (4, 4), inks)))
    assert picture.rgb[2, 2].tolist() == list(rgb)


@pytest.mark.parametrize(
    "lab", [(0, 128, 128), (255, 128, 128), (128, 128, 128), (136, 208, 195), (82, 168, 100)]
)
def test_lab_is_near_what_a_colour_engine_makes_of_it(lab: tuple[int, int, int]) -> None:
    image = Image.new("LAB", (4, 4), lab)
    to_srgb = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    expected = np.asarray(ImageCms.applyTransform(image, to_srgb))[0, 0].astype(int)
    picture = decode_image(pillow_tiff(image))
    # libtiff does not adapt the white point, so white is yellowish: 222 for blue.
    assert np.abs(picture.rgb[0, 0] - expected).max() <= 33
    assert "CIE LAB" in picture.warnings[0]


def test_ycbcr_and_jpeg_compression() -> None:
    image = Image.new("RGB", (32, 32), (200, 60, 30))
    for data in (pillow_tiff(image.convert("YCbCr")), pillow_tiff(image, compression="jpeg")):
        assert np.abs(decode_image(data).rgb[5, 5].astype(int) - (200, 60, 30)).max() <= 3


def test_palette() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 200, 100, 50, 1, 2, 3])
    image.putdata([1, 0, 2])
    assert decode_image(pillow_tiff(image)).rgb.tolist() == [
        [[200, 100, 50], [10, 20, 30], [1, 2, 3]]
    ]


@pytest.mark.parametrize(
    ("photometric", "bits", "samples", "grey"),
    [
        (1, 1, b"\x50", [0, 255, 0, 255]),
        (0, 1, b"\x50", [255, 0, 255, 0]),
        (1, 4, b"\x0f\x5a", [0, 255, 85, 170]),
        (1, 8, b"\0\x0a\xc8\xff", [0, 10, 200, 255]),
        (0, 8, b"\0\x0a\xc8\xff", [255, 245, 55, 0]),
    ],
)
def test_few_bits_and_inverted_grey(
    photometric: int, bits: int, samples: bytes, grey: list[int]
) -> None:
    picture = decode_image(bare_tiff(samples, 4, photometric=photometric, bits=bits))
    assert picture.rgb[0, :, 1].tolist() == grey


def test_inverted_grey_of_16_bits() -> None:
    straight = ramp(1, "uint16")
    inverted = read_raster_picture(geotiff(straight, photometric="miniswhite"))
    plain = read_raster_picture(geotiff(straight, photometric="minisblack"))
    np.testing.assert_array_equal(inverted.rgb, 255 - plain.rgb)


@pytest.mark.parametrize(
    ("photometric", "model"), [("cmyk", "CMYK"), ("cielab", "CIE LAB"), ("icclab", "ICC LAB")]
)
def test_colour_models_of_16_bits_are_refused(photometric: str, model: str) -> None:
    bands = ramp(4 if photometric == "cmyk" else 3, "uint16")
    with pytest.raises(UnsupportedImageError, match=f"{model} with uint16"):
        read_raster_picture(geotiff(bands, photometric=photometric))


def test_an_unknown_colour_model_is_refused() -> None:
    with pytest.raises(UnsupportedImageError, match="number 32803"):
        decode_image(bare_tiff(b"\0\x0a\xc8\xff", 4, photometric=32_803, bits=8))


# Depth


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_other_dtypes_are_stretched_once_for_the_whole_picture(dtype: str) -> None:
    bands = (np.arange(3 * 40 * 50).reshape(3, 40, 50) * 5 + 300).astype(dtype)
    picture = read_raster_picture(geotiff(bands, photometric="rgb"))
    assert (picture.rgb.min(), picture.rgb.max()) == (0, 255)
    flat = picture.rgb.transpose(2, 0, 1).reshape(-1).astype(int)
    assert (np.diff(flat) >= 0).all()
    assert picture.warnings[0].startswith(f"{dtype} values from ")
    assert picture.valid is None


def test_nan_infinity_and_undeclared_limits_of_the_dtype_are_not_valid() -> None:
    bands = ramp(3, "float32")
    bands[0, 1, 2] = np.nan
    bands[1, 3, 4] = -np.inf
    bands[:, 5:, :] = np.finfo(np.float32).min
    picture = read_raster_picture(geotiff(bands, photometric="rgb"))
    expected = np.ones((12, 20), bool)
    expected[1, 2] = expected[3, 4] = expected[5:] = False
    np.testing.assert_array_equal(picture.valid, expected)
    assert not picture.rgb[~expected].any()
    assert picture.rgb[expected].max() == 255


# Nodata, alpha, mask


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_nodata_is_black_and_not_valid(dtype: str) -> None:
    bands = ramp(3, dtype) + np.array(1, dtype)
    bands[:, :4, :5] = 0
    bands[0, 8, 9] = 0  # One band alone: dark water, not nodata.
    picture = read_raster_picture(geotiff(bands, nodata=0, photometric="rgb"))
    expected = np.ones((12, 20), bool)
    expected[:4, :5] = False
    np.testing.assert_array_equal(picture.valid, expected)
    assert not picture.rgb[:4, :5].any()


def test_nan_as_nodata() -> None:
    bands = ramp(1, "float32")
    bands[0, 2, 3] = np.nan
    picture = read_raster_picture(geotiff(bands, nodata=np.nan))
    assert picture.valid is not None
    assert np.argwhere(~picture.valid).tolist() == [[2, 3]]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_alpha_0_is_nodata_and_faint_alpha_is_not(dtype: str) -> None:
    bands = ramp(4, dtype) + np.array(1, dtype)
    bands[3] = np.iinfo(dtype).max
    bands[3, 0, :3] = 0
    bands[3, 1, :3] = 1
    data = geotiff(bands, photometric="rgb", interpretation="red green blue alpha")
    picture = read_raster_picture(data)
    assert picture.valid is not None
    assert np.argwhere(~picture.valid).tolist() == [[0, 0], [0, 1], [0, 2]]
    assert not picture.rgb[0, :3].any()


def test_alpha_and_nodata_count_both() -> None:
    bands = ramp(4) + np.uint8(1)
    bands[3] = 255
    bands[3, 0, 0] = 0
    bands[:3, 1, 1] = 0
    data = geotiff(bands, nodata=0, photometric="rgb", interpretation="red green blue alpha")
    picture = read_raster_picture(data)
    assert picture.valid is not None
    assert np.argwhere(~picture.valid).tolist() == [[0, 0], [1, 1]]


def test_an_internal_mask_counts() -> None:
    bands = ramp()
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.io.MemoryFile() as memory:
        with memory.open(driver="GTiff", count=3, height=12, width=20, dtype="uint8") as dataset:
            dataset.write(bands)
            mask = np.full((12, 20), 255, np.uint8)
            mask[7:] = 0
            dataset.write_mask(mask)
        data = bytes(memory.read())
    picture = read_raster_picture(data)
    np.testing.assert_array_equal(picture.valid, mask > 0)
    assert not picture.rgb[7:].any()


# Orientation and pages


def test_orientation_is_left_alone_where_there_is_a_georeference(tmp_path: Path) -> None:
    tagged = bare_tiff(b"\0\x0a\xc8\xff", 4, photometric=1, bits=8, orientation=2)
    assert decode_image(tagged).rgb[0, :, 0].tolist() == [255, 200, 10, 0]
    path = tmp_path / "a.tif"
    path.write_bytes(tagged)
    with rasterio.open(path, "r+", driver="GTiff") as dataset:
        dataset.transform = rasterio.Affine(2, 0, 100, 0, -2, 200)
    assert decode_image(path.read_bytes()).rgb[0, :, 0].tolist() == [0, 10, 200, 255]


def test_of_several_pages_the_first_is_read_with_a_warning() -> None:
    first, second = Image.new("L", (4, 3), 7), Image.new("L", (9, 9), 8)
    picture = decode_image(pillow_tiff(first, save_all=True, append_images=[second]))
    assert picture.shape_hw == (3, 4)
    assert "several pages" in picture.warnings[0]


# What is refused


@pytest.mark.parametrize("side", [12_000, 60_000, 200_000])
def test_sparse_bombs_are_refused(side: int) -> None:
    data = geotiff(
        width=side,
        height=side,
        count=1,
        dtype="uint8",
        sparse_ok=True,
        bigtiff="yes",
        tiled=True,
        blockxsize=8192,
        blockysize=8192,
    )
    with pytest.raises(ImageTooLargeError, match=f"{side:,} × {side:,} px.*limit"):
        decode_image(data)


def test_a_giant_internal_tile_is_refused() -> None:
    giant = {"tiled": True, "blockxsize": 32_768, "blockysize": 32_768, "sparse_ok": True}
    data = geotiff(width=10, height=10, count=1, dtype="uint8", **giant)
    assert len(data) < 10_000
    tracemalloc.start()
    with pytest.raises(ImageTooLargeError, match="32,768 × 32,768 px, 1,073,741,824 bytes each"):
        decode_image(data)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_one_strip_as_large_as_the_picture_is_fine() -> None:
    data = geotiff(ramp(height=300, width=300), blockysize=300, compress="deflate")
    assert decode_image(data, limits=Limits(max_block_bytes=1000)).shape_hw == (300, 300)


def test_many_bands_are_refused() -> None:
    data = geotiff(width=1, height=1, count=10_000, dtype="uint8", interleave="pixel")
    with pytest.raises(ImageTooLargeError, match="10,000 bands; the limit is 256 bands"):
        decode_image(data)


def test_the_decoded_size_is_capped() -> None:
    with pytest.raises(ImageTooLargeError, match="5,760 bytes when decoded"):
        decode_image(
            geotiff(ramp(3, "float64"), photometric="rgb"), limits=Limits(max_decoded_bytes=5_000)
        )


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "complex_int16"])
def test_complex_samples_are_refused(dtype: str) -> None:
    with pytest.raises(UnsupportedImageError, match="complex"):
        decode_image(geotiff(width=4, height=4, count=1, dtype=dtype))


@pytest.mark.parametrize("compress", ["none", "lzw", "deflate", "packbits", "jpeg", "zstd"])
def test_a_truncated_tiff_is_an_error(compress: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, 64, 64), dtype=np.uint8)
    whole = geotiff(noise, compress=compress, photometric="rgb")
    assert decode_image(whole).shape_hw == (64, 64)
    for cut in (6, 20, 100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(ImageError, match="truncated"):
            decode_image(whole[:cut])


VRT = """<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename>{}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"""


@pytest.mark.parametrize("read", [read_raster_picture, read_image])
def test_a_vrt_named_tif_is_refused_and_its_source_not_read(tmp_path: Path, read) -> None:
    secret = tmp_path / "secret.tif"
    secret.write_bytes(geotiff(ramp()))
    disguise = tmp_path / "picture.tif"
    disguise.write_text(VRT.format(secret))
    with pytest.raises(UnsupportedImageError, match=r"picture\.tif: found a GDAL virtual raster"):
        read(disguise)


@pytest.mark.parametrize("read", [read_raster_picture, read_image])
@pytest.mark.parametrize(
    "path",
    [
        "/vsicurl/http://127.0.0.1:9/a.tif",
        "http://127.0.0.1:9/a.tif",
        "zip+file:///tmp/a.zip!a.tif",
        "GTIFF_DIR:1:/etc/hostname",
        VRT.format("/etc/hostname"),
        "missing.tif",
        "\0.tif",
        "x" * 300,
    ],
)
def test_connection_strings_are_no_paths(read, path: str) -> None:
    with pytest.raises(UsageError):
        read(path)


@pytest.mark.parametrize(
    "name", ["a!b.tif", "a?b#c.tif", "zip+x.tif", "GTIFF_DIR:2:a.tif", "é.tif"]
)
def test_odd_file_names_are_opened_as_they_are(tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(geotiff(ramp()))
    assert read_raster_picture(name).shape_hw == (12, 20)


def test_another_format_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.new("RGB", (3, 3)).save(path, "PNG")
    with pytest.raises(UnsupportedImageError, match="found a PNG, expected a TIFF"):
        read_raster_picture(path)


def test_sidecar_files_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(geotiff(ramp()))
    (tmp_path / "a.tif.msk").write_bytes(geotiff(np.zeros((1, 12, 20), np.uint8)))
    assert read_raster_picture(path).valid is None


def test_drivers_that_reach_out_are_gone_and_a_users_own_list_is_kept() -> None:
    code = (
        "from shipseg.imaging.gdal import rasterio, os\n"
        "with rasterio.Env() as env: names = set(env.drivers())\n"
        "print(sorted(names & {'VRT', 'WMS', 'WMTS', 'HTTP', 'STACTA', 'DTED', 'GTiff', 'PNG'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "GDAL_SKIP": "DTED"},
    )
    assert done.stdout.strip() == "['GTiff', 'PNG']"
    assert done.stderr == ""


def test_a_refusal_prints_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(geotiff(ramp(height=200, width=200))[:-50])
    code = (
        "import sys; from shipseg.errors import ImageError\n"
        "from shipseg.imaging.decode import read_image\n"
        "try: read_image(sys.argv[1])\n"
        "except ImageError: pass"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
