"""Pieces of work shared out between Ray's actors: one detector each, tried again where one dies.

What a piece comes to is a part on a disk that every machine sees (`ray_parts`); only its number
goes back. Ray starts an actor anew when it dies, and gives its piece to another.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from shipseg.errors import ShipsegError, UsageError
from shipseg.inference.detector import Detector
from shipseg.inference.ray_cluster import cluster, last_line, size_of
from shipseg.inference.ray_parts import Parts

# Ray tries again for ever. A picture that kills whoever opens it would then kill for ever.
_MOST_TRIES = 3


class Job(Protocol):
    """What the actors do. It is sent to them, so it has to pickle."""

    @property
    def cards(self) -> bool:
        """Whether each actor needs an NVIDIA card of its own."""

    def load(self) -> Detector:
        """Make an actor's detector."""

    def work(
        self, detector: Detector, parts: Parts, number: int, paths: Sequence[Path], tries: int
    ) -> None:
        """Work on a piece and write its part.

        Args:
            detector: The actor's.
            parts: Where the part goes.
            number: The piece's.
            paths: What it is about, absolute.
            tries: How often it has been tried, this time included.
        """

    def name(self, paths: Sequence[Path]) -> str:
        """Call a piece by name, for messages."""


def finished(
    pieces: Sequence[Sequence[Path]], job: Job, parts: Parts, workers: int | None
) -> Generator[None, None, None]:
    """Have pieces worked on; it yields once for each that is finished, in their order.

    Args:
        pieces: Paths of each, which every machine sees under the same absolute names.
        job: What to do with them.
        parts: Where what they come to is written.
        workers: Actors; None takes one per core or card of the cluster, and more there never are.

    Raises:
        MissingDependencyError: Ray is not installed.
        UsageError: No cluster answers, or it has no core or no card.
        ShipsegError: A worker cannot load the detector, or a piece killed every worker that tried.
    """
    with cluster(workers) as ray:
        count = min(_workers_for(ray, job, workers), len(pieces))
        try:
            with closing(_rows(ray, pieces, job, parts, count)) as rows:
                yield from rows
        except (ShipsegError, GeneratorExit):
            raise
        except Exception as error:  # whatever Ray wraps it into
            raise parts.failure() or _unknown(error) from error


def _rows(
    ray: Any, pieces: Sequence[Sequence[Path]], job: Job, parts: Parts, workers: int
) -> Generator[None, None, None]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    items = [
        # As bytes, because a file's name need not be text that Arrow takes.
        {"number": number, "paths": [os.fsencode(path.absolute()) for path in paths]}
        for number, paths in enumerate(pieces)
    ]
    found = ray.data.from_items(items, override_num_blocks=len(items)).map(
        _Actor,
        fn_constructor_args=(job, parts, workers),
        # No piece waits behind another of a busy worker, or dies with it.
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        num_cpus=1,
        num_gpus=1 if job.cards else None,
    )
    for _ in found.iter_rows():
        yield


def _workers_for(ray: Any, job: Job, workers: int | None) -> int:
    kind, what = ("GPU", "card") if job.cards else ("CPU", "core")
    there = size_of(ray, kind)
    if there < 1:
        raise UsageError(
            f"the Ray cluster has no {what} to work with",
            hint="'ray status' lists what it has",
        )
    # More would wait for room, and hold what they wait with.
    return min(workers or there, there)


def _unknown(error: Exception) -> ShipsegError:
    return ShipsegError(
        f"Ray could not finish: {last_line(error)}",
        hint="every machine has to see the pictures, the bundle and the output folder; Ray's logs "
        "say more, by default in /tmp/ray/session_latest/logs",
    )


class _Actor:
    """A detector, and what it does with a piece."""

    def __init__(self, job: Job, parts: Parts, workers: int) -> None:
        self._job, self._parts = job, parts
        with parts.telling():
            self._detector = self._load(workers)

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        number = int(item["number"])
        paths = [Path(os.fsdecode(path)) for path in item["paths"]]
        with self._parts.telling():
            tries = self._parts.begin(f"{number:08d}")
            if tries > _MOST_TRIES:
                raise ShipsegError(
                    f"{_MOST_TRIES} workers died over {self._job.name(paths)}",
                    hint="is one of them hostile, or is there too little memory? Leave them out, "
                    "or try fewer --workers",
                )
            self._job.work(self._detector, self._parts, number, paths, tries)
        return {"number": number}

    def _load(self, workers: int) -> Detector:
        # All may load at once, and those that never come back leave their mark.
        if self._parts.begin("loading") > _MOST_TRIES * workers:
            raise ShipsegError(
                "workers die while they load the model, again and again",
                hint="is there memory enough for each? Try fewer --workers",
            )
        detector = self._job.load()
        self._parts.forget("loading")
        return detector
