"""Prediction loads nothing that brings torch, even where torch is installed."""

import subprocess
import sys
from pathlib import Path

import pytest
from inference.pixels import write_pixel_bundle

HEAVY = ("torch", "torchvision", "timm", "pytorch_lightning", "matplotlib", "onnx")
REPORT = f"import sys; print([name for name in {HEAVY} if name in sys.modules])"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pixel_bundle(tmp_path_factory.mktemp("bundle") / "pixels")


@pytest.mark.parametrize(
    "code",
    [
        "import shipseg",
        "from shipseg import Detector",
        """
import sys
import numpy as np
from shipseg import Detector
rgb = np.zeros((768, 768, 3), np.uint8)
rgb[300:312, 300:340] = 255
(ship,) = Detector(sys.argv[1]).detect(rgb)
assert (ship.area_px, ship.polygon.area, ship.length_px) == (480, 480.0, 40.0), ship
""",
    ],
    ids=["import", "detector", "prediction"],
)
def test_no_torch(code: str, bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}", str(bundle)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_import_alone_loads_not_even_numpy() -> None:
    code = "import shipseg, sys; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr
