"""Tiles a second, peak memory and where the time goes: decoding alone, shipseg, and its rivals.

    python benchmarks/rivals_speed.py IMAGES [--labels labels.csv --ship-share 0.22]
        [--split split.csv --subset val] [--rounds 3]

Every way runs in a process of its own, which loads, warms up and is then timed; the ways take turns
for several rounds, so that a machine whose speed drifts slows all alike. Quote the ratios. The core
seconds do not depend on what else the machine does. Without IMAGES, synthetic tiles are drawn. The
rivals need torch: their weights are random, which changes no time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

WAYS = {
    "decode": "decoding alone",
    "shipseg": "shipseg predict",
    "shipseg-openvino": "shipseg predict --device openvino",
    "shipseg-ungated": "shipseg predict --no-gate",
    "nano": "YOLO-nano-shaped network, ONNX Runtime",
    "unet": "U-Net ResNet34, torch",
}
# A second of a core for each tile: fewer of them say as much.
SLOW = {"unet": 24, "shipseg-ungated": 48, "nano": 96}
WARM_UP = 2


def main() -> None:
    """Parse the arguments; time all ways, or one of them as a child of such a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="?", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--ship-share", type=float, help="thin the tiles with ships to this share")
    parser.add_argument("--split", type=Path)
    parser.add_argument("--subset", default="val")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--workers", type=int, help="tiles at a time; one per core")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(run_way(json.loads(options.child))))
        return
    if unknown := set(options.ways.split(",")) - set(WAYS):
        parser.error(
            f"--ways: {', '.join(sorted(unknown))} unknown, expected some of {','.join(WAYS)}"
        )
    with tempfile.TemporaryDirectory() as folder:
        compare(options, Path(folder))


# The run that starts the others


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Let the ways take turns, then print a line for each and the stages of ours."""
    from shipseg.parallel import worker_count

    paths = chosen_tiles(options, folder)
    ways = [way for way in options.ways.split(",") if can_run(way)]
    nano = folder / "nano.onnx"
    if "nano" in ways:
        from rivals_networks import export_nano

        print(f"the YOLO-nano-shaped network takes {export_nano(nano):.1f} GFLOP a tile")
    workers = worker_count(options.workers)
    print(f"{len(paths)} tiles, {workers} at a time, {options.rounds} rounds", flush=True)
    bundle = None if options.bundle is None else str(options.bundle)

    def child(way: str) -> dict[str, Any]:
        names = [str(path) for path in spread(paths, SLOW.get(way))]
        task = {"way": way, "paths": names, "workers": workers, "nano": str(nano), "bundle": bundle}
        return in_a_child(task)

    found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way in ways:
            found[way].append(child(way))
    report(found)
    stages = child("stages")
    report_stages(stages, len(paths))
    if options.json:
        options.json.write_text(json.dumps({"ways": found, "stages": stages}, indent=1))


def chosen_tiles(options: argparse.Namespace, folder: Path) -> list[Path]:
    """List the tiles of the subset, those with ships thinned evenly to the wanted share."""
    from shipseg.imaging.synthetic import write_synthetic_dataset
    from shipseg.inference.batch import find_images
    from shipseg.labels import read_labels, read_split

    if options.images is None:
        write_synthetic_dataset(folder / "tiles", 40, ship_share=0.22)
        options.images = folder / "tiles" / "images"
    paths = find_images([options.images])
    if options.split:
        parts = read_split(options.split)
        paths = [path for path in paths if parts.get(path.name) == options.subset]
    if options.labels and options.ship_share:
        table = read_labels(options.labels)
        ships = [path for path in paths if table.has_ships(path.name)]
        empty = [path for path in paths if not table.has_ships(path.name)]
        wanted = round(len(empty) * options.ship_share / (1 - options.ship_share))
        paths = sorted([*empty, *spread(ships, wanted)])
    return paths


def spread(paths: list[Path], count: int | None) -> list[Path]:
    """Take `count` of them, evenly; all where there are no more, or None is wanted."""
    if count is None or count >= len(paths):
        return paths
    return [paths[index * len(paths) // count] for index in range(count)]


def can_run(way: str) -> bool:
    """Tell whether what a way needs is installed, and say so where it is not."""
    needed = {"shipseg-openvino": "openvino", "nano": "onnxscript", "unet": "torch"}.get(way)
    if needed is None or find_spec(needed):
        return True
    print(f"left out: {WAYS[way]}, which needs {needed}")
    return False


def in_a_child(task: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", json.dumps(task)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print rates, ratios to decoding and to ours of the same round, and memory."""

    def rates(way: str) -> list[float]:
        return [one["tiles"] / one["seconds"] for one in found[way]]

    def ratio(way: str, other: str) -> str:
        if way not in found or other not in found:
            return "-"
        return (
            f"{statistics.median(b / a for a, b in zip(rates(way), rates(other), strict=True)):.2f}"
        )

    print(f"{'':40s} tiles/s  core-ms a tile  peak MB  decoding is  shipseg is")
    for way, runs in found.items():
        core = statistics.median(1000 * one["core_seconds"] / one["tiles"] for one in runs)
        peak = max(one["peak_mb"] for one in runs)
        print(
            f"{WAYS[way]:40s} {statistics.median(rates(way)):7.1f}  {core:14.1f}  {peak:7.0f}"
            f"  {ratio(way, 'decode'):>9s} x  {ratio(way, 'shipseg'):>8s} x"
        )


def report_stages(stages: dict[str, Any], tiles: int) -> None:
    """Print what the stages of ours take of one core."""
    spent = stages["stages"]
    whole = sum(spent.values())
    print(f"shipseg by stage, core-ms a tile of {tiles} tiles, {stages['passed']} of which pass:")
    for name, seconds in spent.items():
        print(f"  {name:10s} {1000 * seconds / tiles:6.2f}  {seconds / whole:6.1%}")


# One way, in a process of its own


def run_way(task: dict[str, Any]) -> dict[str, Any]:
    """Load, warm up, and time one way over its tiles."""
    paths = [Path(path) for path in task["paths"]]
    if task["way"] == "stages":
        return time_stages(paths, task["bundle"])
    with tempfile.TemporaryDirectory() as folder:
        work = make_work(task, Path(folder))
        work(paths[:WARM_UP])
        core, start = time.process_time(), time.perf_counter()
        work(paths)
        seconds, core = time.perf_counter() - start, time.process_time() - core
    return {"tiles": len(paths), "seconds": seconds, "core_seconds": core, "peak_mb": peak_mb()}


def make_work(task: dict[str, Any], folder: Path) -> Callable[[list[Path]], None]:
    """Give what a way does with tiles."""
    from shipseg.imaging.decode import read_image

    way, workers = task["way"], task["workers"]
    if way.startswith("shipseg"):
        device = "openvino" if way == "shipseg-openvino" else "cpu"
        return predicting(task["bundle"], device, way != "shipseg-ungated", workers, folder)
    if way == "unet":
        return unet(workers)
    ask = nano(Path(task["nano"])) if way == "nano" else None

    def work(paths: list[Path]) -> None:
        def one(path: Path) -> None:
            picture = read_image(path)
            if ask is not None:
                ask(picture.rgb)

        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(one, paths):
                pass

    return work


def predicting(
    bundle: str | None, device: str, gated: bool, workers: int, folder: Path
) -> Callable[[list[Path]], None]:
    """Do what `shipseg predict` does, its two tables included."""
    from shipseg import Detector
    from shipseg.inference.batch import predict_paths
    from shipseg.writers import open_submission, open_tiles

    detector = Detector(bundle, device=device)

    def work(paths: list[Path]) -> None:
        with (
            open_submission(folder / "submission.csv") as submission,
            open_tiles(folder / "tiles.csv") as tiles,
        ):
            for outcome in predict_paths(detector, paths, workers=workers, gated=gated):
                assert outcome.detection is not None, outcome.error
                write(outcome.detection, submission, tiles)

    return work


def write(detection: Any, submission: Any, tiles: Any) -> None:
    submission.write(detection.name, [ship.runs for ship in detection.ships])
    tiles.write(detection.name, detection.ship_probability, len(detection.ships))


def nano(path: Path) -> Callable[[np.ndarray], None]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()

    def ask(rgb: np.ndarray) -> None:
        batch = rgb.transpose(2, 0, 1)[None].astype(np.float32) / 255
        session.run(None, {image.name: batch})

    return ask


def unet(workers: int) -> Callable[[list[Path]], None]:
    import torch
    from rivals_networks import plain_unet

    from shipseg.imaging.decode import read_image

    torch.set_num_threads(workers)
    net = plain_unet()

    @torch.inference_mode()
    def work(paths: list[Path]) -> None:
        for path in paths:
            rgb = torch.from_numpy(read_image(path).rgb.copy())
            batch = rgb.permute(2, 0, 1)[None].float() / 255
            torch.sigmoid(net(batch)).numpy()

    return work


def time_stages(paths: list[Path], bundle: str | None) -> dict[str, Any]:
    """Go through ours on one thread, stage by stage."""
    from shipseg import Detector
    from shipseg.imaging.decode import read_image
    from shipseg.inference.detector import Detection
    from shipseg.writers import open_submission, open_tiles

    detector = Detector(bundle)
    spent = dict.fromkeys(("decoding", "gate", "segmenter", "ships", "writing"), 0.0)

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        start = time.thread_time()
        yield
        spent[name] += time.thread_time() - start

    detector.predict(paths[0])
    passed = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        open_submission(Path(folder, "submission.csv")) as submission,
        open_tiles(Path(folder, "tiles.csv")) as tiles,
    ):
        for path in paths:
            with stage("decoding"):
                picture = read_image(path)
            with stage("gate"):
                sighting = detector.look(picture)
            with stage("segmenter"):
                maps = detector.search(picture, sighting)
            with stage("ships"):
                ships = detector.ships_in(maps, picture, sighting.heat)
            with stage("writing"):
                probability = sighting.probability
                found = Detection(path.name, picture.shape_hw, probability, bool(maps), ships)
                write(found, submission, tiles)
            passed += bool(maps)
    return {"stages": spent, "passed": passed}


def peak_mb() -> float:
    """Give this process's own peak; the one of getrusage would count its parent's as well."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1e6 if sys.platform == "darwin" else 1e3)
    return next(int(line.split()[1]) / 1e3 for line in status.splitlines() if "VmHWM" in line)


if __name__ == "__main__":
    main()
