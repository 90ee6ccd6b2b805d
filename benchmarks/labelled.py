"""Labelled tiles for the other scripts: those that were named, or drawn ones."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def labelled_tiles(summary: str, *, drawn: int) -> Iterator[argparse.Namespace]:
    """Parse IMAGES, LABELS and their options; without IMAGES, draw tiles, half of them with ships.

    Args:
        summary: What the script does.
        drawn: How many tiles to draw.

    Yields:
        The options, and with them `table`, the labels; `names`, the tiles of the subset; `others`,
        those of all other subsets.
    """
    from shipseg.imaging.synthetic import write_synthetic_dataset
    from shipseg.labels import read_labels, read_split

    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("images", nargs="?", type=Path)
    parser.add_argument("labels", nargs="?", type=Path)
    parser.add_argument("--split", type=Path)
    parser.add_argument("--subset", default="val")
    parser.add_argument("--bundle", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.images is None:
            write_synthetic_dataset(Path(folder, "tiles"), drawn, ship_share=0.5)
            options.images = Path(folder, "tiles", "images")
            options.labels = Path(folder, "tiles", "labels.csv")
        options.table = read_labels(options.labels)
        parts = read_split(options.split) if options.split else {}
        mine = {n for n in options.table.image_ids if not parts or parts.get(n) == options.subset}
        options.names = [name for name in options.table.image_ids if name in mine]
        options.others = [name for name in options.table.image_ids if name not in mine]
        yield options
