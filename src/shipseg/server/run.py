"""The process: a bound socket, uvicorn with our connections, and an end without loss."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from shipseg.errors import UsageError
from shipseg.server.protocol import connection_class
from shipseg.server.service import Service
from shipseg.server.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

# Callers that come in one go wait here for their turn; Linux cuts it to net.core.somaxconn.
_BACKLOG = 4096
# An idle connection of a caller that may come back; proxies keep theirs for a minute.
_KEEP_ALIVE_S = 65
# Bytes of a request's head. Cookies and a long query fit; a flood of headers does not.
_HEAD_BYTES = 32 * 1024
# Uploads, pictures, libraries, and what a thread opens for a moment.
_OTHER_FILES = 512


class Server(uvicorn.Server):
    """uvicorn's server, which says when it is open, and that it is stopping before it does.

    Args:
        config: With the application.
        service: Of the same application.
        ready: Called once, when connections are taken.
    """

    def __init__(self, config: uvicorn.Config, service: Service, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._service, self._ready = service, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open, and say so."""
        await super().startup(sockets)
        if not self.should_exit:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: what runs is ended in order, what is new is refused."""
        self._service.draining = True
        super().handle_exit(sig, frame)


def bind(host: str, port: int) -> socket.socket:
    """Take an address, before anything costly is loaded.

    Args:
        host: A name or an address, IPv4 or IPv6.
        port: 0 takes any that is free.

    Raises:
        UsageError: It cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"'{host}' is no address of this machine: {error}") from error
    try:
        # A server that was stopped a moment ago does not block its successor.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise UsageError(
            f"port {port} of '{host}' cannot be had: {error.strerror}",
            hint="name another one with --port, or 0 for any that is free",
        ) from error
    return sock


def is_loopback(sock: socket.socket) -> bool:
    """Tell whether only this machine can reach a bound socket."""
    host = sock.getsockname()[0]
    return bool(host == "::1" or host.startswith("127."))


def url_of(sock: socket.socket) -> str:
    """Give the address for a browser on this machine."""
    host, port = sock.getsockname()[:2]
    # What listens everywhere is not an address that one can open everywhere.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def allow_connections(count: int) -> None:
    """Let this process have so many connections open at a time, as far as the system lets it.

    Many systems give 1,024 open files unless they are asked; connections beyond that would wait,
    and those of the operator's health checks among them.
    """
    try:
        import resource
    except ImportError:  # Windows has no such bound.
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run(app: FastAPI, settings: Settings, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; running requests then have `settings.drain_s` to end.

    Args:
        app: From `shipseg.server.app.create_app`.
        settings: The same.
        sock: From `bind`.
        ready: Called once, when connections are taken.

    Raises:
        KeyboardInterrupt: Ctrl-C, after the orderly end.
    """
    allow_connections(settings.connections)
    config = uvicorn.Config(
        app,
        http=connection_class(settings),
        ws="none",
        lifespan="on",
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.drain_s,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        access_log=False,
        # Set up by the program, if at all; uvicorn's own would be a second way to write lines.
        log_config=None,
        log_level="error",
        # The operator's proxy names its version, if anybody has to.
        server_header=False,
    )
    # uvicorn raises the signal again when all is done, for whoever handled it before; that a
    # SIGTERM was obeyed is no failure.
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        Server(config, app.state.service, ready).run(sockets=[sock])
    finally:
        signal.signal(signal.SIGTERM, before)
        sock.close()
