"""Connections that cannot be held for nothing: uvicorn's HTTP/1.1 with deadlines and a cap."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from shipseg.server.problems import MEDIA_TYPE, Problem
from shipseg.server.settings import Settings

# A reader that takes nothing for this long is gone, or means harm.
_STALLED_S = 30.0


class Connection(H11Protocol):
    """One connection.

    uvicorn alone waits for ever for the head of a first request, and for a reader of the last
    answer. Here both have a deadline; how slowly a body may come is `Intake`'s business.
    """

    settings: Settings

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it at once where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.settings.connections:
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; from the first of them a head has a deadline.

        Between two requests uvicorn's own, longer one for idle connections holds: proxies keep
        connections for a minute, and send a request on one that was closed meanwhile in vain.
        """
        super().data_received(data)
        if self._in_request():
            self._forget()
        elif self._deadline is None:
            self._await_head()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, but not for ever on a reader that takes nothing."""
        super().timeout_keep_alive_handler()
        self._await_reader()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of every other error."""
        problem = Problem("bad-request", "this is no HTTP/1.1 request").document(None)
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"connection", b"close"),
        ]
        try:
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=json.dumps(problem).encode()),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:
            # An answer is half way out already.
            pass
        self.transport.close()

    def _in_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._forget()
        self._deadline = self.loop.call_later(self.settings.idle_s, self._too_late)

    def _too_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
        self._await_reader()

    def _await_reader(self) -> None:
        """Give up on a closing connection when its reader took nothing since the last look."""
        self._forget()
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent == self._unsent:
            self.transport.abort()
        elif unsent:
            self._unsent = unsent
            self._deadline = self.loop.call_later(_STALLED_S, self._await_reader)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def connection_class(settings: Settings) -> type[Connection]:
    """Give the class of a server's connections, which uvicorn makes."""
    return type("BoundConnection", (Connection,), {"settings": settings})
