"""The command with a fake in Kaggle's place; a socket that is opened fails the test."""

from __future__ import annotations

import json
import shutil
import socket
import zipfile
from pathlib import Path

import pytest

from shipseg.dataset import download
from shipseg.errors import UsageError

from .conftest import Run

FILES = {
    "train_ship_segmentations_v2.csv": b"ImageId,EncodedPixels\n",
    "train_v2/a.jpg": b"a" * 1000,
    "train_v2/b.jpg": b"b",
    "test_v2/c.jpg": b"c",
}


class FakeClient:
    """Hands out an archive, and counts how often it is asked."""

    def __init__(self, archive: Path) -> None:
        self.archive = archive
        self.asked = 0

    def fetch(self, folder: Path, *, quiet: bool) -> Path:
        self.asked += 1
        return Path(shutil.copy(self.archive, folder / "airbus-ship-detection.zip"))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a test wanted to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "source.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in FILES.items():
            file.writestr(name, data)
    return path


@pytest.fixture
def client(archive: Path, monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient(archive)
    monkeypatch.setattr(download, "open_kaggle", lambda: fake)
    return fake


def files_in(root: Path) -> dict[str, bytes]:
    found = [path for path in root.rglob("*") if path.is_file()]
    names = {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
    return {name: data for name, data in names.items() if name not in (".lock", "download.json")}


def test_files_are_fetched_and_unpacked(run: Run, client: FakeClient, tmp_path: Path) -> None:
    result = run("download", "-o", tmp_path / "airbus")
    assert result.code == 0, result.err
    assert files_in(tmp_path / "airbus") == FILES
    assert "non-commercial use only" in result.err
    assert "competitions/airbus-ship-detection/rules" in result.err
    assert "4, 0.00 GiB" in result.out
    assert (
        f"shipseg explore {tmp_path / 'airbus' / 'train_ship_segmentations_v2.csv'}" in result.out
    )


def test_what_is_finished_is_not_fetched_again(
    run: Run, client: FakeClient, tmp_path: Path
) -> None:
    assert run("download", "-o", tmp_path / "airbus").code == 0
    result = run("download", "-o", tmp_path / "airbus", "--json")
    assert json.loads(result.out)["kept"] == 4
    assert client.asked == 1
    (tmp_path / "airbus" / "train_v2" / "a.jpg").unlink()
    assert run("download", "-o", tmp_path / "airbus").code == 0
    assert client.asked == 2
    assert files_in(tmp_path / "airbus") == FILES


def test_the_archive_may_be_kept(run: Run, client: FakeClient, tmp_path: Path) -> None:
    result = run("download", "-o", tmp_path / "airbus", "--keep-archive", "--json")
    kept = Path(json.loads(result.out)["archive"])
    assert kept.read_bytes() == client.archive.read_bytes()


def test_an_archive_of_ones_own_is_unpacked_and_stays(
    run: Run, client: FakeClient, archive: Path, tmp_path: Path
) -> None:
    assert run("download", "-o", tmp_path / "airbus", "--archive", archive).code == 0
    assert files_in(tmp_path / "airbus") == FILES
    assert archive.is_file()
    assert client.asked == 0


def test_files_of_someone_else_are_not_written_over(
    run: Run, client: FakeClient, tmp_path: Path
) -> None:
    table = tmp_path / "airbus" / "train_ship_segmentations_v2.csv"
    table.parent.mkdir()
    table.write_text("my own labels")
    result = run("download", "-o", tmp_path / "airbus")
    assert result.code == 2
    assert "--overwrite" in result.err
    assert table.read_text() == "my own labels"
    assert run("download", "-o", tmp_path / "airbus").code == 2
    assert run("download", "-o", tmp_path / "airbus", "--overwrite").code == 0
    assert files_in(tmp_path / "airbus") == FILES


def test_an_interrupted_unpacking_goes_on(
    run: Run, client: FakeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shipseg.dataset.download import archive as unpacking

    calls = 0
    inflate = unpacking._inflate

    def interrupted(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        inflate(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "_inflate", interrupted)
        result = run("download", "-o", tmp_path / "airbus")
    assert result.code == 130
    assert "2 of 4 files are unpacked; the same command goes on" in result.err
    # As a power cut may leave one that was renamed and not flushed.
    (tmp_path / "airbus" / "train_v2" / "a.jpg").write_bytes(b"\0" * 1000)
    result = run("download", "-o", tmp_path / "airbus", "--json")
    assert json.loads(result.out)["kept"] == 1
    assert client.asked == 1
    assert files_in(tmp_path / "airbus") == FILES


def test_missing_credentials_leave_no_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise UsageError("no credentials", hint="1. Sign in")

    monkeypatch.setattr(download, "open_kaggle", refuse)
    result = run("download", "-o", tmp_path / "airbus")
    assert result.code == 2
    assert "Hint: 1. Sign in" in result.err
    assert not (tmp_path / "airbus").exists()


def test_a_harmful_archive_leaves_nothing(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("../evil.txt", b"out")
    result = run("download", "-o", tmp_path / "airbus", "--archive", path)
    assert result.code == 3
    assert "a path that leads out of the folder" in result.err
    assert sorted(item.name for item in tmp_path.iterdir()) == ["evil.zip"]
