"""Archives from strangers, and Kaggle's client behind a fake of it. Nothing here has a network."""

from __future__ import annotations

import os
import stat
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shipseg.dataset import whole
from shipseg.dataset.download import (
    COMPETITION,
    KaggleClient,
    Limits,
    open_archive,
    open_kaggle,
    refuse_foreign,
    unpack,
)
from shipseg.errors import (
    BadInputError,
    DownloadError,
    MissingDependencyError,
    OutputExistsError,
    ShipsegError,
    UsageError,
)

Zip = zipfile.ZipFile
GOOD = {
    "train_ship_segmentations_v2.csv": b"ImageId,EncodedPixels\na.jpg,1 3\n" * 50,
    "train_v2/a.jpg": bytes(range(256)) * 9,
    "train_v2/b.jpg": b"\xff\xd8 no ship",
    "test_v2/c.jpg": b"",
}


def archive_of(path: Path, files: dict[str, bytes] = GOOD) -> Path:
    with Zip(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def unpack_all(path: Path, target: Path, *, replace: bool = False, **limits: Any) -> list[bool]:
    target.mkdir(exist_ok=True)
    with open_archive(path, limits=Limits(**limits)) as archive:
        if not replace:
            refuse_foreign(archive, target)
        return [kept for _, kept in unpack(archive, target)]


def files_in(root: Path) -> dict[str, bytes]:
    found = [path for path in root.rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


class TestUnpacking:
    def test_all_files_come_out_as_they_went_in(self, tmp_path: Path) -> None:
        path = archive_of(tmp_path / "a.zip")
        assert unpack_all(path, tmp_path / "out") == [False] * 4
        assert files_in(tmp_path / "out") == GOOD

    def test_folders_in_the_list_are_fine(self, tmp_path: Path) -> None:
        with Zip(tmp_path / "a.zip", "w") as archive:
            archive.mkdir("train_v2")
            archive.writestr("train_v2/a.jpg", b"a")
        assert unpack_all(tmp_path / "a.zip", tmp_path / "out") == [False]
        assert files_in(tmp_path / "out") == {"train_v2/a.jpg": b"a"}

    def test_what_is_there_and_right_is_kept(self, tmp_path: Path) -> None:
        path = archive_of(tmp_path / "a.zip")
        unpack_all(path, tmp_path / "out")
        made = tmp_path / "out" / "train_v2" / "a.jpg"
        made.write_bytes(b"?" * len(GOOD["train_v2/a.jpg"]))
        (tmp_path / "out" / "train_v2" / ".a.jpg.tmp").write_bytes(b"half")
        with pytest.raises(OutputExistsError, match="is not the archive's file"):
            unpack_all(path, tmp_path / "out")
        assert unpack_all(path, tmp_path / "out", replace=True) == [True, False, True, True]
        assert files_in(tmp_path / "out") == GOOD

    def test_it_goes_on_where_it_was_stopped(self, tmp_path: Path) -> None:
        path = archive_of(tmp_path / "a.zip")
        (tmp_path / "out").mkdir()
        with open_archive(path) as archive:
            running = unpack(archive, tmp_path / "out")
            next(running)
            next(running)
        assert len(files_in(tmp_path / "out")) == 2
        assert unpack_all(path, tmp_path / "out") == [True, True, False, False]

    def test_a_full_disk_is_noticed_before_the_first_byte(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "shipseg.dataset.download.client.free_bytes", lambda _: 256 * 2**20 + 100
        )
        with pytest.raises(DownloadError, match=r"unpacking 4 files needs 0\.3 GiB"):
            unpack_all(archive_of(tmp_path / "a.zip"), tmp_path / "out")
        assert files_in(tmp_path / "out") == {}


def renamed(name: str) -> Callable[[Path], None]:
    """Put a name into an archive that zipfile itself would not write."""

    def make(path: Path) -> None:
        plain = "x" * len(name.encode())
        archive_of(path, {"first.csv": b"harmless", plain: b"evil"})
        path.write_bytes(path.read_bytes().replace(plain.encode(), name.encode()))

    return make


def special(kind: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        entry = zipfile.ZipInfo("link.jpg")
        entry.external_attr = (kind | 0o777) << 16
        with Zip(path, "w") as archive:
            archive.writestr("first.csv", b"harmless")
            archive.writestr(entry, b"/etc/passwd")

    return make


def with_files(
    *files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED
) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with Zip(path, "w", method) as archive:
            for name, data in files:
                archive.writestr(name, data)

    return make


def encrypted(path: Path) -> None:
    archive_of(path)
    data = bytearray(path.read_bytes())
    for magic, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        data[data.find(magic) + flags] |= 1
    path.write_bytes(data)


def overlapping(path: Path) -> None:
    """Two entries of the list that share the bytes of one, so that both claim them."""
    archive_of(path, {"aa.csv": os.urandom(5000), "bb.csv": b""})
    data = path.read_bytes()
    first, second = data.find(b"PK\1\2"), data.rfind(b"PK\1\2")
    shared = data[:second] + data[first : first + 28] + data[second + 28 :]
    path.write_bytes(shared)


HOSTILE = {
    "up": renamed("../up.jpg"),
    "up inside": renamed("a/../../up.jpg"),
    "absolute": renamed("/abs.jpg"),
    "drive": renamed("C:/x.jpg"),
    "backslash": renamed("..\\up.jpg"),
    "dot": renamed("a/./x.jpg"),
    "two slashes": renamed("a//x.jpg"),
    "NUL": renamed("a.jpg\0.exe"),
    "line end": renamed("a\nb.jpg"),
    "right to left": with_files(("a\u202egpj.exe", b"")),
    "long name": with_files(("x" * 300, b"")),
    "symbolic link": special(stat.S_IFLNK),
    "device": special(stat.S_IFCHR),
    "pipe": special(stat.S_IFIFO),
    "folder without its slash": special(stat.S_IFDIR),
    "bomb": with_files(("a.csv", b"\0" * (2 * 2**20))),
    "encrypted": encrypted,
    "other method": with_files(("a.csv", b"x" * 99), method=zipfile.ZIP_BZIP2),
    "case twice": with_files(("Train/a.jpg", b"1"), ("train/A.jpg", b"2")),
    "file and folder": with_files(("a", b"1"), ("a/b", b"2")),
    "overlap": overlapping,
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
class TestHostileArchives:
    @pytest.mark.parametrize("kind", HOSTILE)
    def test_nothing_is_unpacked_at_all(self, tmp_path: Path, kind: str) -> None:
        HOSTILE[kind](tmp_path / "a.zip")
        with pytest.raises(BadInputError) as caught:
            unpack_all(tmp_path / "a.zip", tmp_path / "out")
        assert caught.value.message.isprintable()
        assert files_in(tmp_path) == {"a.zip": (tmp_path / "a.zip").read_bytes()}

    def test_a_name_that_is_there_twice(self, tmp_path: Path) -> None:
        with_files(("a.jpg", b"1"), ("a.jpg", b"2"))(tmp_path / "a.zip")
        with pytest.raises(BadInputError, match="twice"):
            unpack_all(tmp_path / "a.zip", tmp_path / "out")

    @pytest.mark.parametrize(
        ("limits", "told"),
        [
            ({"entries": 3}, "a list of 4 entries"),
            ({"directory_bytes": 100}, "a list of 4 entries"),
            ({"total_bytes": 2000}, "bytes unpacked, expected at most 2,000"),
            ({"ratio": 2, "free_ratio_bytes": 0}, "bytes out of"),
        ],
    )
    def test_caps(self, tmp_path: Path, limits: dict[str, Any], told: str) -> None:
        with pytest.raises(BadInputError, match=told):
            unpack_all(archive_of(tmp_path / "a.zip"), tmp_path / "out", **limits)
        assert files_in(tmp_path / "out") == {}

    def test_a_list_that_hides_its_length_is_capped_by_its_bytes(self, tmp_path: Path) -> None:
        path = archive_of(tmp_path / "a.zip", {f"{i}.jpg": b"" for i in range(500)})
        data = bytearray(path.read_bytes())
        struct.pack_into("<2H", data, data.rfind(b"PK\5\6") + 8, 1, 1)
        path.write_bytes(data)
        with pytest.raises(BadInputError, match="a list of 1 entries in"):
            unpack_all(path, tmp_path / "out", directory_bytes=10_000)
        with pytest.raises(BadInputError, match="500 entries, expected at most 10"):
            unpack_all(path, tmp_path / "out", entries=10)

    def test_a_list_of_zip64_is_capped(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
        path = archive_of(tmp_path / "a.zip")
        assert b"PK\6\6" in path.read_bytes()
        with pytest.raises(BadInputError, match="a list of 4 entries"):
            unpack_all(path, tmp_path / "out", entries=3)
        assert len(unpack_all(path, tmp_path / "out")) == 4

    @pytest.mark.parametrize("claimed", [1, 2**31])
    def test_sizes_that_are_lies_leave_no_file(self, tmp_path: Path, claimed: int) -> None:
        path = archive_of(tmp_path / "a.zip", {"a.csv": b"0123456789" * 1000})
        data = bytearray(path.read_bytes())
        struct.pack_into("<L", data, data.rfind(b"PK\1\2") + 24, claimed)
        path.write_bytes(data)
        with pytest.raises(BadInputError):
            unpack_all(path, tmp_path / "out", ratio=1e12)
        assert files_in(tmp_path / "out") == {}

    def test_a_damaged_file_is_not_seen_and_those_before_it_stay(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        with_files(("a.jpg", b"a" * 500), ("b.jpg", b"b" * 500), method=zipfile.ZIP_STORED)(path)
        path.write_bytes(path.read_bytes().replace(b"bbbb", b"bb?b", 1))
        with pytest.raises(BadInputError, match=r"b\.jpg"):
            unpack_all(path, tmp_path / "out")
        assert files_in(tmp_path / "out") == {"a.jpg": b"a" * 500}

    @pytest.mark.parametrize("data", [b"", b"PK", b"<html>sign in</html>", b"PK\5\6" + b"\0" * 9])
    def test_what_is_no_archive(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "a.zip").write_bytes(data)
        with pytest.raises(BadInputError, match="no ZIP"):
            unpack_all(tmp_path / "a.zip", tmp_path / "out")

    @pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
    def test_an_archive_that_was_cut_off(self, tmp_path: Path, share: float) -> None:
        path = archive_of(tmp_path / "a.zip")
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        with pytest.raises(BadInputError, match="its end is missing"):
            unpack_all(path, tmp_path / "out")

    def test_no_file_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="cannot be read"):
            unpack_all(tmp_path / "a.zip", tmp_path / "out")

    def test_links_in_the_target_lead_nowhere(self, tmp_path: Path) -> None:
        path = archive_of(tmp_path / "a.zip")
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "train_v2").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(BadInputError, match="is a link"):
            unpack_all(path, tmp_path / "out", replace=True)
        assert not list((tmp_path / "elsewhere").iterdir())

    def test_a_link_in_the_place_of_a_file_is_replaced_not_followed(self, tmp_path: Path) -> None:
        path = archive_of(tmp_path / "a.zip")
        victim = tmp_path / "victim"
        victim.write_text("mine")
        (tmp_path / "out" / "train_v2").mkdir(parents=True)
        (tmp_path / "out" / "train_v2" / "a.jpg").symlink_to(victim)
        with pytest.raises(OutputExistsError):
            unpack_all(path, tmp_path / "out")
        unpack_all(path, tmp_path / "out", replace=True)
        assert victim.read_text() == "mine"
        assert files_in(tmp_path / "out") == GOOD


names = st.text(st.sampled_from("ab./\\:C\0\n é"), min_size=1, max_size=12)


@given(name=names)
@example("..")
@example("a/..")
@example("~/x")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_a_name_is_refused_or_lands_inside(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    root = tmp_path_factory.mktemp("any")
    entry = zipfile.ZipInfo("plain")
    entry.filename = entry.orig_filename = name
    with Zip(root / "a.zip", "w") as archive:
        archive.writestr(entry, b"data")
    try:
        unpack_all(root / "a.zip", root / "out")
    except ShipsegError:
        assert set(files_in(root)) == {"a.zip"}
        return
    made = set(files_in(root)) - {"a.zip"}
    assert all(path.startswith("out/") for path in made)
    assert len(made) == (not name.endswith("/"))


class HttpError(Exception):
    """As requests raises it: the answer hangs on the error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.response = SimpleNamespace(status_code=status)


class FakeApi:
    """What is used of KaggleApi: it writes an archive, in two goes if it is told to."""

    def __init__(self, data: bytes, *, announced: int | None = None, fails: object = None) -> None:
        self.data = data
        self.announced = len(data) if announced is None else announced
        self.fails = fails
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def authenticate(self) -> None:
        if isinstance(self.fails, BaseException):
            raise self.fails

    def competition_download_files(self, competition: str, **options: Any) -> None:
        self.calls.append((competition, options))
        if isinstance(self.fails, BaseException):
            raise self.fails
        outfile = str(Path(options["path"]) / f"{competition}.zip")
        response = SimpleNamespace(headers={"Content-Length": str(self.announced)})
        self.download_file(response, outfile, None, options["quiet"], True)

    def download_file(self, response: Any, outfile: str, *_: Any) -> None:
        print("Downloading to", outfile)
        with Path(outfile).open("ab") as file:
            file.write(self.data[file.tell() :])


class TestClient:
    def test_it_fetches_and_goes_on(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        api = FakeApi(b"0123456789")
        (tmp_path / f"{COMPETITION}.zip").write_bytes(b"0123")
        path = KaggleClient(api).fetch(tmp_path, quiet=True)
        assert path.read_bytes() == b"0123456789"
        assert api.calls == [(COMPETITION, {"path": str(tmp_path), "quiet": True})]
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "Downloading" in printed.err

    def test_another_size_than_announced_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DownloadError, match="has 4 bytes, expected 10") as caught:
            KaggleClient(FakeApi(b"0123", announced=10)).fetch(tmp_path, quiet=True)
        assert "goes on from there" in (caught.value.hint or "")

    def test_there_has_to_be_room_for_the_rest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / f"{COMPETITION}.zip").write_bytes(b"01")
        free = 256 * 2**20 + 7
        monkeypatch.setattr("shipseg.dataset.download.client.free_bytes", lambda _: free)
        client = KaggleClient(FakeApi(b"0123456789"))
        with pytest.raises(DownloadError, match="the rest of the archive needs"):
            client.fetch(tmp_path, quiet=True)
        assert (tmp_path / f"{COMPETITION}.zip").read_bytes() == b"01"
        free += 1
        assert client.fetch(tmp_path, quiet=True).stat().st_size == 10

    @pytest.mark.parametrize(
        ("error", "kind", "told", "next_step"),
        [
            (HttpError(401, "no"), UsageError, "did not take the credentials", "settings/api"),
            (HttpError(403, "accept rules"), UsageError, "accept rules", f"{COMPETITION}/rules"),
            (HttpError(404, "gone"), DownloadError, "does not know", None),
            (HttpError(429, "slow down"), DownloadError, r"failed \(429\)", "goes on from there"),
            (HttpError(503, "later"), DownloadError, r"failed \(503\)", "goes on from there"),
            (ConnectionError("no network"), DownloadError, "no network", "in reach"),
            (OSError("Could not find kaggle.json"), UsageError, "no credentials", "kaggle.json"),
            (SystemExit(1), UsageError, "no credentials", "KAGGLE_API_TOKEN"),
            (ValueError("sizes differ"), DownloadError, "sizes differ", "goes on from there"),
        ],
    )  # fmt: skip
    def test_failures_come_with_the_next_step(
        self,
        tmp_path: Path,
        error: BaseException,
        kind: type[ShipsegError],
        told: str,
        next_step: str | None,
    ) -> None:
        with pytest.raises(kind, match=told) as caught:
            KaggleClient(FakeApi(b"", fails=error)).fetch(tmp_path, quiet=True)
        assert next_step is None or next_step in (caught.value.hint or "")

    def test_an_interrupt_stays_one(self, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt):
            KaggleClient(FakeApi(b"", fails=KeyboardInterrupt())).fetch(tmp_path, quiet=True)

    def test_a_client_that_leaves_nothing(self, tmp_path: Path) -> None:
        api = FakeApi(b"")
        api.download_file = lambda *_: None  # type: ignore[method-assign]
        with pytest.raises(DownloadError, match=r"left no 'airbus-ship-detection\.zip'"):
            KaggleClient(api).fetch(tmp_path, quiet=True)


class TestSigningIn:
    def install(self, monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any]) -> None:
        extended = ModuleType("kaggle.api.kaggle_api_extended")
        extended.KaggleApi = make  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "kaggle.api.kaggle_api_extended", extended)
        monkeypatch.setattr("shipseg.dataset.download.client.find_spec", lambda _: object())

    def test_the_client_is_loaded_and_signed_in(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        self.install(monkeypatch, lambda: FakeApi(b"data"))
        assert open_kaggle().fetch(tmp_path, quiet=True).read_bytes() == b"data"

    def test_no_client_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shipseg.dataset.download.client.find_spec", lambda _: None)
        with pytest.raises(MissingDependencyError) as caught:
            open_kaggle()
        assert caught.value.hint == 'pip install "shipseg[download]"'

    def test_a_client_that_cannot_be_imported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken() -> Any:
            raise ModuleNotFoundError("No module named 'six'", name="six")

        self.install(monkeypatch, broken)
        with pytest.raises(MissingDependencyError, match="'six'"):
            open_kaggle()

    @pytest.mark.parametrize("error", [SystemExit(1), OSError("Could not find kaggle.json")])
    def test_no_credentials_are_told_on_no_other_way(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        error: BaseException,
    ) -> None:
        def refuse() -> Any:
            print("Authentication required: many lines of help")
            raise error

        self.install(monkeypatch, refuse)
        with pytest.raises(UsageError, match="found no credentials") as caught:
            open_kaggle()
        for step in ("settings/api", "~/.kaggle/access_token", "KAGGLE_KEY", "--archive"):
            assert step in (caught.value.hint or "")
        assert capsys.readouterr() == ("", "")


def test_the_client_is_not_imported_before_it_is_needed() -> None:
    import shipseg.cli.download
    import shipseg.cli.downloading

    assert shipseg.cli.download
    assert shipseg.cli.downloading
    assert "kaggle" not in sys.modules


def test_a_folder_that_only_a_failed_run_was_in_is_unused(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert whole.is_unused(folder)
    folder.mkdir()
    with whole.hold(folder, "testing"):
        pass
    (folder / ".prepare.k2j4.tmp.json").write_text('{"fin')
    assert whole.is_unused(folder)
    whole.drop_if_unused(folder)
    assert not folder.exists()
    folder.mkdir()
    (folder / ".mine").write_text("kept")
    assert not whole.is_unused(folder)
    whole.drop_if_unused(folder)
    assert (folder / ".mine").exists()


def test_links_are_no_regular_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert whole.checksum(tmp_path / "a") == (3, 0x352441C2)
    assert whole.checksum(tmp_path / "b") is None
    assert whole.checksum(tmp_path / "c") is None
