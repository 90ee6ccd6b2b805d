"""Where the files of a bundle are read from: a folder or a ZIP, neither of them to be trusted."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from shipseg.errors import BundleError

MANIFEST = "bundle.json"

MAX_ZIP_ENTRIES = 64
# Weights hardly shrink and a card to a third; a bomb is a thousand times its size.
MAX_ZIP_RATIO = 50
_RATIO_FLOOR = 2**20

Reader = Callable[[str, int], bytes | None]
"""Gives the bytes of a file by name, at most one more than the cap; None where there is none."""


def folder_reader(folder: Path | Traversable) -> Reader:
    """Read regular files of a folder by name; pipes and devices count as absent."""

    def read(name: str, cap: int) -> bytes | None:
        file = folder / name
        # A pipe or a device could block for ever or never end.
        if not file.is_file():
            return None
        with file.open("rb") as handle:
            data: bytes = handle.read(cap + 1)
        return data

    return read


def zip_reader(archive: zipfile.ZipFile, path: Path) -> Reader:
    """Read members by name; nothing is unpacked to the disk."""
    entries = _checked_entries(archive, path)

    def read(name: str, cap: int) -> bytes | None:
        entry = entries.get(name)
        if entry is None:
            return None
        # The size that the entry claims may be a lie; these bounds are not.
        most = min(cap, max(_RATIO_FLOOR, MAX_ZIP_RATIO * entry.compress_size))
        with archive.open(entry) as file:
            data = file.read(most + 1)
        if most < len(data) <= cap:
            raise BundleError(
                f"{path}: {name} unpacks to more than {MAX_ZIP_RATIO} times its packed size"
            )
        return data

    return read


def _checked_entries(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """Give the files of a ZIP by name, after refusing all that no bundle has."""
    listed = archive.infolist()
    if len(listed) > MAX_ZIP_ENTRIES:
        raise BundleError(
            f"{path}: {len(listed)} entries, expected the 4 of a bundle, {MAX_ZIP_ENTRIES} at most"
        )
    names = [entry.filename for entry in listed]
    if any(PurePosixPath(name).name == "data.pkl" for name in names):
        raise BundleError(
            f"'{path}' is a torch checkpoint, whose pickle can run code as it is read; "
            "it is never opened",
            hint="make a bundle of the run folder with `shipseg export`",
        )
    for entry in listed:
        fault = _fault_of(entry)
        if fault:
            raise BundleError(f"{path}: the entry {ascii(entry.filename)[:80]} {fault}")
    # A folder zipped whole has its own name before each of its files.
    manifests = [PurePosixPath(name) for name in names if PurePosixPath(name).name == MANIFEST]
    roots = {name.parent for name in manifests if len(name.parts) <= 2}
    if len(roots) > 1:
        raise BundleError(f"{path}: {len(roots)} bundles in one file, expected one")
    root = roots.pop() if roots else PurePosixPath()
    files: dict[str, zipfile.ZipInfo] = {}
    for entry in listed:
        name = PurePosixPath(entry.filename)
        if name.parent != root or entry.is_dir():
            continue
        if name.name in files:
            raise BundleError(f"{path}: the entry '{name}' is there twice")
        files[name.name] = entry
    return files


def _fault_of(entry: zipfile.ZipInfo) -> str | None:
    name = entry.filename
    if name.startswith("/") or "\\" in name or ":" in name or ".." in PurePosixPath(name).parts:
        return "leads outside the bundle"
    if entry.flag_bits & 1:
        return "is encrypted"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in another way than deflate"
    return None


def kind_of(data: bytes) -> str:
    """Say in words what a file of weights is, by its first bytes."""
    head = data[:64]
    if not head:
        return "an empty file"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer (fetch the file itself with `git lfs pull`)"
    # Protocols 2 to 5; older torch.save starts so as well.
    if head[0] == 0x80 and len(head) > 1 and head[1] in (2, 3, 4, 5):
        return "a pickle, which can run code as it is read and is never opened"
    if head.startswith(b"PK"):
        return "a ZIP file or a torch checkpoint"
    if head.startswith(b"\x89HDF"):
        return "an HDF5 file"
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**32:
        return "a safetensors file (weights without a graph; make a bundle with `shipseg export`)"
    # Field 1 of a model is its IR version, a number from 3 to 13 so far.
    if head[0] == 0x08 and len(head) > 1 and 1 <= head[1] <= 32:
        return "an ONNX graph"
    return "a file of an unknown kind"
