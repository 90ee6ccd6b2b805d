"""OpenVINO gives what ONNX Runtime gives, whatever the threads and the order."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shipseg.bundle.format import load_bundle
from shipseg.errors import BundleError
from shipseg.imaging.synthetic import write_synthetic_dataset
from shipseg.inference.batch import find_images, predict_paths
from shipseg.inference.detector import Detector
from shipseg.inference.devices import Device
from shipseg.inference.runtime import GateSession, SegmenterSession

from .pixels import pixel_bundle_of

pytest.importorskip("openvino")

# bfloat16 keeps 8 bits of a number: probabilities move by as much, and on noise, which the networks
# never saw, one pixel in a thousand by more.
LOOSE, LOOSEST = 0.08, 0.25


def random_picture(
    height: int, width: int, seed: int = 0
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_both_runtimes_give_the_same() -> None:
    bundle = load_bundle()
    for size in ((256, 256), (256, 320)):
        image = random_picture(*size)
        ours = SegmenterSession(bundle, threads=1, device=Device.openvino)(image)
        theirs = SegmenterSession(bundle, threads=1)(image)
        assert ours.shape == theirs.shape
        assert ours.dtype == np.float32
        apart = np.abs(ours - theirs)
        assert np.quantile(apart, 0.999) < LOOSE
        assert apart.max() < LOOSEST
    side = bundle.manifest.gate.input_size
    image = random_picture(side, side)
    probability, cells = GateSession(bundle, threads=1, device=Device.openvino)(image)
    expected, expected_cells = GateSession(bundle, threads=1)(image)
    assert probability == pytest.approx(expected, abs=LOOSE)
    np.testing.assert_allclose(cells, expected_cells, atol=LOOSE)


def test_an_answer_is_the_caller_s_own() -> None:
    session = SegmenterSession(pixel_bundle_of(), threads=1, device=Device.openvino)
    first = session(random_picture(256, 256, seed=1))
    kept = first.copy()
    session(random_picture(256, 256, seed=2))
    np.testing.assert_array_equal(first, kept)
    first[:] = 0


def test_the_same_bytes_whatever_the_threads_and_the_order() -> None:
    session = SegmenterSession(load_bundle(), threads=1, device=Device.openvino)
    sizes = [(256, 256), (288, 256), (256, 288)] * 2
    pictures = [random_picture(*size, seed=i) for i, size in enumerate(sizes)]
    alone = [session(picture) for picture in pictures]
    with ThreadPoolExecutor(3) as pool:
        beside = list(pool.map(session, reversed(pictures)))
    for one, other in zip(alone, reversed(beside), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_graph_that_it_cannot_load_is_named() -> None:
    bundle = replace(pixel_bundle_of(), gate=b"not a graph")
    with pytest.raises(BundleError, match="pixels: the gate is no graph that OpenVINO can load"):
        GateSession(bundle, threads=1, device=Device.openvino)


def test_a_graph_in_the_other_s_place_is_refused() -> None:
    bundle = pixel_bundle_of()
    with pytest.raises(BundleError, match=r"the outputs maps .*, expected tile"):
        GateSession(replace(bundle, gate=bundle.segmenter), threads=1, device=Device.openvino)


@pytest.mark.skipif(os.name != "posix", reason="signals of another kind")
def test_a_signal_after_a_graph_was_dropped_does_no_harm() -> None:
    """Ctrl-C after another thread dropped the last reference must not end in a segfault."""
    code = """
import faulthandler, os, signal, threading
faulthandler.enable()
from shipseg.bundle.format import load_bundle
from shipseg.inference.devices import Device
from shipseg.inference.runtime import GateSession
kept = [GateSession(load_bundle(), threads=1, device=Device.openvino)]
thread = threading.Thread(target=kept.clear)
thread.start()
thread.join()
signal.signal(signal.SIGUSR1, lambda *_: print("alive"))
os.kill(os.getpid(), signal.SIGUSR1)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "alive\n")


def test_the_detector_finds_the_same_ships(tmp_path: Path) -> None:
    write_synthetic_dataset(tmp_path / "tiles", 6, ship_share=1.0)
    paths = find_images([tmp_path / "tiles" / "images"])
    found = {
        device: [outcome.detection for outcome in predict_paths(Detector(device=device), paths)]
        for device in ("cpu", "openvino")
    }
    assert Detector(device="openvino").device is Device.openvino
    ships = [[len(d.ships) for d in run if d is not None] for run in found.values()]
    assert sum(ships[0]) > 0
    # A ship whose mean lies at a threshold may come or go: one in ten, at most.
    assert sum(abs(a - b) for a, b in zip(*ships, strict=True)) <= max(1, sum(ships[0]) // 10)
    for ours, theirs in zip(found["openvino"], found["cpu"], strict=True):
        assert ours is not None
        assert theirs is not None
        assert ours.ship_probability == pytest.approx(theirs.ship_probability, abs=LOOSE)


def test_first_calls_at_the_same_time_do_not_wait_for_each_other_for_ever() -> None:
    # In a process of its own, for only the very first answers of a process can meet.
    program = """
import sys, threading
import numpy as np
from inference.pixels import pixel_bundle_of
from shipseg.inference.devices import Device
from shipseg.inference.runtime import SegmenterSession
session = SegmenterSession(pixel_bundle_of(), threads=1, device=Device.openvino)
together = threading.Barrier(8)
def ask():
    together.wait()
    session(np.zeros((32, 32, 3), np.uint8))
threads = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
sys.setswitchinterval(1e-6)
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(30)
sys.exit(any(thread.is_alive() for thread in threads))
"""
    path = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": path}, timeout=120
    )
    assert done.returncode == 0
