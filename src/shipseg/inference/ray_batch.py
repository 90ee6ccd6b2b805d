"""Many pictures on many machines, through Ray Data (needs the `ray` extra).

Each worker is an actor with a detector of its own. It takes a batch of pictures, and writes what
it found, and what is drawn of it, itself; only the batch's number goes back. Ray starts an actor
anew when it dies, and gives its batch to another. What comes out has the bytes of the local engine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shipseg.errors import ShipsegError, UsageError
from shipseg.inference.batch import Outcome, predict_paths
from shipseg.inference.detector import Detector
from shipseg.inference.ray_cluster import cluster, last_line, size_of
from shipseg.inference.ray_parts import Parts

# A second or so of work, against milliseconds of handing it out.
_MOST_PICTURES = 32
# Of a small job, so that no worker has nothing to do while another has much.
_LEAST_BATCHES = 64
# Ray tries again for ever. A picture that kills whoever opens it would then kill for ever.
_MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class RayJob:
    """What the workers do. It is sent to them, so it has to pickle.

    Attributes:
        make_detector: Makes a worker's detector.
        finish: Called by the worker with each outcome, its path absolute.
        gated: Whether the gate decides which pictures are segmented.
        keep_pictures: Whether `finish` needs the decoded pixels.
        cards: Whether each worker needs an NVIDIA card of its own.
    """

    make_detector: Callable[[], Detector]
    finish: Callable[[Outcome], None]
    gated: bool = True
    keep_pictures: bool = False
    cards: bool = False


def predict_on_ray(
    images: Sequence[Path],
    job: RayJob,
    folder: Path,
    *,
    workers: int | None = None,
) -> Generator[Outcome, None, None]:
    """Find ships in many files on a Ray cluster; outcomes come in the order of `images`.

    The cluster is the one that the environment variable RAY_ADDRESS names, or one on this machine
    for the time of the call. On an interrupt, and on an error that ends the work, the outcomes of
    all batches that are finished come out before it is raised again.

    Args:
        images: Files, which every machine sees under the same absolute paths.
        job: What to do with them.
        folder: Where the workers put their parts of the result for the time of the call; every
            machine sees it too.
        workers: Actors, each with a core of its own; None takes one per core of the cluster, or
            per card, and more than that there never are.

    Raises:
        MissingDependencyError: Ray is not installed.
        UsageError: No cluster answers, or it has no core or no card.
        ShipsegError: A worker cannot load the detector, or a batch killed every worker that tried.
    """
    if not images:
        return
    batch = min(_MOST_PICTURES, -(-len(images) // _LEAST_BATCHES))
    batches = [images[i : i + batch] for i in range(0, len(images), batch)]
    parts = Parts.make(folder)
    stopped: BaseException | None = None
    taken = 0
    try:
        try:
            with closing(_finished(batches, job, parts, workers)) as finished:
                for taken, _ in enumerate(finished, start=1):
                    yield from parts.read(taken - 1, batches[taken - 1])
        except (KeyboardInterrupt, ShipsegError) as error:
            stopped = error
        for number in range(taken, len(batches)):
            if parts.has(number):
                yield from parts.read(number, batches[number])
        if stopped is not None:
            raise stopped
    finally:
        parts.remove()


def _finished(
    batches: Sequence[Sequence[Path]], job: RayJob, parts: Parts, workers: int | None
) -> Generator[None, None, None]:
    """Have the batches worked on; it yields once for each that is finished, in their order."""
    with cluster(workers) as ray:
        count = min(_workers_for(ray, job, workers), len(batches))
        try:
            with closing(_rows(ray, batches, job, parts, count)) as rows:
                yield from rows
        except (ShipsegError, GeneratorExit):
            raise
        except Exception as error:  # whatever Ray wraps it into
            raise parts.failure() or _unknown(error) from error


def _rows(
    ray: Any, batches: Sequence[Sequence[Path]], job: RayJob, parts: Parts, workers: int
) -> Generator[None, None, None]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    items = [
        # As bytes, because a file's name need not be text that Arrow takes.
        {"number": number, "paths": [os.fsencode(path.absolute()) for path in pictures]}
        for number, pictures in enumerate(batches)
    ]
    found = ray.data.from_items(items, override_num_blocks=len(items)).map(
        _Worker,
        fn_constructor_args=(job, parts, workers),
        # No batch waits behind another of a busy worker, or dies with it.
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        num_cpus=1,
        num_gpus=1 if job.cards else None,
    )
    for _ in found.iter_rows():
        yield


def _workers_for(ray: Any, job: RayJob, workers: int | None) -> int:
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


class _Worker:
    """An actor: a detector, and what it does with a batch."""

    def __init__(self, job: RayJob, parts: Parts, workers: int) -> None:
        self._job, self._parts = job, parts
        with parts.telling():
            self._detector = self._load(workers)

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        number = int(item["number"])
        paths = [Path(os.fsdecode(path)) for path in item["paths"]]
        with self._parts.telling():
            self._parts.write(number, list(self._work(number, paths)))
        return {"number": number}

    def _load(self, workers: int) -> Detector:
        # All may load at once, and those that never come back leave their mark.
        if self._parts.begin("loading") > _MOST_TRIES * workers:
            raise ShipsegError(
                "workers die while they load the model, again and again",
                hint="is there memory enough for each? Try fewer --workers",
            )
        detector = self._job.make_detector()
        self._parts.forget("loading")
        return detector

    def _work(self, number: int, paths: Sequence[Path]) -> Iterator[Outcome]:
        if self._parts.begin(f"{number:08d}") > _MOST_TRIES:
            raise ShipsegError(
                f"{_MOST_TRIES} workers died over the {len(paths)} pictures from "
                f"'{paths[0].name}' to '{paths[-1].name}'",
                hint="is one of them hostile, or is there too little memory? Leave them out, or "
                "try fewer --workers",
            )
        outcomes = predict_paths(
            self._detector,
            paths,
            workers=1,
            gated=self._job.gated,
            keep_pictures=self._job.keep_pictures,
        )
        for outcome in outcomes:
            self._job.finish(outcome)
            # A batch of pictures is 60 MB, and they are drawn by now.
            yield replace(outcome, picture=None)
