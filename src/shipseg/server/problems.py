"""Errors over HTTP: RFC 9457, a stable code each, never the text of an unforeseen exception."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from shipseg.errors import ImageError, ShipsegError

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem.

    Attributes:
        status: The HTTP status.
        title: What it means, the same each time.
    """

    status: int
    title: str


KINDS: dict[str, Kind] = {
    "bad-request": Kind(400, "The request cannot be read"),
    "multipart": Kind(400, "The multipart body cannot be read"),
    "api-key": Kind(401, "An API key is missing or unknown"),
    "cross-site": Kind(403, "Pages of other sites may not use this server"),
    "not-found": Kind(404, "There is nothing here"),
    "job-unknown": Kind(404, "There is no such job"),
    "layer-missing": Kind(404, "This job has no such layer"),
    "method": Kind(405, "This method is not for this address"),
    "not-acceptable": Kind(406, "No such form of the answer"),
    "slow": Kind(408, "The body came too slowly"),
    "job-unfinished": Kind(409, "The job has no result"),
    "body-too-large": Kind(413, "The body is too large"),
    "image-too-large": Kind(413, "The picture is too large"),
    "media-type": Kind(415, "The body is of a type that is not taken"),
    "image-unsupported": Kind(415, "The picture is of a format that is not taken"),
    "parameters": Kind(422, "A parameter is wrong"),
    "no-image": Kind(422, "The request has no picture"),
    "image": Kind(422, "The picture is damaged"),
    "bad-input": Kind(422, "The input cannot be used as it is"),
    "rate": Kind(429, "Too many requests with this key"),
    "internal": Kind(500, "Something went wrong in the server"),
    "busy": Kind(503, "The queue is full"),
    "jobs-full": Kind(503, "Too many jobs are waiting"),
    "stopping": Kind(503, "The server is stopping"),
    "storage": Kind(507, "The server's disk is full"),
}
"""Code to status and title: the one table of what goes wrong over HTTP. See docs/serve.md."""

# Hints of the library speak of Python; these speak of the API.
_HINTS = {
    "image-too-large": "send it to POST /v1/jobs, which takes scenes of any size",
}


class Problem(Exception):  # noqa: N818  RFC 9457's word
    """Something to tell the caller.

    Args:
        code: A key of `KINDS`.
        detail: What was found and what was expected; the caller reads it.
        hint: What to do next.
        headers: Of the response, such as Retry-After.
        errors: For each wrong parameter its name and what is wrong.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(code)
        self.code, self.detail, self.hint = code, detail, hint
        self.headers = dict(headers or {})
        self.errors = errors

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.code].status

    def document(self, request_id: str | None) -> dict[str, Any]:
        """Give the members of the problem document."""
        kind = KINDS[self.code]
        found: dict[str, Any] = {
            "type": f"/docs#{self.code}",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
            "code": self.code,
        }
        optional = {"hint": self.hint, "errors": self.errors, "request_id": request_id}
        return found | {name: value for name, value in optional.items() if value is not None}

    def response(self, request_id: str | None) -> Response:
        """Make the response."""
        body = json.dumps(self.document(request_id), allow_nan=False).encode()
        return Response(
            body, self.status, {**self.headers, "Cache-Control": "no-store"}, MEDIA_TYPE
        )


def internal() -> Problem:
    """Give the problem of an unforeseen error: its text stays in the server's log."""
    return Problem(
        "internal",
        "an unforeseen error; the server's log has it under the request's id",
        hint="try again, and tell the operator if it stays",
    )


def problem_of(error: ShipsegError) -> Problem:
    """Give the problem of an error that shipseg raised on purpose.

    Of a picture the message is passed on: it is written for whoever sent it. Every other kind
    speaks of this server's model, files and disk, which is nobody else's business.
    """
    if isinstance(error, ImageError) or error.code == "bad-input":
        hint = _HINTS.get(error.code, error.hint)
        # What to add to a command is no help to whoever has none.
        known = hint is not None and "--" not in hint
        return Problem(error.code, error.message, hint=hint if known else None)
    return internal()


def busy(seconds: int) -> Problem:
    """Give the problem of a full queue."""
    return Problem(
        "busy",
        "as many pictures are waiting as may wait",
        hint=f"try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
    )


def retry_later(code: str, detail: str, seconds: int) -> Problem:
    """Give a problem that passes by itself."""
    return Problem(code, detail, headers={"Retry-After": str(seconds)})
