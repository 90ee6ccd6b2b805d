"""Read and write a model bundle: a folder, or one .zip of it. Never imports torch.

| file | what |
|---|---|
| `bundle.json` | the manifest: hashes, thresholds, provenance, parity, figures |
| `gate.onnx` | `image` uint8 (N, S, S, 3) to `tile` (N,) and `cells` (N, S/16, S/16) |
| `segmenter.onnx` | `image` uint8 (N, H, W, 3) to `maps` (N, 2, H, W) |
| `refiner.onnx` | `image` uint8 (N, 64, 128, 3) to `sides` (N, 6), `fit` (N,); may be missing |
| `README.md` | the model card |

All outputs are float32, those of the first two probabilities. A bundle holds graphs and numbers,
and no code: nothing in it is unpickled, or run by anything but ONNX Runtime.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path, PurePosixPath

from shipseg.bundle.graph import (
    REFINER_SIGNATURE,
    SEGMENTER_SIGNATURE,
    Signature,
    check_graph,
    gate_signature,
)
from shipseg.bundle.manifest import (
    GateSpec,
    Manifest,
    RefinerSpec,
    SegmenterSpec,
    format_manifest,
    parse_manifest,
)
from shipseg.bundle.readers import MANIFEST, Reader, folder_reader, kind_of, zip_reader
from shipseg.errors import BundleError, OutputExistsError, UsageError
from shipseg.files import atomic_write_bytes

__all__ = ["Bundle", "Manifest", "check_output", "kind_of", "load_bundle", "sha256", "write_bundle"]

CARD = "README.md"

MAX_MANIFEST_BYTES = 2**20
MAX_GRAPH_BYTES = 256 * 2**20
"""Cap on one graph: ten times the two of the bundle that comes with the package."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle in memory, checked.

    Attributes:
        manifest: What it says about itself.
        gate: The gate's ONNX graph.
        segmenter: The segmenter's ONNX graph.
        source: Where it was read from, for messages.
        refiner: The refiner's ONNX graph; None where the manifest names none.
    """

    manifest: Manifest
    gate: bytes = field(repr=False)
    segmenter: bytes = field(repr=False)
    source: str
    refiner: bytes | None = field(default=None, repr=False)


def load_bundle(path: str | os.PathLike[str] | None = None) -> Bundle:
    """Read a bundle and check all of it: manifest, hashes, and what goes in and out of the graphs.

    Files that the manifest does not name are not opened.

    Args:
        path: A folder or a .zip; None is the bundle inside the package.

    Raises:
        UsageError: There is nothing at `path`.
        BundleError: The bundle is incomplete, altered, too large, or no bundle at all.
    """
    if path is None:
        return _load_packaged()
    where = Path(path)
    if where.is_dir():
        return _load(folder_reader(where), str(where))
    if not where.is_file():
        raise UsageError(
            f"there is no model bundle at '{where}'",
            hint="give a folder or .zip that `shipseg export` wrote, or leave the option out",
        )
    return _load_file(where)


def write_bundle(
    bundle: Bundle, card: str, out: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write a bundle that appears whole or not at all; what is written can be loaded.

    Args:
        bundle: Manifest and graphs that belong together.
        card: The model card, Markdown.
        out: A folder, or a file whose name ends in `.zip`.
        overwrite: A bundle that is there may be replaced. Anything else that is there never is.

    Returns:
        `out` as a path.

    Raises:
        OutputExistsError: Something is there and may not be replaced.
        BundleError: Graphs and manifest do not fit.
    """
    target = Path(out)
    check_output(target, overwrite=overwrite)
    check_bundle(bundle)
    files = {
        MANIFEST: format_manifest(bundle.manifest),
        bundle.manifest.gate.file: bundle.gate,
        bundle.manifest.segmenter.file: bundle.segmenter,
        CARD: card.encode(),
    }
    if bundle.manifest.refiner is not None and bundle.refiner is not None:
        files[bundle.manifest.refiner.file] = bundle.refiner
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".zip":
        atomic_write_bytes(target, _pack(files))
    else:
        _write_folder(target, files)
    return target


def check_output(out: Path, *, overwrite: bool) -> None:
    """Refuse a target that is there, before hours or minutes go into what would be written to it.

    Raises:
        OutputExistsError: It is no bundle, or one that nobody said may be replaced.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not _holds_bundle(out) or out.is_dir() == (out.suffix == ".zip"):
        raise OutputExistsError(
            f"'{out}' is there and is no model bundle", hint="choose another one with -o"
        )
    if not overwrite:
        raise OutputExistsError(
            f"'{out}' already holds a model bundle",
            hint="replace it (--overwrite), or choose another -o",
        )


def _holds_bundle(out: Path) -> bool:
    if out.is_dir():
        return (out / MANIFEST).is_file()
    try:
        with zipfile.ZipFile(out) as archive:
            return any(PurePosixPath(name).name == MANIFEST for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def check_bundle(bundle: Bundle) -> None:
    """Check that graphs and manifest belong together.

    Raises:
        BundleError: A hash, an input or an output differs; the message names both.
    """
    manifest = bundle.manifest
    gate, segmenter, refiner = manifest.gate, manifest.segmenter, manifest.refiner
    graphs: list[tuple[GateSpec | SegmenterSpec | RefinerSpec, bytes, Signature]] = [
        (gate, bundle.gate, gate_signature(gate.input_size, gate.stride)),
        (segmenter, bundle.segmenter, SEGMENTER_SIGNATURE),
    ]
    if (refiner is None) != (bundle.refiner is None):
        raise BundleError(f"{bundle.source}: the refiner's graph and {MANIFEST} do not fit")
    if refiner is not None and bundle.refiner is not None:
        graphs.append((refiner, bundle.refiner, REFINER_SIGNATURE))
    for spec, data, signature in graphs:
        where = f"{bundle.source}: {spec.file}"
        kind = kind_of(data)
        if kind != "an ONNX graph":
            raise BundleError(f"{where} is {kind}, expected an ONNX graph")
        found = sha256(data)
        if found != spec.sha256:
            raise BundleError(
                f"{where} was altered or damaged: its SHA-256 is {found[:12]}…, "
                f"{MANIFEST} says {spec.sha256[:12]}…",
                hint="copy or download the bundle again",
            )
        check_graph(data, signature, where=where)


def sha256(data: bytes) -> str:
    """Return the SHA-256 of some bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _load(read: Reader, source: str) -> Bundle:
    found = read(MANIFEST, MAX_MANIFEST_BYTES)
    if found is None:
        raise BundleError(
            f"'{source}' is no model bundle: {MANIFEST} is missing",
            hint="make one with `shipseg export`",
        )
    if len(found) > MAX_MANIFEST_BYTES:
        raise BundleError(f"{source}: {MANIFEST} is over the limit of {MAX_MANIFEST_BYTES:,} bytes")
    manifest = parse_manifest(found, where=f"{source}: {MANIFEST}")
    graphs = []
    specs = (manifest.gate, manifest.segmenter, manifest.refiner)
    for spec in (spec for spec in specs if spec is not None):
        data = read(spec.file, MAX_GRAPH_BYTES)
        if data is None:
            raise BundleError(
                f"{source}: {spec.file}, which {MANIFEST} names, is missing",
                hint="copy or download the bundle again",
            )
        if len(data) > MAX_GRAPH_BYTES:
            raise BundleError(
                f"{source}: {spec.file} is over the limit of {MAX_GRAPH_BYTES:,} bytes"
            )
        graphs.append(data)
    gate, segmenter, *refiner = graphs
    bundle = Bundle(manifest, gate, segmenter, source, *refiner)
    check_bundle(bundle)
    return bundle


def _load_packaged() -> Bundle:
    folder = resources.files("shipseg") / "weights"
    if not (folder / MANIFEST).is_file():
        raise BundleError(
            "this installation of shipseg carries no model bundle",
            hint="name one with --bundle; `shipseg export` makes one",
        )
    return _load(folder_reader(folder), "the bundle inside the package")


def _load_file(path: Path) -> Bundle:
    with path.open("rb") as file:
        kind = kind_of(file.read(64))
    if not kind.startswith("a ZIP"):
        raise BundleError(
            f"'{path}' is {kind}; expected a model bundle, a folder or .zip with {MANIFEST}",
            hint="make one with `shipseg export`",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return _load(zip_reader(archive, path), str(path))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise BundleError(f"'{path}' is damaged or cannot be read: {error}") from error


def _pack(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in files.items():
            # A fixed time, so that the same files give the same bytes.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return packed.getvalue()


def _write_folder(target: Path, files: dict[str, bytes]) -> None:
    """Fill a folder beside the target and rename it into place."""
    # A link is followed: what it leads to changes, and the link stays.
    target = Path(os.path.realpath(target))
    beside = Path(
        tempfile.mkdtemp(prefix=f".{target.name[:40]}.", suffix=".tmp", dir=target.parent)
    )
    new, old = beside / "new", beside / "old"
    try:
        new.mkdir()
        for name, data in files.items():
            atomic_write_bytes(new / name, data)
        if target.exists():
            # No system renames a folder over a full one. A kill between these two renames leaves
            # the old bundle under the hidden name; a torn one it never leaves.
            target.rename(old)
        try:
            new.rename(target)
        except BaseException:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
