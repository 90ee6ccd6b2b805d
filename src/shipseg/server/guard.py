"""Around every request: an id, safe headers, counts, and an answer whatever goes wrong inside."""

from __future__ import annotations

import errno
import logging
import re
import secrets
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shipseg.errors import ShipsegError
from shipseg.server.metrics import Metrics
from shipseg.server.pool import Stopped
from shipseg.server.problems import Problem, internal, problem_of

LOG = logging.getLogger("shipseg.server")

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = ("GET", "POST", "DELETE")
_FULL = (errno.ENOSPC, errno.EDQUOT)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every response: nothing comes from elsewhere, and nobody else may frame or embed it."""


class Guard:
    """ASGI middleware around the application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap an application."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            # Answered like GET; the connection leaves the body out.
            scope = {**scope, "method": "GET"}
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id)
        start = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Stopped:
            self._metrics.gone.inc()
        except Exception as error:
            problem = self._problem_of(error, request_id)
            if answer.status:  # Half an answer cannot be taken back; the connection breaks.
                raise
            await problem.response(request_id)(scope, receive, answer.send)
        finally:
            self._count(scope, answer.status, time.perf_counter() - start)

    def _problem_of(self, error: Exception, request_id: str) -> Problem:
        if isinstance(error, Problem):
            found = error
        elif isinstance(error, OSError) and error.errno in _FULL:
            found = Problem("storage", "there is no room to keep what was sent")
        elif isinstance(error, ShipsegError):
            found = problem_of(error)
        else:
            found = internal()
        if found.status >= 500 and found.code not in ("busy", "stopping", "jobs-full"):
            LOG.error("request %s failed", request_id, exc_info=error)
        self._metrics.problems.labels(found.code).inc()
        return found

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        # By the route's pattern: addresses and methods that strangers make up would each be a
        # series.
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(route, method, str(status or "none")).inc()
        self._metrics.seconds.labels(route).observe(seconds)


class _Answer:
    """Adds headers to the response's head, and notes its status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self._request_id, self.status = send, request_id, 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-ID"] = self._request_id
        await self._send(message)


def _request_id(headers: Headers) -> str:
    """Take the caller's id where it is harmless, else make one."""
    given = headers.get("x-request-id", "")
    return given if _ID.fullmatch(given) else secrets.token_hex(8)


def request_id_of(request: Any) -> str:
    """Give the id of a request."""
    found: str = request.state.request_id
    return found
