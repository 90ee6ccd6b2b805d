from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.errors import UsageError
from shipseg.inference import shards
from shipseg.inference.shards import Shard, parse_shard, shard_of

# Not a slash, nor a dot alone: those are no file's name.
name = st.text(min_size=1, max_size=30).filter(lambda text: Path("a", text).name == text)
names = st.lists(name, max_size=30, unique=True)


@given(names, st.integers(1, 20))
def test_every_name_falls_to_exactly_one_shard(found: list[str], count: int) -> None:
    parts = [[n for n in found if Shard(i, count).holds(n)] for i in range(1, count + 1)]
    assert sorted(n for part in parts for n in part) == sorted(found)


@given(names, name, st.integers(1, 20))
def test_another_file_moves_none(found: list[str], new: str, count: int) -> None:
    shard = Shard(1, count)
    before = [p.name for p in shard.take([Path("a") / n for n in found])]
    after = [p.name for p in shard.take([Path("b") / n for n in [*found, new]])]
    assert [n for n in after if n != new] == [n for n in before if n != new]


def test_the_hash_is_the_same_on_every_machine_and_day() -> None:
    assert [shard_of(f"{n:08x}1.jpg", 4) for n in range(8)] == [1, 4, 1, 2, 2, 4, 3, 1]


def test_shards_are_about_equal() -> None:
    counts = [0] * 8
    for n in range(8000):
        counts[shard_of(f"{n}.jpg", 8) - 1] += 1
    # A hundred and a half is five times the spread of chance.
    assert all(850 < count < 1150 for count in counts)


@pytest.mark.parametrize("text", ["1/1", "3/8", " 8/8 ", "100000/100000"])
def test_shards_are_read_and_written(text: str) -> None:
    assert str(parse_shard(text)) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["", "3", "0/8", "9/8", "-1/8", "1/0", "1/-1", "a/b", "1/2/3", "1.0/2", "1_0/20", "٣/٨",
     "1/2\n3", "1/100001", "9" * 5000 + "/1"],
)  # fmt: skip
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected i/n with 1 <= i <= n"):
        parse_shard(text)


def test_names_that_are_no_unicode_fall_somewhere() -> None:
    assert 1 <= shard_of(b"\xff.jpg".decode("utf-8", "surrogateescape"), 8) <= 8


def test_the_examples_hold() -> None:
    assert doctest.testmod(shards).failed == 0
