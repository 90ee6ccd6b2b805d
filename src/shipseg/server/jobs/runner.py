"""One thread that does the jobs, oldest first; an orderly stop and a crash both lose nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from shipseg.errors import ShipsegError
from shipseg.server.jobs.store import Job, JobStore
from shipseg.server.jobs.work import work_on
from shipseg.server.model import Model
from shipseg.server.pool import Stopped, Ticket
from shipseg.server.problems import internal, problem_of

LOG = logging.getLogger("shipseg.server")

_LOOK_EVERY_S = 60.0


class JobRunner:
    """Does the jobs of a store.

    Args:
        store: With the jobs.
        model: That looks.
        request_pixels: Up to this size a picture is looked at in one go.
    """

    def __init__(self, store: JobStore, model: Model, request_pixels: int) -> None:
        self._store, self._model, self._request_pixels = store, model, request_pixels
        self._wake, self._lock = threading.Event(), threading.Lock()
        self._stopping = False
        self._current: tuple[str, Ticket] | None = None
        self._progress: dict[str, float] = {}
        self._thread = threading.Thread(target=self._loop, name="shipseg-jobs", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier server left first."""
        self._thread.start()

    def alive(self) -> bool:
        """Tell whether jobs are being done."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Say that there is a new job. Never waits: the event loop calls it."""
        self._wake.set()

    def progress(self, job: Job) -> float | None:
        """Tell the share of a job that is done, where it can be told."""
        if job.status == "done":
            return 1.0
        return self._progress.get(job.id) if job.status == "running" else None

    def drop(self, job: Job) -> None:
        """Take a job away, and stop it if it is in work."""
        # In this order: whoever takes it up afterwards sees that it is gone.
        self._store.remove(job.id)
        with self._lock:
            if self._current is not None and self._current[0] == job.id:
                self._current[1].leave()

    def stop(self) -> None:
        """Stop after the current window; what is unfinished is gone on with by the next server."""
        with self._lock:
            self._stopping = True
            if self._current is not None:
                self._current[1].leave()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _loop(self) -> None:
        while not self._stopping:
            try:
                worked = self._turn()
            except Exception:  # The disk is full, say: later it may not be.
                LOG.exception("a job could not be recorded")
                worked = False
            if not worked:
                self._wake.wait(_LOOK_EVERY_S)
                self._wake.clear()

    def _turn(self) -> bool:
        """Do the oldest job; False where there is none."""
        self._store.purge()
        job = next((job for job in self._store.all() if job.status == "queued"), None)
        if job is None:
            return False
        ticket = Ticket(job.owner)
        with self._lock:
            if self._stopping:
                return False
            self._current = (job.id, ticket)
        try:
            if self._store.change(job.id, status="running", attempts=job.attempts + 1):
                self._do(job, ticket)
        finally:
            with self._lock:
                self._current = None
            self._progress.pop(job.id, None)
        return True

    def _do(self, job: Job, ticket: Ticket) -> None:
        store = self._store
        try:
            work_on(
                job, store.input(job.id), store.place(job.id), self._model,
                request_pixels=self._request_pixels, ticket=ticket,
                progress=self._told(job.id),
            )  # fmt: skip
        except Stopped:
            if self._stopping:
                # Not the scene's fault: the attempt does not count.
                store.change(job.id, attempts=job.attempts)
            return
        except Exception as error:
            if not store.has(job.id):  # Its folder was taken away under it.
                return
            problem = problem_of(error) if isinstance(error, ShipsegError) else internal()
            if problem.code == "internal":
                LOG.error("job %s failed", job.id, exc_info=error)
            error_document = problem.document(None)
            store.change(job.id, status="failed", finished=time.time(), error=error_document)
            return
        store.change(job.id, status="done", finished=time.time())
        # Results are all that is asked for from now on.
        for name in ("input", "journal"):
            (store.place(job.id) / name).unlink(missing_ok=True)

    def _told(self, job_id: str) -> Callable[[float], None]:
        def told(share: float) -> None:
            # The second pass may go round again, and nobody likes a bar that goes back.
            self._progress[job_id] = max(self._progress.get(job_id, 0.0), min(share, 0.999))

        return told
