"""One pool for all that computes: a bounded number runs, a bounded number waits."""

from __future__ import annotations

import asyncio
import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from shipseg.server.problems import Problem, busy, retry_later

Result = TypeVar("Result")

# The weight of the newest duration in the running mean.
_NEWEST = 0.2
_LONGEST_WAIT_S = 60
_NICE = 5


class Stopped(Exception):  # noqa: N818  no error: a caller left
    """Nobody waits for the result any more."""


class Ticket:
    """One place in the pool, from admission until its work has ended."""

    def __init__(self, owner: str | None) -> None:
        """Note whose it is."""
        self.owner = owner
        self._gone = threading.Event()

    def leave(self) -> None:
        """Say that nobody waits any more."""
        self._gone.set()

    @property
    def left(self) -> bool:
        """Whether nobody waits any more."""
        return self._gone.is_set()

    def check(self) -> None:
        """End the work between two of its stages.

        Raises:
            Stopped: Nobody waits any more.
        """
        if self.left:
            raise Stopped


class Pool:
    """Threads that run pictures. Used from the event loop only; the work runs on its threads.

    Args:
        workers: Pictures at a time.
        queue: Pictures that may wait.
        share: Most of the places that one owner may take, 0..1.
    """

    def __init__(self, workers: int, queue: int, share: float = 1.0) -> None:
        self.workers, self.places = workers, workers + queue
        self._share = max(1, math.ceil(share * self.places))
        self._threads = ThreadPoolExecutor(
            workers, thread_name_prefix="shipseg-pool", initializer=_stand_back
        )
        self._taken: Counter[str | None] = Counter()
        self._lock = threading.Lock()
        self.running = 0
        self._mean_s = 0.2
        self.stopping = False

    @property
    def taken(self) -> int:
        """Places taken, by what runs and what waits."""
        return self._taken.total()

    @property
    def waiting(self) -> int:
        """Pictures that wait for a worker."""
        return max(0, self.taken - self.running)

    def check(self, owner: str | None) -> None:
        """Refuse what would find no place, before its body is read.

        Raises:
            Problem: The queue is full, for all or for this owner, or the server is stopping.
        """
        if self.stopping:
            raise retry_later("stopping", "the server takes no new work", 5)
        if self.taken >= self.places:
            raise busy(self.wait_s())
        if owner is not None and self._taken[owner] >= self._share:
            raise Problem(
                "rate",
                f"{self._taken[owner]} pictures of this key are in work, which is its share",
                headers={"Retry-After": str(self.wait_s())},
            )

    def wait_s(self) -> int:
        """Estimate in how many seconds a place will be free."""
        return min(_LONGEST_WAIT_S, max(1, math.ceil(self._mean_s * self.waiting / self.workers)))

    async def run(
        self,
        owner: str | None,
        work: Callable[[Ticket], Result],
        gone: Callable[[], Awaitable[None]],
    ) -> Result:
        """Run work on a thread, and give its place up when the caller is gone.

        Args:
            owner: Whose it is; None where there are no keys.
            work: Called with its ticket, to be asked between stages.
            gone: Returns when the caller has gone.

        Raises:
            Problem: There is no place.
            Stopped: The caller has gone.
        """
        self.check(owner)
        ticket = Ticket(owner)
        self._taken[owner] += 1
        try:
            future = self._threads.submit(self._timed, ticket, work)
        except BaseException:
            self._give_back(owner)
            raise
        loop = asyncio.get_running_loop()
        # On the loop, where the counts are read and changed; the loop may be closed by then.
        future.add_done_callback(lambda _: _on_loop(loop, self._give_back, owner))
        return await self._await(future, ticket, gone)

    async def _await(
        self, future: Future[Result], ticket: Ticket, gone: Callable[[], Awaitable[None]]
    ) -> Result:
        result = asyncio.wrap_future(future)
        watch: asyncio.Future[None] = asyncio.ensure_future(gone())
        both: list[asyncio.Future[Any]] = [result, watch]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                return result.result()
            raise Stopped
        finally:
            watch.cancel()
            if not future.done():
                ticket.leave()
                # Waiting work is dropped at once; running work ends after its stage.
                result.cancel()

    def _timed(self, ticket: Ticket, work: Callable[[Ticket], Result]) -> Result:
        ticket.check()
        with self._lock:
            self.running += 1
        start = time.monotonic()
        try:
            return work(ticket)
        finally:
            with self._lock:
                self.running -= 1
                self._mean_s += _NEWEST * (time.monotonic() - start - self._mean_s)

    def _give_back(self, owner: str | None) -> None:
        self._taken[owner] -= 1
        if not self._taken[owner]:
            del self._taken[owner]

    def close(self) -> None:
        """Drop what waits and let what runs end."""
        self.stopping = True
        self._threads.shutdown(wait=True, cancel_futures=True)


def _stand_back() -> None:
    """Let the event loop go before this thread: whoever is refused is told so at once."""
    # On Linux a priority is of one thread; elsewhere it would be of the whole process.
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _on_loop(
    loop: asyncio.AbstractEventLoop, call: Callable[[str | None], None], owner: str | None
) -> None:
    # The loop may be closed: nobody counts any more.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, owner)
