"""Analyses that may be asked for again in another form: the newest, up to a bound of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict

from shipseg.server.analysis import Analysis, Demand

Key = tuple[str, Demand]
"""SHA-256 of the bytes, and what was wanted of them."""


class Cache:
    """Least recently used ones go first. Safe between threads.

    Args:
        most_bytes: Bound on all together; 0 keeps none.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[Key, Analysis] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Analysis | None:
        """Give an analysis, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Key, analysis: Analysis) -> None:
        """Keep an analysis, unless it alone is over the bound."""
        if analysis.bytes > self._most:
            return
        with self._lock:
            self._drop(key)
            self._kept[key] = analysis
            self._bytes += analysis.bytes
            while self._bytes > self._most:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        old = self._kept.pop(key, None)
        if old is not None:
            self._bytes -= old.bytes
