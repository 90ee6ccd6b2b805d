"""An answer that comes before the body has been read must still reach its caller.

A connection that is closed with unread bytes is reset, and the reset throws away what the caller
has not read yet (RFC 9112, 9.6). So the answer goes out at once, and what still comes is read and
thrown away for a moment before the end.
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = 2.0
_BYTES = 4 * 1024**2


class Linger:
    """ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _brings_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        body = _Body(receive)

        async def send_late(message: Message) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body")
            if not last or body.ended:
                await send(message)
                return
            await send({**message, "more_body": True})
            await body.drain()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app(scope, body.receive, send_late)


def _brings_body(headers: Headers) -> bool:
    # Whoever waits for 100 Continue sends nothing after another answer.
    if headers.get("expect", "").lower() == "100-continue":
        return False
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


class _Body:
    """A request's body, and whether it has ended."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self.ended = receive, False

    async def receive(self) -> Message:
        message = await self._receive()
        self.ended |= not message.get("more_body")
        return message

    async def drain(self) -> None:
        """Throw away what still comes, up to a bound of seconds and bytes."""
        left = _BYTES
        try:
            async with asyncio.timeout(_SECONDS):
                while left > 0 and not self.ended:
                    left -= len((await self.receive()).get("body", b""))
        except TimeoutError:
            pass
