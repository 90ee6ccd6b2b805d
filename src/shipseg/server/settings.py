"""How a server is set up: what it may use, and whom it answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shipseg.errors import ConfigError

KEYS_VARIABLE = "SHIPSEG_API_KEYS"
"""Keys that callers must know, parted by commas; none means that everybody may call."""

MIB = 1024**2

# Shorter ones can be guessed at the rate that a server answers.
_SHORTEST_KEY = 16
_KEYS_HINT = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one server process may use.

    Attributes:
        state: Folder of the jobs; they survive a restart of the server.
        workers: Pictures at a time. They share one set of graphs, so memory grows by the pictures.
        queue: Pictures that may wait for a worker; beyond it callers are told to come back.
        uploads: Bodies that may be on their way at a time, each with up to 1 MiB in memory.
        body_bytes: Largest body of a request that is answered at once.
        job_bytes: Largest body of a job.
        request_pixels: Largest picture of a request, in its own pixels and in the model's.
        jobs: Unfinished jobs that may wait.
        job_hours: How long a finished job is kept.
        cache_bytes: Memory for results that are asked for again, in another form; 0 keeps none.
        connections: Open connections; more are closed at once.
        upload_grace_s: Seconds before the least rate of an upload counts.
        upload_rate: Least bytes a second of an upload, on average.
        idle_s: Seconds that a connection may take to send the head of a request.
        drain_s: Seconds that running requests have after a SIGTERM.
        keys: API keys; empty means that everybody may call.
        key_rate: Requests a minute for each key, 0 for no limit.
        key_share: Most of the workers and the queue that one key may take, 0..1.
    """

    state: Path
    workers: int = 1
    queue: int = 16
    uploads: int = 128
    body_bytes: int = 64 * MIB
    job_bytes: int = 4096 * MIB
    request_pixels: int = 20_000_000
    jobs: int = 100
    job_hours: float = 24.0
    cache_bytes: int = 64 * MIB
    connections: int = 4000
    upload_grace_s: float = 20.0
    upload_rate: int = 32 * 1024
    idle_s: float = 20.0
    drain_s: int = 30
    keys: tuple[str, ...] = ()
    key_rate: int = 0
    key_share: float = 1.0


def default_state() -> Path:
    """Name the folder for jobs where the user named none: below $XDG_STATE_HOME."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "shipseg"


def keys_from(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Read the API keys.

    Args:
        environment: Where `SHIPSEG_API_KEYS` may be.

    Raises:
        ConfigError: The variable is set but holds no key, or one that is too short or could not
            stand in a header. The key itself is not shown.
    """
    text = environment.get(KEYS_VARIABLE)
    if text is None:
        return ()
    keys = tuple(dict.fromkeys(key.strip() for key in text.split(",") if key.strip()))
    if not keys:
        # Set by mistake to nothing, it would open the server to everybody.
        raise ConfigError(f"{KEYS_VARIABLE} is set and holds no key", hint=_KEYS_HINT)
    for number, key in enumerate(keys, start=1):
        if len(key) < _SHORTEST_KEY or not (key.isascii() and key.isprintable() and " " not in key):
            raise ConfigError(
                f"key {number} in {KEYS_VARIABLE} has {len(key)} characters, expected "
                f"{_SHORTEST_KEY} or more of printable ASCII without spaces",
                hint=_KEYS_HINT,
            )
    return keys
