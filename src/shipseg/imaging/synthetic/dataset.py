"""A folder of drawn tiles in the shape of the Airbus set."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from shipseg.errors import OutputExistsError, UsageError
from shipseg.files import atomic_write_bytes, atomic_write_text
from shipseg.imaging.synthetic.scene import SyntheticScene, draw_scene
from shipseg.rle import format_rle

# The Airbus tiles are saved at about this quality: 130 kB in the median.
_JPEG_QUALITY = 92
_VAL_EVERY = 4
# Land and clouds may leave no water; the next seed then does.
_SEEDS_PER_TILE = 16


def write_synthetic_dataset(
    folder: Path, tiles: int, *, seed: int = 0, ship_share: float = 0.5, size: int = 768
) -> Path:
    """Write drawn tiles with labels and a split: ``images/*.jpg``, ``labels.csv``, ``split.csv``.

    Every tile is a scene of its own, so that no split can leak. A quarter of the tiles with ships
    and a quarter of those without are ``val``. ``split.csv`` is written last: where it is, the
    folder is whole.

    Args:
        folder: Where to write; made if missing, and empty if there.
        tiles: How many tiles, at least 1.
        seed: Any whole number from 0; another one gives other tiles and names.
        ship_share: Share of tiles with at least one ship, 0 to 1.
        size: Side of a tile in pixels.

    Returns:
        The folder.

    Raises:
        OutputExistsError: The folder holds something.
        UsageError: No tiles, a negative seed, or a share outside 0 to 1.
    """
    if tiles < 1 or seed < 0 or not 0.0 <= ship_share <= 1.0:
        raise UsageError(
            f"found {tiles} tiles, seed {seed} and a ship share of {ship_share}, expected at least "
            "1 tile, a seed from 0 and a share from 0 to 1"
        )
    if folder.exists() and any(folder.iterdir()):
        raise OutputExistsError(
            f"{folder} is not empty", hint="Name a new folder, or remove that one first."
        )
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    rng = np.random.Generator(np.random.PCG64([seed, tiles]))
    with_ships = rng.permutation(tiles) < round(tiles * ship_share)
    labels: list[tuple[str, str]] = []
    split: list[tuple[str, str]] = []
    seen = [0, 0]
    for index, has_ships in enumerate(with_ships.tolist()):
        name = _tile_name(seed, index)
        # 2.3 ships per tile that has any, as in the Airbus set.
        count = min(int(rng.geometric(0.44)), 15) if has_ships else 0
        scene = _draw_tile(seed, index, count, size)
        atomic_write_bytes(images / name, _jpeg(scene))
        labels.extend((name, format_rle(runs)) for runs in scene.ships)
        if not scene.ships:
            labels.append((name, ""))
        seen[has_ships] += 1
        split.append((name, "val" if seen[has_ships] % _VAL_EVERY == 0 else "train"))
    atomic_write_text(folder / "labels.csv", _csv(("ImageId", "EncodedPixels"), labels))
    atomic_write_text(folder / "split.csv", _csv(("ImageId", "split"), split))
    return folder


def _draw_tile(seed: int, index: int, count: int, size: int) -> SyntheticScene:
    """Draw one tile; one that is to have ships has at least one."""
    for attempt in range(_SEEDS_PER_TILE):
        words = np.random.SeedSequence([seed, index, attempt]).generate_state(1, np.uint64)
        scene = draw_scene(int(words[0]), (size, size), ships=count)
        if scene.ships or count == 0:
            break
    return scene


def _tile_name(seed: int, index: int) -> str:
    """Return nine hexadecimal digits, as the Airbus tiles have."""
    return hashlib.sha256(f"shipseg synthetic {seed} {index}".encode()).hexdigest()[:9] + ".jpg"


def _jpeg(scene: SyntheticScene) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(scene.rgb).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _csv(header: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
