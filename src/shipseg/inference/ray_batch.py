"""Many pictures on many machines, through Ray Data (needs the `ray` extra).

A worker takes a batch of pictures, and writes what it found, and what is drawn of it, itself
(`ray_actors`). What comes out has the bytes of the local engine.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from shipseg.errors import ShipsegError
from shipseg.inference.batch import Outcome, predict_paths
from shipseg.inference.detector import Detector
from shipseg.inference.ray_actors import finished
from shipseg.inference.ray_parts import Parts

# A second or so of work, against milliseconds of handing it out.
_MOST_PICTURES = 32
# Of a small job, so that no worker has nothing to do while another has much.
_LEAST_BATCHES = 64


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

    def load(self) -> Detector:
        """Make a worker's detector."""
        return self.make_detector()

    def work(
        self, detector: Detector, parts: Parts, number: int, paths: Sequence[Path], tries: int
    ) -> None:
        """Work on a batch and write its part; a batch that is tried again is the same."""
        del tries
        parts.write(number, list(self._outcomes(detector, paths)))

    def name(self, paths: Sequence[Path]) -> str:
        """Call a batch by name, for messages."""
        return f"the {len(paths)} pictures from '{paths[0].name}' to '{paths[-1].name}'"

    def _outcomes(self, detector: Detector, paths: Sequence[Path]) -> Iterator[Outcome]:
        outcomes = predict_paths(
            detector, paths, workers=1, gated=self.gated, keep_pictures=self.keep_pictures
        )
        for outcome in outcomes:
            self.finish(outcome)
            # A batch of pictures is 60 MB, and they are drawn by now.
            yield replace(outcome, picture=None)


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
            with closing(finished(batches, job, parts, workers)) as steps:
                for taken, _ in enumerate(steps, start=1):
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
