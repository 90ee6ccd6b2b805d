"""Places in the pool: taken, shared between keys, and always given back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shipseg.server.pool import Pool, Stopped, Ticket
from shipseg.server.problems import Problem


async def never() -> None:
    await asyncio.Event().wait()


def run(main: Callable[[Pool], Awaitable[Any]], **sizes: Any) -> None:
    async def within() -> None:
        pool = Pool(**sizes)
        try:
            await main(pool)
        finally:
            pool.close()
        await asyncio.sleep(0)
        assert (pool.taken, pool.running, pool.waiting) == (0, 0, 0)

    asyncio.run(asyncio.wait_for(within(), 30))


async def settle(pool: Pool, **wanted: int) -> None:
    while any(getattr(pool, name) != value for name, value in wanted.items()):
        await asyncio.sleep(0.001)


def test_results_and_errors_come_back() -> None:
    async def main(pool: Pool) -> None:
        assert await pool.run(None, lambda ticket: 7, never) == 7
        with pytest.raises(KeyError):
            await pool.run(None, lambda ticket: {}[0], never)
        await settle(pool, taken=0)

    run(main, workers=1, queue=0)


def test_who_comes_too_many_is_refused_and_told_when_to_come() -> None:
    free = threading.Event()

    async def main(pool: Pool) -> None:
        tasks = [asyncio.create_task(pool.run(None, lambda t: free.wait(), never)) for _ in "abc"]
        await settle(pool, running=1, waiting=2)
        with pytest.raises(Problem) as caught:
            await pool.run(None, lambda ticket: None, never)
        assert (caught.value.code, caught.value.status) == ("busy", 503)
        assert int(caught.value.headers["Retry-After"]) == pool.wait_s() >= 1
        free.set()
        await asyncio.gather(*tasks)
        await settle(pool, taken=0)
        assert await pool.run(None, lambda ticket: 1, never) == 1
        await settle(pool, taken=0)

    run(main, workers=1, queue=2)


def test_one_key_has_its_share_and_leaves_the_rest() -> None:
    free = threading.Event()

    async def main(pool: Pool) -> None:
        mine = [asyncio.create_task(pool.run("a", lambda t: free.wait(), never)) for _ in "xy"]
        await settle(pool, taken=2)
        with pytest.raises(Problem) as caught:
            pool.check("a")
        assert (caught.value.code, caught.value.status) == ("rate", 429)
        pool.check("b")
        free.set()
        await asyncio.gather(*mine)
        await settle(pool, taken=0)
        pool.check("a")

    run(main, workers=1, queue=3, share=0.5)


def test_who_leaves_while_waiting_is_never_worked_for() -> None:
    free, worked = threading.Event(), []

    async def main(pool: Pool) -> None:
        first = asyncio.create_task(pool.run(None, lambda t: free.wait(), never))
        await settle(pool, running=1)
        gone = asyncio.Event()
        second = asyncio.create_task(pool.run(None, worked.append, gone.wait))
        await settle(pool, waiting=1)
        gone.set()
        with pytest.raises(Stopped):
            await second
        await settle(pool, taken=1)
        free.set()
        await first
        await settle(pool, taken=0)

    run(main, workers=1, queue=1)
    assert not worked


def test_who_leaves_while_worked_for_ends_the_work_at_its_next_stage() -> None:
    begun, stages = threading.Event(), []

    def work(ticket: Ticket) -> None:
        begun.set()
        while not ticket.left:
            pass
        stages.append("first")
        ticket.check()
        stages.append("second")

    async def main(pool: Pool) -> None:
        gone = asyncio.Event()
        task = asyncio.create_task(pool.run(None, work, gone.wait))
        await asyncio.to_thread(begun.wait)
        gone.set()
        with pytest.raises(Stopped):
            await task
        await settle(pool, taken=0)

    run(main, workers=1, queue=0)
    assert stages == ["first"]


def test_a_cancelled_request_gives_its_place_back() -> None:
    free = threading.Event()

    async def main(pool: Pool) -> None:
        tasks = [asyncio.create_task(pool.run(None, lambda t: free.wait(), never)) for _ in "ab"]
        await settle(pool, running=1, waiting=1)
        for task in tasks:
            task.cancel()
        await settle(pool, taken=1)
        free.set()
        await settle(pool, taken=0)

    run(main, workers=1, queue=1)


def test_a_stopping_pool_takes_nothing() -> None:
    async def main(pool: Pool) -> None:
        pool.stopping = True
        with pytest.raises(Problem) as caught:
            pool.check(None)
        assert caught.value.code == "stopping"

    run(main, workers=1, queue=1)
