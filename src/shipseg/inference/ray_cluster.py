"""A Ray cluster for the time of a call, and what Ray says made fit for a command line."""

from __future__ import annotations

import io
import logging
import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from typing import Any, TextIO

from shipseg.errors import MissingDependencyError, ShipsegError, UsageError
from shipseg.parallel import worker_count

_ANSWER_S = 10.0


def require_ray() -> None:
    """See that Ray is installed.

    Raises:
        MissingDependencyError: It is not.
    """
    if find_spec("ray") is None or find_spec("pyarrow") is None:
        raise MissingDependencyError.of_extra("ray[data]", "ray", "--engine ray")


@contextmanager
def cluster(workers: int | None) -> Iterator[Any]:
    """Join the cluster that RAY_ADDRESS names, or start one on this machine and stop it again.

    A cluster that this process has joined already is used as it is.

    Args:
        workers: Cores of a cluster on this machine; None takes all that this process may use.

    Yields:
        The module `ray`.

    Raises:
        UsageError: No cluster answers there.
    """
    require_ray()
    address = os.environ.get("RAY_ADDRESS") or None
    # Before the import, which reads it.
    set_environment(own=address is None)
    import ray
    import ray.data

    own = not ray.is_initialized()
    with _hushed():
        if own:
            _start(ray, address, workers)
        try:
            yield ray
        finally:
            if own:
                # It repeats there, from this thread, what it said before.
                with redirect_stdout(io.StringIO()):
                    ray.shutdown()


def set_environment(*, own: bool) -> None:
    """Set what nobody has set otherwise, before Ray is imported: report to no one, log to files.

    Args:
        own: The cluster is one that this process starts.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if own and not any(name.startswith("RAY_AUTH_") for name in os.environ):
        # Ray would make a key and leave it in the home folder; this one ends with the process.
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _start(ray: Any, address: str | None, workers: int | None) -> None:
    local: dict[str, Any] = {"num_cpus": worker_count(workers), "include_dashboard": False}
    if address is not None:
        _check_reachable(address)
    try:
        # Its native part says there that it was told to say nothing.
        with _without_stderr():
            ray.init(
                address=address or "local", logging_level="error", log_to_driver=False,
                **({} if address else local),
            )  # fmt: skip
    except Exception as error:  # they share no base class
        if address is None:
            raise ShipsegError(f"Ray does not start: {last_line(error)}") from error
        # The reason, such as a token that is missing, stands in what led to it.
        raise _no_cluster(address, last_line(error.__cause__ or error)) from error


def _check_reachable(address: str) -> None:
    """See that something listens there: Ray itself would ask again for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if not port.isdecimal():
        # "auto", and what else Ray knows.
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, str(error)) from error


def _no_cluster(address: str, reason: str) -> UsageError:
    return UsageError(
        f"no Ray cluster answers at RAY_ADDRESS={address}: {reason}",
        hint="start one with 'ray start --head', or unset RAY_ADDRESS to work on this machine",
    )


def size_of(ray: Any, resource: str) -> int:
    """Tell how much of a resource, such as CPU or GPU, all machines have together."""
    return int(ray.cluster_resources().get(resource, 0))


def last_line(error: BaseException) -> str:
    """Give the end of an error's text: where that is a traceback, the error itself."""
    return next(iter(reversed(str(error).strip().splitlines())), type(error).__name__)


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep stdout for data and stderr for what a person can act on.

    Ray prints from a thread of its own, on stdout, what becomes of workers; that is dealt with
    here. Ray Data logs errors whole before it raises them.
    """
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stdout(_Stdout(sys.stdout)):
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Let nothing through to stderr, whoever writes it in whatever language."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _Stdout(io.TextIOBase):
    """What Ray's threads print is dropped, and what all others do goes on."""

    def __init__(self, behind: TextIO) -> None:
        self._behind = behind

    def write(self, text: str) -> int:
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self._behind.write(text)

    def flush(self) -> None:
        self._behind.flush()
