"""What a person does on the page."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import expect

from .fleet import PNG

MIME = {"png": "image/png", "jpg": "image/jpeg", "tif": "image/tiff"}


def choose(page: Any, *files: tuple[str, bytes]) -> None:
    """Choose files; without any, the fleet."""
    page.set_input_files(
        "#files",
        [
            {
                "name": name,
                "mimeType": MIME.get(name[-3:], "application/octet-stream"),
                "buffer": body,
            }
            for name, body in files or [("fleet.png", PNG)]
        ],
    )


def rows(page: Any) -> Any:
    """The rows of the list that the slider lets through."""
    return page.locator("#list .row:visible")


def found(page: Any, count: int = 3) -> None:
    """Wait until ships are listed and drawn."""
    expect(rows(page)).to_have_count(count)
    expect(page.locator("#stage")).not_to_have_class("stage bare")


def slide(page: Any, percent: int) -> None:
    page.locator("#least").fill(str(percent))


def save(page: Any, kind: str) -> tuple[str, bytes]:
    """Press a button under "Save", and give the file's name and bytes."""
    with page.expect_download() as download:
        page.click(f"[data-save={kind}]")
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def canvas(page: Any) -> npt.NDArray[np.uint8]:
    """Give the canvas's pixels as of the frame after the next."""
    url = page.evaluate(
        """async () => {
          const frame = () => new Promise(requestAnimationFrame);
          await frame();
          await frame();
          return document.querySelector("#canvas").toDataURL();
        }"""
    )
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return np.asarray(image.convert("RGB"))


def has_colour(pixels: npt.NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool((pixels == colour).all(axis=2).sum() > 20)


def point_of(page: Any, x: float, y: float) -> tuple[float, float]:
    """Give the screen's point of a picture's pixel, where the picture fits the canvas."""
    box = page.locator("#canvas").bounding_box()
    # As css/viewer.css and js/camera.js have it: a margin, and room for the toolbar.
    margin, tools = 24, 56
    width, height = box["width"] - 2 * margin, box["height"] - 2 * margin - tools
    scale = min(width, height) / 768
    left = box["x"] + box["width"] / 2 - 384 * scale
    top = box["y"] + (box["height"] - tools) / 2 - 384 * scale
    return left + x * scale, top + y * scale
