"""The graph for QGIS beside the detector: do they find the same ships?

    python benchmarks/deepness.py IMAGES LABELS [--split split.csv --subset val] [--bundle B]

Without IMAGES, synthetic tiles are drawn.
"""

from __future__ import annotations

import argparse

import numpy as np
from labelled import labelled_tiles


def main() -> None:
    """Parse the arguments, compare, print."""
    with labelled_tiles(__doc__.splitlines()[0], drawn=12) as options:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Ask both about every tile; F2 of both, and the overlap of their masks."""
    import onnxruntime

    from shipseg import Detector
    from shipseg.bundle.deepness import IMAGE, deepness_graph
    from shipseg.bundle.deepness_parity import as_deepness
    from shipseg.bundle.format import load_bundle
    from shipseg.evaluation.detection import f2_score
    from shipseg.imaging.decode import read_image
    from shipseg.inference.instances import ships_of_maps

    bundle = load_bundle(options.bundle)
    detector = Detector(options.bundle)
    graph = deepness_graph(bundle, gsd_m=1.5)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    table = options.table
    names = options.names
    scores, both, either = [], 0, 0
    for name in names:
        picture = read_image(options.images / name)
        truth = table.ships_of(name)
        detection = detector.predict(picture)
        (found,) = session.run(None, {IMAGE: as_deepness(picture.rgb)})
        ships = ships_of_maps(
            np.concatenate([found[0], found[0]]),
            threshold=detector.threshold,
            min_area_px=detector.manifest.segmenter.min_area_px,
        )
        mask = found[0, 0] >= detector.threshold
        both += np.count_nonzero(mask & detection.mask)
        either += np.count_nonzero(mask | detection.mask)
        scores.append([f2_score([s.runs for s in x], truth) for x in (detection.ships, ships)])
    own, other = np.mean(scores, axis=0)
    print(f"{len(names)} tiles: F2 over all {own:.4f} by the detector, {other:.4f} by the graph")
    print(f"pixels of ship that both show, of those that either shows: {both / either:.3f}")


if __name__ == "__main__":
    main()
