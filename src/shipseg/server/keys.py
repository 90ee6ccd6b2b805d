"""Who may call: API keys, compared in constant time, each with a rate of its own."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Callable

from starlette.datastructures import Headers

from shipseg.server.problems import Problem

_BEARER = "bearer "


class Keyring:
    """The keys of a server.

    Args:
        keys: Printable ASCII; empty means that everybody may call.
        rate: Requests a minute for each key, 0 for no limit; a minute's worth may come at once.
        clock: Seconds that never go back.
    """

    def __init__(
        self, keys: tuple[str, ...], rate: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys = [key.encode() for key in keys]
        self._rate, self._clock = rate, clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def owner(self, headers: Headers) -> str | None:
        """Tell whose request it is.

        Args:
            headers: With `Authorization: Bearer KEY` or `X-API-Key: KEY`.

        Returns:
            A name that stands for the key and does not give it away; None where there are no keys.

        Raises:
            Problem: The key is missing or unknown.
        """
        if not self._keys:
            return None
        given = _given(headers)
        # Every key is compared, so that the time does not tell which one was near.
        matches = [hmac.compare_digest(key, given) for key in self._keys]
        if not any(matches):
            raise Problem(
                "api-key",
                "no known API key came with the request",
                hint="send the header 'Authorization: Bearer KEY'",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return hashlib.sha256(self._keys[matches.index(True)]).hexdigest()[:16]

    def spend(self, owner: str | None) -> None:
        """Count a request of an owner.

        Raises:
            Problem: There were too many in the last minute.
        """
        if owner is None or not self._rate:
            return
        now = self._clock()
        tokens, since = self._buckets.get(owner, (float(self._rate), now))
        tokens = min(self._rate, tokens + (now - since) * self._rate / 60)
        if tokens < 1:
            seconds = math.ceil((1 - tokens) * 60 / self._rate)
            raise Problem(
                "rate",
                f"the limit is {self._rate} requests a minute",
                hint=f"try again in {seconds} s",
                headers={"Retry-After": str(seconds)},
            )
        self._buckets[owner] = (tokens - 1, now)


def _given(headers: Headers) -> bytes:
    bearer = headers.get("authorization", "")
    if bearer[: len(_BEARER)].lower() == _BEARER:
        return bearer[len(_BEARER) :].strip().encode("latin-1", "replace")
    return headers.get("x-api-key", "").encode("latin-1", "replace")
