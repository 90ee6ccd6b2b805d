"""The graph for QGIS beside the detector: do they find the same ships?

    python benchmarks/deepness.py IMAGES LABELS [--split split.csv --subset val] [--bundle B]

Without IMAGES, synthetic tiles are drawn.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np


def main() -> None:
    """Parse the arguments, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="?", type=Path)
    parser.add_argument("labels", nargs="?", type=Path)
    parser.add_argument("--split", type=Path)
    parser.add_argument("--subset", default="val")
    parser.add_argument("--bundle", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.images is None:
            from shipseg.imaging.synthetic import write_synthetic_dataset

            write_synthetic_dataset(Path(folder, "tiles"), 12, ship_share=0.5)
            options.images = Path(folder, "tiles", "images")
            options.labels = Path(folder, "tiles", "labels.csv")
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
    from shipseg.labels import read_labels, read_split

    bundle = load_bundle(options.bundle)
    detector = Detector(options.bundle)
    graph = deepness_graph(bundle, gsd_m=1.5)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    table = read_labels(options.labels)
    parts = read_split(options.split) if options.split else {}
    names = [n for n in table.image_ids if not parts or parts.get(n) == options.subset]
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
