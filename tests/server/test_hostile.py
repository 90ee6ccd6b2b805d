"""Bad input, row by row, and what the server makes of it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inference.pixels import draw, sea
from PIL import Image
from starlette.testclient import TestClient

from .pictures import encoded, geotiff, harbour, opened, png

PNG = encoded(harbour())
GREY = harbour()[..., 0]


def bomb_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../x.png", bytes(10_000_000))
    return out.getvalue()


def sparse(**fields: Any) -> bytes:
    """A GeoTIFF whose header promises what no byte of it holds."""
    from shipseg.imaging.gdal import rasterio

    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "sparse_ok": True, **fields}
    with rasterio.MemoryFile() as file:
        with file.open(**profile):
            pass
        return bytes(file.read())


def gif() -> bytes:
    return encoded(GREY, "GIF")


VRT = b'<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand band="1"><SimpleSource>' + (
    b"<SourceFilename>/etc/hostname</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
)

REFUSED: dict[str, tuple[bytes, int, str]] = {
    "an empty file": (b"", 415, "image-unsupported"),
    "HTML": (b"<!doctype html><script>alert(1)</script>", 415, "image-unsupported"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 415, "image-unsupported"),
    "PDF": (b"%PDF-1.7\n", 415, "image-unsupported"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n", 415, "image-unsupported"),
    "GIF": (gif(), 415, "image-unsupported"),
    "a ZIP bomb": (bomb_zip(), 415, "image-unsupported"),
    "a pickle": (b"\x80\x04\x95\x10\x00\x00\x00", 415, "image-unsupported"),
    "noise": (bytes(range(256)), 415, "image-unsupported"),
    "a PNG of 12,000 x 12,000": (
        png(12_000, 12_000, bytes(12_001 * 12_000)), 413, "image-too-large",
    ),
    "a PNG of 65,535 x 65,535": (png(65_535, 65_535, b""), 413, "image-too-large"),
    "a PNG of 0 x 0": (png(0, 0, b""), 415, "image-unsupported"),
    "a truncated JPEG": (encoded(harbour(), "JPEG")[:-4000], 422, "image"),
    "a truncated PNG": (PNG[:-40], 422, "image"),
    "a PNG that lacks rows": (png(768, 768, bytes(769 * 500)), 422, "image"),
    "a TIFF header alone": (b"II*\0\x08\0\0\0", 422, "image"),
    "a VRT": (VRT, 415, "image-unsupported"),
    "a VRT behind a TIFF's name": (b"\n" + VRT, 415, "image-unsupported"),
    "a path of GDAL": (b"/vsicurl/http://127.0.0.1/x.tif", 415, "image-unsupported"),
    "a GeoTIFF of one tile of 32,768 x 32,768": (
        sparse(width=32_768, height=32_768, tiled=True, blockxsize=32_768, blockysize=32_768),
        413, "image-too-large",
    ),
    "a sparse GeoTIFF of 200,000 x 200,000": (
        sparse(width=200_000, height=200_000, tiled=True, blockxsize=4096, blockysize=4096),
        413, "image-too-large",
    ),
    "a GeoTIFF of 10,000 bands": (
        sparse(width=1, height=1, count=10_000), 413, "image-too-large",
    ),
    "complex samples": (
        geotiff(GREY.astype(np.complex64), crs=None), 415, "image-unsupported",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", REFUSED)
def test_refused(client: TestClient, row: str) -> None:
    body, status, code = REFUSED[row]
    for answer in (
        client.post("/v1/predict", content=body),
        client.post("/v1/predict", files={"file": ("harbour.jpg", body, "image/jpeg")}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json()) >= {"type", "title", "status", "detail", "code", "request_id"}
        for word in ("Traceback", "Error", "/tmp", "/vsi", "rasterio", "PIL"):
            assert word not in answer.text.replace("/vsicurl/http", "")


def test_a_truncated_picture_is_called_truncated(client: TestClient) -> None:
    for row in ("a truncated JPEG", "a truncated PNG", "a PNG that lacks rows"):
        answer = client.post("/v1/predict", content=REFUSED[row][0])
        assert "truncated" in answer.json()["detail"], row


def test_too_large_names_the_size_and_the_limit(client: TestClient) -> None:
    answer = client.post("/v1/predict", content=REFUSED["a PNG of 12,000 x 12,000"][0])
    assert "12,000 × 12,000" in answer.json()["detail"]
    assert "4,000,000" in answer.json()["detail"]


def rgba() -> bytes:
    """White under alpha 0 at one place, a ship at another."""
    alpha = np.full((768, 768), 255, np.uint8)
    hidden = draw(harbour(), (10, 10, 60, 30))
    alpha[10:30, 10:60] = 0
    return encoded(np.dstack([hidden, alpha]))


def animated() -> bytes:
    out = io.BytesIO()
    frames = [Image.fromarray(rgb) for rgb in (harbour(), sea(768, 768))]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    return out.getvalue()


def mode(name: str, format: str = "TIFF") -> bytes:
    out = io.BytesIO()
    Image.fromarray(harbour()).convert(name).save(out, format)
    return out.getvalue()


def deep(dtype: str, top: int) -> bytes:
    return geotiff((harbour() / 255 * top).astype(dtype), crs=None)


TAKEN: dict[str, tuple[bytes, int, str]] = {
    "1 x 60,000": (encoded(sea(60_000, 1)), 0, ""),
    "60,000 x 1": (encoded(sea(1, 60_000)), 0, ""),
    "1 x 1": (encoded(sea(1, 1)), 0, ""),
    "767 x 769": (encoded(harbour(767, 769)), 2, ""),
    "16-bit RGB": (deep("uint16", 65_535), 2, "stretch"),
    "11 bits of 16": (deep("uint16", 2047), 2, "stretch"),
    "floats": (deep("float32", 1), 2, "stretch"),
    "grey": (mode("L"), 2, ""),
    "1-bit": (mode("1"), 2, ""),
    "a palette": (mode("P", "PNG"), 2, ""),
    "CMYK": (mode("CMYK"), 2, ""),
    "LAB": (mode("LAB"), 2, "CIE LAB"),
    "colour hidden under alpha 0": (rgba(), 2, ""),
    "an animation": (animated(), 2, "first picture"),
    "no CRS": (geotiff(harbour(), crs=None), 2, ""),
    "a GSD far from 1.5 m": (geotiff(harbour(), gsd_m=0.75), 2, "resampled"),
    "nodata": (geotiff(harbour(), nodata=255), 0, ""),
}


@pytest.mark.parametrize("row", TAKEN)
def test_taken(client: TestClient, row: str) -> None:
    body, ships, warning = TAKEN[row]
    answer = client.post("/v1/predict", content=body)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["ships"]) == ships
    assert any(warning in text for text in answer.json()["image"]["warnings"]) or not warning


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once_to_picture_and_mask(
    client: TestClient, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    body = encoded(harbour(500, 700), exif=exif)
    upright = opened(client.post(
        "/v1/predict?layer=picture", content=body, headers={"Accept": "image/png"}
    ).content)  # fmt: skip
    mask = opened(client.post(
        "/v1/predict", content=body, headers={"Accept": "image/png"}
    ).content)  # fmt: skip
    assert upright.shape[:2] == ((500, 700) if orientation < 5 else (700, 500))
    assert np.array_equal(mask, upright[..., 0])


NAMES = {
    "a way up": "../../../../tmp/shipseg-escaped.png",
    "an absolute path": "/tmp/shipseg-escaped.png",
    "a drive": "C:\\shipseg-escaped.png",
    "300 characters": "n" * 300,
    "right to left": "gnp.\u202ejpg.exe",
    "a script": "<img src=x onerror=alert(1)>.png",
    "a formula": "=cmd()|' /C calc'!A0",
    "line ends": "a\r\nSet-Cookie: x=1\r\n.png",
    "NUL": "a\0b.png",
}


@pytest.mark.parametrize("row", NAMES)
def test_a_name_is_a_text_and_never_a_path(client: TestClient, row: str) -> None:
    name = NAMES[row]
    answers = [client.post("/v1/predict", params={"name": name}, content=PNG)]
    answers.append(client.post("/v1/predict", files={"file": (name, PNG, "image/png")}))
    answers.append(client.post("/v1/jobs", params={"name": name}, content=PNG))
    for answer in answers:
        assert answer.status_code in (200, 202), answer.text
        document = answer.json()
        shown = document["name"] if "id" in document else document["image"]["name"]
        assert shown.isprintable()
        assert len(shown) <= 120
        assert answer.headers["content-type"] == "application/json"
        assert "set-cookie" not in answer.headers
    assert not Path("/tmp/shipseg-escaped.png").exists()


def test_a_table_does_not_run_in_a_spreadsheet(client: TestClient) -> None:
    answer = client.post(
        "/v1/predict", params={"name": "=cmd(),x"}, content=PNG, headers={"Accept": "text/csv"}
    )
    assert answer.text.splitlines()[1].startswith('"=cmd(),x",')


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e309", "-0.1", "1.1", "", "0,5", "٠"])
@pytest.mark.parametrize("name", ["threshold", "gate_threshold", "min_score", "gsd"])
def test_numbers_that_are_none_are_refused(client: TestClient, name: str, value: str) -> None:
    if (name, value) in (("gsd", "1.1"), ("gsd", "٠")):
        return
    answer = client.post("/v1/predict", params={name: value}, content=PNG)
    assert (answer.status_code, answer.json()["code"]) == (422, "parameters"), answer.text
    assert answer.json()["errors"][0]["name"] == name


@pytest.mark.parametrize("query", ["treshold=0.5", "layer=x", "gate=no", "name="])
def test_slips_in_parameters_are_refused(client: TestClient, query: str) -> None:
    assert client.post(f"/v1/predict?{query}", content=PNG).json()["code"] == "parameters"


FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'

FORMS: dict[str, tuple[str, bytes, int, str]] = {
    "no boundary": ("multipart/form-data", FORM + PNG + b"\r\n--b--\r\n", 400, "multipart"),
    "another boundary": ("multipart/form-data; boundary=c", FORM + PNG, 400, "multipart"),
    "a torn form": ("multipart/form-data; boundary=b", FORM + PNG, 422, "no-image"),
    "nothing": ("multipart/form-data; boundary=b", b"", 422, "no-image"),
    "another field": (
        "multipart/form-data; boundary=b",
        FORM.replace(b'"file"', b'"image"') + PNG + b"\r\n--b--\r\n", 422, "no-image",
    ),
    "two files": (
        "multipart/form-data; boundary=b",
        FORM + PNG + b"\r\n" + FORM + PNG + b"\r\n--b--\r\n", 400, "multipart",
    ),
    "a parameter in the form": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="threshold"\r\n\r\n0.5\r\n' + FORM + PNG
        + b"\r\n--b--\r\n", 422, "parameters",
    ),
    "a text in place of the file": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
        422, "no-image",
    ),
    "a field of 100 kB": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"x" * 100_000, 400,
        "multipart",
    ),
    "a header of 100 kB": (
        "multipart/form-data; boundary=b", b"--b\r\nX: " + b"x" * 100_000, 400, "multipart",
    ),
    "a thousand fields": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nx\r\n' * 1000, 400, "multipart",
    ),
    "a charset that is none": (
        "multipart/form-data; boundary=b; charset=undefined",
        FORM.replace(b"a.png", "ü.png".encode()) + b"GIF8\r\n--b--\r\n", 415, "image-unsupported",
    ),
    "another media type": ("application/json", b"{}", 415, "media-type"),
    "a media type that is none": (";;;", PNG, 200, ""),
}  # fmt: skip


@pytest.mark.parametrize("row", FORMS)
def test_bodies_that_are_no_picture(client: TestClient, row: str) -> None:
    media, body, status, code = FORMS[row]
    answer = client.post("/v1/predict", content=body, headers={"Content-Type": media})
    assert (answer.status_code, answer.json().get("code", "")) == (status, code), answer.text


def test_a_bug_inside_is_not_told(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from shipseg.server.routes import predict

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret of the server")

    monkeypatch.setattr(predict, "analyse", broken)
    fresh = encoded(sea(5, 7))  # In no cache.
    answer = client.post("/v1/predict", content=fresh, headers={"X-Request-ID": "this-one"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert "this-one" in caplog.text
    assert "secret" in caplog.text


def test_a_full_disk_is_told_as_such(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from shipseg.server.routes import predict

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(predict, "analyse", full)
    answer = client.post("/v1/predict", content=encoded(sea(7, 5)))
    assert (answer.status_code, answer.json()["code"]) == (507, "storage")
