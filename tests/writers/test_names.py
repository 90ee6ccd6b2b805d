from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipseg.writers import names
from shipseg.writers.names import file_stems

HOSTILE = [
    "../../x", "/etc/passwd", "a\0b.jpg", "x" * 300 + ".jpg", "é" * 200 + ".png", "\u202egpj.exe",
    "..", ".", "", "CON.jpg", "nul", ".bashrc", "a/b.jpg", "a\\b.jpg", "C:x.jpg", "trailing. ",
    "a\udcff.jpg", "\n.jpg",
]  # fmt: skip


@pytest.mark.parametrize("image_id", HOSTILE)
def test_hostile_names_stay_in_the_folder(tmp_path: Path, image_id: str) -> None:
    stem = file_stems([image_id])[image_id]
    path = tmp_path / f"{stem}.png"
    assert path.resolve().parent == tmp_path.resolve()
    assert not path.name.startswith(".")
    path.write_bytes(b"")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_plain_names_lose_their_suffix_only() -> None:
    assert file_stems(["0a1b2c3d4.jpg", "b.tar.png", "no-suffix"]) == {
        "0a1b2c3d4.jpg": "0a1b2c3d4",
        "b.tar.png": "b.tar",
        "no-suffix": "no-suffix",
    }


@given(st.lists(st.text(max_size=20) | st.sampled_from([*HOSTILE, "a.jpg", "A.jpg", "a.png"])))
def test_stems_are_unique_even_where_case_does_not_count(ids: list[str]) -> None:
    stems = file_stems(ids)
    assert set(stems) == set(ids)
    assert len({stem.casefold() for stem in stems.values()}) == len(set(ids))


@given(st.permutations(["a.jpg", "A.jpg", "a.png", "b.png", "../a"]))
def test_stems_do_not_depend_on_the_order(ids: list[str]) -> None:
    assert file_stems(ids) == file_stems(sorted(ids))


def test_doctests() -> None:
    failed, tried = doctest.testmod(names)
    assert (failed, tried) == (0, 2)
