"""Findings about the tiles' files and pixels, each tile by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shipseg.dataset.audit.findings import Finding
from shipseg.errors import ShipsegError
from shipseg.imaging.decode import decode_tile
from shipseg.labels import LabelTable

Flags = npt.NDArray[np.bool_]

# Black in JPEG is not always 0; a dark sea at night is about 10.
_BLACK_MOST = 8
_BLACK_SHARE = 0.999
_WHITE_LEAST = 247
_WHITE_SHARE = 0.95
# Beyond the end of an acquisition all is exactly 0; the darkest sea of the Airbus set is 1.
_NODATA_MOST = 0
# No water is that blue: in a deep blue sea the blue channel leads by 40.
_BLUE_LEAD = 60
_BAND_PX = 8
_BAND_SHARE = 0.98


@dataclass(frozen=True, slots=True)
class TileCheck:
    """What was seen of one tile.

    Attributes:
        image_id: The tile.
        digest: Of the file's bytes; None where it cannot be read.
        findings: About this tile alone.
    """

    image_id: str
    digest: bytes | None
    findings: tuple[Finding, ...]


def file_findings(table: LabelTable, present: Iterable[str]) -> Iterator[Finding]:
    """Find labels without tile and tiles without label.

    What counts as a tile is told by the suffixes of the labelled ones, so that other files in the
    folder are none.

    Args:
        table: All labels; images whose rows were set aside count as labelled.
        present: Names of the files in the folder.
    """
    files = sorted(present)
    here = set(files)
    labelled = {*table.image_ids, *(fault.image_id for fault in table.faults)}
    suffixes = {Path(image_id).suffix.lower() for image_id in table.image_ids}
    for image_id in table.image_ids:
        if image_id not in here:
            yield Finding("label-without-tile", image_id, "there is no such file in the folder")
    for name in files:
        if name not in labelled and Path(name).suffix.lower() in suffixes:
            yield Finding("tile-without-label", name, "no row of the label table names the file")


def check_tile(image_id: str, folder: Path, shape_hw: tuple[int, int]) -> TileCheck:
    """Read one tile and look at its pixels.

    Args:
        image_id: File name in the folder.
        folder: Where the tiles lie.
        shape_hw: Height and width that labels are for.
    """
    try:
        data = (folder / image_id).read_bytes()
    except OSError as error:
        return _unreadable(image_id, error.strerror or str(error))
    digest = hashlib.blake2b(data, digest_size=16).digest()
    try:
        rgb = decode_tile(data, name=image_id)
    except ShipsegError as error:
        return _unreadable(image_id, error.message, digest)
    found = []
    if rgb.shape[:2] != shape_hw:
        found.append(
            Finding(
                "tile-size",
                image_id,
                f"the tile is {rgb.shape[0]} × {rgb.shape[1]} px, "
                f"expected {shape_hw[0]} × {shape_hw[1]}",
            )
        )
    found += [Finding(code, image_id, reason) for code, reason in look_for_faults(rgb)]
    return TileCheck(image_id, digest, tuple(found))


def _unreadable(image_id: str, message: str, digest: bytes | None = None) -> TileCheck:
    code = "tile-truncated" if "truncated" in message.split("or corrupt")[0] else "tile-undecodable"
    reason = " ".join(message.removeprefix(f"{image_id}: ").split())
    return TileCheck(image_id, digest, (Finding(code, image_id, reason),))


def look_for_faults(rgb: npt.NDArray[np.uint8]) -> Iterator[tuple[str, str]]:
    """Find black and white pictures, blue bands and black edges.

    Args:
        rgb: (H, W, 3) uint8.

    Yields:
        Code and reason.
    """
    red, green, blue = (rgb[..., i] for i in range(3))
    # Channel by channel: a maximum along the last axis takes 15 ms for a tile, this takes 1.
    warm = np.maximum(red, green)
    brightest, darkest = np.maximum(warm, blue), np.minimum(np.minimum(red, green), blue)
    black = float((brightest <= _BLACK_MOST).mean())
    white = float((darkest >= _WHITE_LEAST).mean())
    if black >= _BLACK_SHARE:
        yield "tile-black", f"{black:.1%} of the pixels are black"
        return
    if white >= _WHITE_SHARE:
        yield "tile-white", f"{white:.1%} of the pixels are white"
        return
    thickness = _full_lines(blue.astype(np.int16) - warm > _BLUE_LEAD)
    if thickness >= _BAND_PX:
        yield "tile-blue-band", f"a band of {thickness} px is blue alone"
    edge = _edge(brightest <= _NODATA_MOST)
    if edge >= _BAND_PX:
        yield "tile-black-edge", f"the outer {edge} px are black"


def _full_lines(flags: Flags) -> int:
    """Count the rows, or the columns if they are more, that are flagged from end to end."""
    return max(int((flags.mean(axis=axis) >= _BAND_SHARE).sum()) for axis in (0, 1))


def _edge(flags: Flags) -> int:
    """Give the thickness of the thickest flagged margin of the four."""
    thickest = 0
    for axis in (0, 1):
        full = flags.mean(axis=axis) >= _BAND_SHARE
        for lines in (full, full[::-1]):
            thickest = max(thickest, len(lines) if lines.all() else int(np.argmin(lines)))
    return thickest
