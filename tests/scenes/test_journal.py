"""What is finished stays finished, and what is torn is done again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipseg.errors import BadInputError, UsageError
from shipseg.scenes.blobs import Blob, pack_blobs, unpack_blobs
from shipseg.scenes.cells import pack_cells, unpack_cells
from shipseg.scenes.journal import Journal, fingerprint


def written(path: Path, *names: str) -> bytes:
    journal = Journal(path, "key")
    for name in names:
        journal.write(name, [name, 1.5])
    journal.close()
    return path.read_bytes()


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_whatever_is_cut_off_the_whole_lines_stand(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    whole = written(path, "a", "b", "c")
    kept = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:kept] + data.draw(st.sampled_from([b"", b'["x",', b"\0\0\0", b"[]\n"])))
    journal = Journal(path, "key", resume=True)
    lines = whole[:kept].count(b"\n")
    done = [name for name in "abc" if name in journal]
    assert done == list("abc"[: max(0, lines - 1)])
    assert all(journal[name] == [name, 1.5] for name in done)
    for name in "abc":
        if name not in journal:
            journal.write(name, [name, 1.5])
    journal.close()
    assert path.read_bytes() == whole


def test_another_key_is_not_gone_on_with(tmp_path: Path) -> None:
    before = written(tmp_path / "j", "a")
    with pytest.raises(UsageError, match="another scene, model or settings") as caught:
        Journal(tmp_path / "j", "other", resume=True)
    assert "--overwrite" in str(caught.value.hint)
    assert (tmp_path / "j").read_bytes() == before


def test_without_resume_it_begins_anew(tmp_path: Path) -> None:
    written(tmp_path / "j", "a")
    journal = Journal(tmp_path / "j", "key")
    assert "a" not in journal
    journal.close()


@pytest.mark.skipif(sys.platform == "win32", reason="nothing holds a journal there")
def test_one_run_at_a_time_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from shipseg.scenes.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]), 'key'); journal.write('a', 1); journal.sync()\n"
        "print('held', flush=True); time.sleep(60)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "j")], stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match="another run is at work"):
            Journal(tmp_path / "j", "key", resume=True)
    finally:
        child.kill()
        child.communicate()
    journal = Journal(tmp_path / "j", "key", resume=True)
    assert journal["a"] == 1
    journal.close()


def test_a_fingerprint_tells_scenes_and_settings_apart(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(bytes(3_000_000))
    other.write_bytes(bytes(2_999_999) + b"x")
    os.utime(one, ns=(1, 1))
    os.utime(other, ns=(1, 1))
    marks = [fingerprint(one, {}), fingerprint(other, {}), fingerprint(one, {"bands": [3, 2, 1]})]
    os.utime(one, ns=(1, 2))
    marks.append(fingerprint(one, {}))
    assert len(set(marks)) == 4
    os.utime(one, ns=(1, 1))
    assert fingerprint(one, {}) == marks[0]


def test_blobs_come_back_to_the_last_bit() -> None:
    rng = np.random.default_rng(8)
    blobs = [
        Blob(
            int(x), 5, rng.random((2, h, w), np.float32) - 0.5, rng.random((h, w)) > 0.5,
            faint=bool(x % 2),
        )
        for x, h, w in rng.integers(1, 40, (5, 3))
    ]  # fmt: skip
    for one, back in zip(blobs, unpack_blobs(pack_blobs(blobs)), strict=True):
        assert (one.x0, one.y0) == (back.x0, back.y0)
        assert one.maps.tobytes() == back.maps.tobytes()
        assert np.array_equal(one.rim, back.rim)
        assert one.faint == back.faint


def test_damaged_blobs_are_refused() -> None:
    packed = pack_blobs([Blob(0, 0, np.zeros((2, 3, 4), np.float32), np.zeros((3, 4), bool))])[0]
    x0, y0, h, w, maps, rim, faint = packed
    size = [x0, y0, h, w]
    for wrong in (
        [x0, y0, h + 1, w, maps, rim, faint], [*size, rim, maps, faint], [*size, "a", "b", faint],
        [*size, maps, rim], size,
    ):  # fmt: skip
        with pytest.raises(BadInputError, match="damaged"):
            unpack_blobs([wrong])


@given(st.integers(1, 9), st.integers(1, 20), st.integers(0, 2**32))
def test_cells_come_back(rows: int, columns: int, seed: int) -> None:
    cells = np.random.default_rng(seed).random((rows, columns)) > 0.7
    assert np.array_equal(unpack_cells(pack_cells(cells), (rows, columns)), cells)
