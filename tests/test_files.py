"""A file appears whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shipseg.files import atomic_path, atomic_write_bytes, atomic_write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_bytes_and_text_are_written_as_they_are(tmp_path: Path) -> None:
    atomic_write_bytes(tmp_path / "a.bin", b"\x00\r\n")
    atomic_write_text(tmp_path / "b.txt", "é\n")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\r\n"
    assert (tmp_path / "b.txt").read_bytes() == b"\xc3\xa9\n"
    assert names(tmp_path) == ["a.bin", "b.txt"]


def test_the_target_is_absent_or_old_until_the_end(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    with atomic_path(target) as beside:
        assert beside.parent == tmp_path
        assert beside.suffix == ".html"
        beside.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "weights.bin"
    target.write_text("old")

    def write() -> None:
        with atomic_path(target) as beside:
            beside.write_text("half of the n")
            raise error

    with pytest.raises(error):
        write()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["weights.bin"]


def test_a_kill_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "weights.bin"
    target.write_text("old")
    program = (
        "import os, signal, sys\n"
        "from shipseg.files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as beside:\n"
        "    beside.write_text('half of the n')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(target)], check=False)
    assert done.returncode == -9
    assert target.read_text() == "old"
    # What is left behind is hidden and can be told from a result.
    left = [name for name in names(tmp_path) if name != "weights.bin"]
    assert all(name.startswith(".weights.") and ".tmp" in name for name in left)


def test_a_writer_may_replace_the_path_it_was_given(tmp_path: Path) -> None:
    target = tmp_path / "a.npz"
    with atomic_path(target) as beside:
        beside.unlink()
        beside.write_bytes(b"x")
    assert target.read_bytes() == b"x"


def test_permissions_are_those_of_a_plain_write(tmp_path: Path) -> None:
    plain, atomic, kept = tmp_path / "plain", tmp_path / "atomic", tmp_path / "kept"
    plain.write_text("")
    atomic_write_text(atomic, "")
    assert stat.S_IMODE(atomic.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    kept.write_text("")
    kept.chmod(0o640)
    atomic_write_text(kept, "x")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640


def test_a_link_stays_and_its_target_changes(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    atomic_write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_long_name_is_fine(tmp_path: Path) -> None:
    target = tmp_path / ("é" * 120 + ".json")
    atomic_write_text(target, "{}")
    assert names(tmp_path) == [target.name]


def test_a_missing_folder_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic_write_text(tmp_path / "none" / "a.txt", "")


def test_bytes_reach_the_disk_before_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle: int) -> None:
        seen.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def noted_replace(self: Path, target: Path) -> Path:
        seen.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    atomic_write_text(tmp_path / "a.txt", "x")
    assert seen == ["file", "rename", "folder"]
