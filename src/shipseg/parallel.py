"""Threads that work side by side and hand their results over in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from shipseg.errors import UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")


def worker_count(workers: int | None) -> int:
    """Say how many threads shall work.

    Args:
        workers: As the caller wants it; None takes one per core that this process may use.

    Raises:
        UsageError: `workers` is below 1.
    """
    if workers is None:
        # A container or a batch system often grants fewer cores than the machine has.
        granted = getattr(os, "sched_getaffinity", None)
        return len(granted(0)) if granted else os.cpu_count() or 1
    if workers < 1:
        raise UsageError(f"workers is {workers}, expected 1 or more")
    return workers


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], count: int
) -> Generator[Result, None, None]:
    """Run `work` on threads, a bounded number ahead of whoever takes the results.

    Args:
        work: Called once per item; what it raises is raised where its result would come.
        items: What to work on; taken as results are taken, so that they may be endless.
        count: How many threads.

    Yields:
        The results, in the order of `items`.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="shipseg") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                # Decoding, gate and segmenter release the interpreter, so threads do run at once.
                if len(waiting) >= 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # An error, Ctrl-C or a caller that stops early: what has not started shall not.
            for future in waiting:
                future.cancel()
