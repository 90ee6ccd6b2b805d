"""Shards: a job split over machines, by the names of its files, without any service.

Each machine is given the same files and its own i/n. A file's shard follows from its name alone, so
no two machines take the same file, none is left out, and files that are added later move no other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shipseg.errors import UsageError

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of a job.

    Attributes:
        number: From 1 to `count`.
        count: How many parts there are.
    """

    number: int
    count: int

    def holds(self, name: str) -> bool:
        """Tell whether a file falls to this part."""
        return shard_of(name, self.count) == self.number

    def take(self, paths: Iterable[Path]) -> list[Path]:
        """List the files that fall to this part, in their order; folders do not count."""
        return [path for path in paths if self.holds(path.name)]

    def __str__(self) -> str:
        """Write it as `parse_shard` reads it."""
        return f"{self.number}/{self.count}"


def shard_of(name: str, count: int) -> int:
    """Tell which of `count` shards a file falls to, by a hash of its name.

    Examples:
        >>> shard_of("000000001.jpg", 4)
        1
    """
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count + 1


def parse_shard(text: str) -> Shard:
    """Read i/n.

    Raises:
        UsageError: It is no such pair, or i is not from 1 to n.

    Examples:
        >>> parse_shard("3/8")
        Shard(number=3, count=8)
    """
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    number, count = (int(part) for part in found.groups()) if found else (0, 0)
    if not 1 <= number <= count <= _MOST:
        raise UsageError(
            f"the shard is '{text[:40]}', expected i/n with 1 <= i <= n, such as 3/8",
            hint="start one run for each of 1/n to n/n, with the same n and the same files",
        )
    return Shard(number, count)
