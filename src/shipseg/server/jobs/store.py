"""Jobs on disk: a folder each, complete or not there, with one record that says how far it is."""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from shipseg.errors import UsageError
from shipseg.files import atomic_write_text
from shipseg.server.analysis import Demand
from shipseg.server.problems import Problem, retry_later

UNFINISHED = ("queued", "running")

_RECORD, _INPUT = "job.json", "input"
# A scene that brings the process down three times would do so for ever.
_MOST_ATTEMPTS = 3
_SOON_S = 60


@dataclass(frozen=True, slots=True)
class Job:
    """One job.

    Attributes:
        id: 32 hex digits, drawn by chance: whoever knows it may ask for the result.
        name: What the caller calls the picture; for showing only.
        owner: Whose it is, where there are keys.
        demand: What is wanted.
        status: queued, running, done or failed.
        created: Seconds since 1970.
        finished: The same, of a finished job.
        attempts: How often it was begun.
        error: The problem document of a failed one.
    """

    id: str
    name: str
    owner: str | None
    demand: Demand
    status: str = "queued"
    created: float = field(default_factory=time.time)
    finished: float | None = None
    attempts: int = 0
    error: dict[str, Any] | None = None


class JobStore:
    """The jobs of one state folder. Safe between threads.

    Args:
        folder: Made where it is not there.
        most_waiting: Unfinished jobs that it takes.
        share: Most of them that one owner may have, 0..1.
        keep_s: Seconds that a finished job is kept.

    Raises:
        UsageError: Another server uses the folder, or it cannot be written.
    """

    def __init__(self, folder: Path, most_waiting: int, keep_s: float, share: float = 1.0) -> None:
        self._folder, self._most, self._keep_s = folder / "jobs", most_waiting, keep_s
        self._share = max(1, math.ceil(share * most_waiting))
        # Two of them: whoever looks does not wait for whoever writes to the disk.
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._jobs: dict[str, Job] = {}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._claim = _claim(folder / "lock")
        except OSError as error:
            raise UsageError(
                f"the folder '{folder}' cannot be written: {error.strerror}",
                hint="name another one with --state",
            ) from error
        self._load()

    def _load(self) -> None:
        """Take up what an earlier server left, however it ended."""
        for place in sorted(self._folder.iterdir()):
            if place.name.startswith("."):  # Never became a job, or was on its way out.
                shutil.rmtree(place, ignore_errors=True)
                continue
            try:
                job = _read(place / _RECORD)
            except (OSError, ValueError, TypeError, KeyError):
                continue  # Nothing of ours: left alone.
            if job.status in UNFINISHED:
                job = replace(job, status="queued")
                if job.attempts >= _MOST_ATTEMPTS:
                    problem = Problem(
                        "internal", f"the server ended {job.attempts} times while it was at this"
                    )
                    error = problem.document(None)
                    job = replace(job, status="failed", finished=time.time(), error=error)
            self._keep(job)

    def add(self, upload: IO[bytes], name: str, owner: str | None, demand: Demand) -> Job:
        """Take a new job; once this returns it survives a crash.

        Raises:
            Problem: Too many jobs wait.
        """
        self.check_room(owner)
        self.purge()
        job = Job(secrets.token_hex(16), name, owner, demand)
        draft = self._folder / f".{job.id}"
        draft.mkdir()
        try:
            upload.seek(0)
            with (draft / _INPUT).open("wb") as file:
                shutil.copyfileobj(upload, file, 1024 * 1024)
                file.flush()
                os.fsync(file.fileno())
            atomic_write_text(draft / _RECORD, _text(job))
            draft.rename(self._folder / job.id)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        with self._lock:
            self._jobs[job.id] = job
        return job

    def check_room(self, owner: str | None) -> None:
        """Refuse a job that could not wait.

        Raises:
            Problem: Too many jobs wait, of all or of this owner.
        """
        waiting = [job.owner for job in self.all() if job.status in UNFINISHED]
        if len(waiting) >= self._most:
            raise retry_later("jobs-full", f"{len(waiting)} jobs wait, as many as may", _SOON_S)
        if owner is not None and waiting.count(owner) >= self._share:
            raise retry_later("rate", "this key has as many jobs waiting as it may", _SOON_S)

    def get(self, job_id: str, owner: str | None) -> Job:
        """Give a job.

        Raises:
            Problem: There is none of that id, or it is another owner's.
        """
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise Problem("job-unknown", "there is no job of this id, or it was removed")
        return job

    def all(self) -> list[Job]:
        """List all jobs, oldest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: (job.created, job.id))

    def change(self, job_id: str, **fields: Any) -> Job | None:
        """Change a job's record, on disk first; None if it is not there any more."""
        with self._writing:
            job = self._jobs.get(job_id)
            if job is None:
                return None
            job = replace(job, **fields)
            self._keep(job)
            return job

    def has(self, job_id: str) -> bool:
        """Tell whether a job is there."""
        with self._lock:
            return job_id in self._jobs

    def remove(self, job_id: str) -> None:
        """Take a job away, with all its files."""
        with self._writing:
            with self._lock:
                if self._jobs.pop(job_id, None) is None:
                    return
            out = self._folder / f".{job_id}"
            self.place(job_id).rename(out)
        shutil.rmtree(out, ignore_errors=True)

    def purge(self) -> None:
        """Take away what has been finished for long enough."""
        before = time.time() - self._keep_s
        for job in self.all():
            if job.finished is not None and job.finished < before:
                self.remove(job.id)

    def place(self, job_id: str) -> Path:
        """Give a job's folder."""
        return self._folder / job_id

    def input(self, job_id: str) -> Path:
        """Give the file with the picture."""
        return self.place(job_id) / _INPUT

    def close(self) -> None:
        """Let another server have the folder."""
        self._claim.close()

    def _keep(self, job: Job) -> None:
        atomic_write_text(self.place(job.id) / _RECORD, _text(job))
        with self._lock:
            self._jobs[job.id] = job


def _claim(path: Path) -> IO[str]:
    """Lock a file until it is closed, or the process ends."""
    import fcntl

    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise UsageError(
            f"another server works with the folder '{path.parent}'",
            hint="name another one with --state",
        ) from error
    return file


def _text(job: Job) -> str:
    return json.dumps(asdict(job), indent=1, allow_nan=False) + "\n"


def _read(path: Path) -> Job:
    fields = json.loads(path.read_text(encoding="utf-8"))
    return Job(**fields | {"demand": Demand(**fields["demand"])})
