"""`shipseg serve`: the page and the HTTP API, until it is told to stop."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shipseg.cli.options import (
    BundleOption,
    DeviceOption,
    GateThresholdOption,
    JsonOption,
    ThresholdOption,
)
from shipseg.inference.devices import Device

if TYPE_CHECKING:
    import socket

    from shipseg.server.settings import Settings

# What the serve extra brings, and under which name it is imported.
_NEEDED = {
    "fastapi": "fastapi", "uvicorn": "uvicorn", "python-multipart": "python_multipart",
    "prometheus-client": "prometheus_client",
}  # fmt: skip


def serve(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen at; 0.0.0.0 is every one.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", help="0 takes any that is free.", min=0, max=65535)
    ] = 8000,
    bundle: BundleOption = None,
    threshold: ThresholdOption = None,
    gate_threshold: GateThresholdOption = None,
    device: DeviceOption = Device.cpu,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "-j", help="Pictures at a time.", min=1, max=256,
            show_default="one per core",
        ),
    ] = None,
    queue: Annotated[
        int,
        typer.Option(
            "--queue", help="Pictures that may wait; who comes then gets 503.", min=0, max=10_000
        ),
    ] = 16,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", help="Folder of the jobs, which survive a restart.",
            show_default="~/.local/state/shipseg",
        ),
    ] = None,
    max_mb: Annotated[
        int, typer.Option("--max-mb", help="Largest body of a prediction, in MiB.", min=1)
    ] = 64,
    max_job_mb: Annotated[
        int, typer.Option("--max-job-mb", help="Largest body of a job, in MiB.", min=1)
    ] = 4096,
    cache_mb: Annotated[
        int,
        typer.Option("--cache-mb", help="Memory for results that are asked for again.", min=0),
    ] = 64,
    key_rate: Annotated[
        int,
        typer.Option("--key-rate", help="Requests a minute for each API key; 0 sets none.", min=0),
    ] = 0,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Show a page for pictures, and answer programs, at http://127.0.0.1:8000/.

    Needs: pip install 'shipseg[serve]'

    The page takes pictures dropped into it; the API is described at /docs. SHIPSEG_API_KEYS holds
    the keys that callers must know, parted by commas; without it everybody may call.

    SIGTERM and Ctrl-C end it in order: running requests are answered, jobs go on at the next start.

    Example: shipseg serve --port 8080
    """
    _check_installed()
    # Imported here: reading --help should not load a model runtime.
    import os

    from shipseg.cli.console import note, show_json
    from shipseg.inference.detector import Detector
    from shipseg.parallel import worker_count
    from shipseg.server.app import create_app
    from shipseg.server.model import model_of
    from shipseg.server.run import bind, run, url_of
    from shipseg.server.settings import MIB, Settings, default_state, keys_from

    settings = Settings(
        state=default_state() if state is None else state,
        workers=worker_count(workers),
        queue=queue,
        body_bytes=max_mb * MIB,
        job_bytes=max_job_mb * MIB,
        cache_bytes=cache_mb * MIB,
        keys=keys_from(os.environ),
        key_rate=key_rate,
    )
    sock = bind(host, port)
    _warn(settings, sock)
    detector = Detector(bundle, threshold=threshold, gate_threshold=gate_threshold, device=device)
    app = create_app(model_of(detector), settings)

    def ready() -> None:
        if json:
            show_json(
                {"url": url_of(sock), "state": str(settings.state), "workers": settings.workers}
            )
            # Whoever reads it may wait for it before the first request.
            sys.stdout.flush()
        note(f"{url_of(sock)} is open; Ctrl-C ends it")

    _log_to_stderr()
    run(app, settings, sock, ready)


def _check_installed() -> None:
    from importlib.util import find_spec

    from shipseg.errors import MissingDependencyError

    for package, module in _NEEDED.items():
        if find_spec(module) is None:
            raise MissingDependencyError.of_extra(package, "serve", "shipseg serve")


def _warn(settings: Settings, sock: socket.socket) -> None:
    from shipseg.cli.console import note
    from shipseg.server.run import is_loopback
    from shipseg.server.settings import KEYS_VARIABLE

    if not settings.keys and not is_loopback(sock):
        note(
            f"everybody who can reach port {sock.getsockname()[1]} of this machine can use the "
            f"server: set {KEYS_VARIABLE}, or leave --host out"
        )


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(
        level=logging.ERROR, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # What is wrong with a picture is told to whoever sent it.
    logging.getLogger("rasterio").setLevel(logging.CRITICAL)
