"""A Chromium, a real server, and a page that notices what it must not do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from ..process import Server, serving

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WAIT_MS = 20_000


@pytest.fixture(scope="session")
def chromium() -> str:
    found = os.environ.get("SHIPSEG_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium, or name one in SHIPSEG_CHROMIUM")
    return found


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Any]:
    # For this package only: Playwright's event loop runs as long, and other tests start their own.
    with sync_playwright() as playwright:
        # The pages are our own, and a container's root has no sandbox; without a GPU, drawing on
        # the processor is quicker than a GPU that the processor plays.
        found = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        expect.set_options(timeout=WAIT_MS)
        yield found
        found.close()


@pytest.fixture(scope="package")
def context(browser: Any) -> Iterator[Any]:
    """What most tests share, its cache above all."""
    found = new_context(browser)
    yield found
    found.close()


def new_context(browser: Any, **options: Any) -> Any:
    usual = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
    found = browser.new_context(**usual | options)
    found.set_default_timeout(WAIT_MS)
    return found


@pytest.fixture(scope="package")
def page_server(pixel_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    state = tmp_path_factory.mktemp("page") / "state"
    with serving(pixel_bundle, state, workers=2, queue=64, cache_bytes=64 * 1024**2) as found:
        yield found


class Watched:
    """A page, and all that it did wrong."""

    def __init__(self, page: Any, base: str) -> None:
        self.page, self.base = page, base
        self.asked: list[Any] = []
        self.faults: list[str] = []
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("console", self._listen)
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))

    def _note(self, request: Any) -> None:
        self.asked.append(request)
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data") and f"{parts.scheme}://{parts.netloc}" != self.base:
            self.faults.append(f"asked elsewhere: {request.url}")

    def _listen(self, message: Any) -> None:
        # Answers that are errors are listed there too, and are what some tests are about.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"console: {message.text}")

    def count(self, path: str) -> int:
        """How many requests went to addresses with this in them."""
        return sum(path in request.url for request in self.asked)


@pytest.fixture
def watched(context: Any, page_server: Server) -> Iterator[Watched]:
    """An open page of the usual kind."""
    yield from watch(context, page_server)


@pytest.fixture
def watched_as(
    browser: Any, page_server: Server, request: pytest.FixtureRequest
) -> Iterator[Watched]:
    """An open page in a browser of another kind, named by indirect parametrization."""
    own = new_context(browser, **request.param)
    yield from watch(own, page_server)
    own.close()


def watch(context: Any, server: Server) -> Iterator[Watched]:
    found = Watched(context.new_page(), f"http://127.0.0.1:{server.port}")
    found.page.goto(f"{found.base}/")
    yield found
    found.page.close()
    assert not found.faults


@pytest.fixture
def page(watched: Watched) -> Any:
    return watched.page
