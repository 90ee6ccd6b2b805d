from __future__ import annotations

import pytest
from inference.pixels import write_pixel_bundle

from shipseg.inference.detector import Detector


@pytest.fixture(scope="session")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """Green is the gate's probability of ship, red the segmenter's."""
    return Detector(write_pixel_bundle(tmp_path_factory.mktemp("bundle") / "pixels"))


@pytest.fixture(scope="session")
def bundled() -> Detector:
    """The detector that comes with the package."""
    return Detector()
