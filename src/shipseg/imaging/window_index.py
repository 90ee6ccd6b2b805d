"""Find the windows that overlap another one without asking each: a grid of buckets."""

from __future__ import annotations

from collections.abc import Iterator

from shipseg.imaging.tiling import Window

# About the side of a window: few buckets each, few windows in a bucket.
_BUCKET_PX = 512


class WindowIndex:
    """A changing set of windows, in the order in which they were added."""

    def __init__(self) -> None:
        self._order: dict[Window, int] = {}
        self._buckets: dict[tuple[int, int], set[Window]] = {}
        self._next = 0

    def __iter__(self) -> Iterator[Window]:
        """Yield the windows in their order."""
        return iter(self._order)

    def add(self, window: Window) -> None:
        """Add a window that is not there yet."""
        self._order[window] = self._next
        self._next += 1
        for bucket in _buckets_of(window):
            self._buckets.setdefault(bucket, set()).add(window)

    def remove(self, window: Window) -> None:
        """Take a window out that is there."""
        del self._order[window]
        for bucket in _buckets_of(window):
            self._buckets[bucket].discard(window)

    def overlapping(self, window: Window) -> list[Window]:
        """List the windows that share a pixel with this one, in their order."""
        found: set[Window] = set()
        for bucket in _buckets_of(window):
            found |= {w for w in self._buckets.get(bucket, ()) if _overlap(window, w)}
        return sorted(found, key=self._order.__getitem__)


def _buckets_of(window: Window) -> Iterator[tuple[int, int]]:
    for y in range(window.y0 // _BUCKET_PX, (window.y1 - 1) // _BUCKET_PX + 1):
        for x in range(window.x0 // _BUCKET_PX, (window.x1 - 1) // _BUCKET_PX + 1):
            yield x, y


def _overlap(a: Window, b: Window) -> bool:
    return a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1
