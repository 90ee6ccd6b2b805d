from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from inference.pixels import write_pixel_bundle
from starlette.testclient import TestClient

from shipseg.inference.detector import Detector
from shipseg.server.app import create_app
from shipseg.server.model import Model, model_of
from shipseg.server.settings import Settings

from .process import Server, serving


@pytest.fixture(scope="session")
def pixel_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose probabilities are the pixels: green is the gate's, red the segmenter's."""
    return write_pixel_bundle(tmp_path_factory.mktemp("bundle") / "pixels")


@pytest.fixture(scope="session")
def model(pixel_bundle: Path) -> Model:
    return model_of(Detector(pixel_bundle))


@pytest.fixture(scope="module")
def client(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A running application without keys."""
    settings = Settings(state=tmp_path_factory.mktemp("state"), request_pixels=4_000_000)
    with TestClient(create_app(model, settings), raise_server_exceptions=False) as found:
        yield found


@pytest.fixture(scope="session")
def server(pixel_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with small limits, for tests that leave it as it was."""
    state = tmp_path_factory.mktemp("server") / "state"
    with serving(
        pixel_bundle, state, workers=1, queue=2, body_bytes=200_000, job_bytes=400_000,
        request_pixels=4_000_000, upload_grace_s=2.0, upload_rate=100_000, idle_s=1.5, jobs=10_000,
    ) as found:  # fmt: skip
        yield found
