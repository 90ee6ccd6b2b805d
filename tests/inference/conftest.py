from pathlib import Path

import pytest

from shipseg.inference.detector import Detector

from .pixels import write_pixel_bundle


@pytest.fixture(scope="session")
def pixel_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a bundle whose probabilities are the pixels: see `pixels`."""
    return write_pixel_bundle(tmp_path_factory.mktemp("bundle") / "pixels")


@pytest.fixture(scope="session")
def detector(pixel_bundle: Path) -> Detector:
    return Detector(pixel_bundle)
