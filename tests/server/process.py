"""A real server in a process of its own, with limits small enough for tests.

As a program: `python process.py BUNDLE SETTINGS`, with the fields of `Settings` as JSON. The blue
of a picture's first pixel is how long the gate takes for it, in tenths of a second.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

TENTH_S = 0.1


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def counters(self) -> dict[str, float]:
        _, text = self.ask("GET", "/metrics")
        lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def wait_for(self, **gauges: float) -> None:
        """Wait until gauges have these values; of a server at rest that is soon."""
        for _ in range(1000):
            found = self.counters()
            if all(found[f"shipseg_{name}"] == value for name, value in gauges.items()):
                return
            time.sleep(0.01)
        raise AssertionError({name: found[f"shipseg_{name}"] for name in gauges})


@contextmanager
def serving(bundle: Path, state: Path, **settings: Any) -> Iterator[Server]:
    """Start a server; at the end it is killed if it still runs."""
    log = state.parent / f"{state.name}.log"
    command = [sys.executable, __file__, str(bundle)]
    command.append(json.dumps({"state": str(state), "cache_bytes": 0, **settings}))
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line, log.read_text()
        yield Server(process, int(line), log)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def main(bundle: str, settings: str) -> None:
    from shipseg.imaging.picture import Picture
    from shipseg.inference.detector import Detector, Sighting
    from shipseg.server.app import create_app
    from shipseg.server.model import model_of
    from shipseg.server.run import bind, run
    from shipseg.server.settings import Settings

    class SlowDetector(Detector):
        def look(self, picture: Picture) -> Sighting:
            time.sleep(int(picture.rgb[0, 0, 2]) * TENTH_S)
            return super().look(picture)

    fields = json.loads(settings)
    made = Settings(**fields | {"state": Path(fields["state"])})
    sock = bind("127.0.0.1", 0)
    app = create_app(model_of(SlowDetector(bundle)), made)
    run(app, made, sock, lambda: print(sock.getsockname()[1], flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
