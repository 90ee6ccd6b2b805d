"""All that a running server holds, and how requests get at it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from starlette.datastructures import URL
from starlette.requests import Request

from shipseg.server.cache import Cache
from shipseg.server.intake import Intake
from shipseg.server.jobs.runner import JobRunner
from shipseg.server.jobs.store import JobStore
from shipseg.server.keys import Keyring
from shipseg.server.metrics import Metrics
from shipseg.server.model import Model
from shipseg.server.pool import Pool
from shipseg.server.problems import Problem
from shipseg.server.settings import Settings

_DISK_THREADS = 2


@dataclass(slots=True, eq=False)
class Service:
    """One server's parts.

    Attributes:
        settings: What it may use.
        model: That answers.
        pool: That computes.
        intake: That reads bodies.
        cache: Of results.
        keyring: Of API keys.
        metrics: Of all that happens.
        store: Of jobs.
        runner: Of jobs.
        disk: Threads that copy and remove jobs: of gigabytes, so that nobody else may wait there.
        draining: Whether the server was told to stop.
    """

    settings: Settings
    model: Model
    pool: Pool
    intake: Intake
    cache: Cache
    keyring: Keyring
    metrics: Metrics
    store: JobStore
    runner: JobRunner
    disk: ThreadPoolExecutor
    draining: bool = False

    def start(self) -> None:
        """Go on with the jobs that an earlier server left."""
        self.runner.start()

    def close(self) -> None:
        """End in order; unfinished jobs are gone on with by the next server."""
        self.draining = True
        self.runner.stop()
        self.pool.close()
        self.disk.shutdown()
        self.store.close()


def make_service(model: Model, settings: Settings) -> Service:
    """Put a server's parts together.

    Args:
        model: That answers.
        settings: What it may use.

    Raises:
        UsageError: The state folder is in use or cannot be written.
    """
    intake = Intake(settings)
    pool = Pool(settings.workers, settings.queue, settings.key_share)
    store = JobStore(settings.state, settings.jobs, settings.job_hours * 3600, settings.key_share)
    return Service(
        settings=settings,
        model=model,
        pool=pool,
        intake=intake,
        cache=Cache(settings.cache_bytes),
        keyring=Keyring(settings.keys, settings.key_rate),
        metrics=Metrics(pool, intake),
        store=store,
        runner=JobRunner(store, model, settings.request_pixels),
        disk=ThreadPoolExecutor(_DISK_THREADS, thread_name_prefix="shipseg-disk"),
    )


def service_of(request: Request) -> Service:
    """Give the service that a request came to."""
    found: Service = request.app.state.service
    return found


async def admit(request: Request) -> None:
    """Let a request in, by its key; what follows finds the owner in the request's state.

    Raises:
        Problem: From a page of another site, no known key, or too many requests with it.
    """
    if request.headers.get("sec-fetch-site") == "cross-site":
        # A page elsewhere that makes its visitor's browser send things to a server at home.
        raise Problem("cross-site", "a page of another site sent this request")
    service = service_of(request)
    owner = service.keyring.owner(request.headers)
    service.keyring.spend(owner)
    request.state.owner = owner


def owner_of(request: Request) -> str | None:
    """Tell whose request it is, once it was admitted."""
    found: str | None = request.state.owner
    return found


def address(request: Request, path: str) -> str:
    """Give the address of a path on this server, without host: proxies may call it otherwise."""
    return str(URL(request.scope.get("root_path", "") + path))
