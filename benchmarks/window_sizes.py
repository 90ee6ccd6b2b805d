"""How small may the segmenter's windows be? F2, Dice and core time by their least side.

    python benchmarks/window_sizes.py IMAGES LABELS [--split split.csv --subset val]

The gate looks once; each size then segments around the same hot cells. Without IMAGES, synthetic
tiles are drawn.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from labelled import labelled_tiles

from shipseg.evaluation.detection import f2_score
from shipseg.evaluation.segmentation import dice_score
from shipseg.imaging.decode import read_image
from shipseg.inference.detector import Detector

SIDES = (256, 224, 192, 160, 128)


class Sized(Detector):
    """A detector whose windows have another least side."""

    side_px = 0

    @property
    def least_window_px(self) -> int:
        """Least side of what the segmenter is shown."""
        return self.side_px


def main() -> None:
    """Parse the arguments, segment, print."""
    with labelled_tiles(__doc__.splitlines()[0], drawn=12) as options:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Segment every tile that passes at every size, and once as a whole."""
    detector = Sized(options.bundle)
    table = options.table
    names = options.names
    scores: dict[str, list[tuple[float, float | None, float]]] = {}
    for name in names:
        picture, truth = read_image(options.images / name), table.ships_of(name)
        sighting = detector.look(picture)
        for side in (*SIDES, None):
            detector.side_px = side or picture.shape_hw[0]
            start = time.thread_time()
            maps = detector.search(picture, sighting)
            spent = time.thread_time() - start
            found = detector.ships_in(maps, picture, sighting.heat)
            ships = [ship.runs for ship in found]
            dice = dice_score(ships, truth) if truth else None
            figures = (f2_score(ships, truth), dice, spent)
            scores.setdefault(f"{side} px" if side else "whole tile", []).append(figures)
    print(f"{len(names)} tiles\nleast side   F2 over all  Dice on ship tiles  core-ms a tile")
    for side, found in scores.items():
        f2, spent = (np.mean([one[index] for one in found]) for index in (0, 2))
        dice = np.mean([one[1] for one in found if one[1] is not None])
        print(f"{side:11s}  {f2:11.4f}  {dice:18.4f}  {1000 * spent:14.2f}")


if __name__ == "__main__":
    main()
