from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inference.pixels import (
    gate_graph,
    pixel_bundle_of,
    refiner_graph,
    segmenter_graph,
    write_pixel_bundle,
)

from shipseg.bundle import format as bundle_format
from shipseg.bundle.format import Bundle, kind_of, load_bundle, sha256, write_bundle
from shipseg.errors import BundleError, OutputExistsError, UsageError

FILES = {"bundle.json", "gate.onnx", "segmenter.onnx", "README.md"}


@pytest.fixture
def bundle() -> Bundle:
    return pixel_bundle_of()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pixel_bundle(tmp_path / "bundle")


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest of a bundle; a number may become NaN, which json writes as such."""
    path = folder / "bundle.json"
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def members_of(folder: Path, prefix: str = "") -> dict[str, bytes]:
    return {prefix + file.name: file.read_bytes() for file in folder.iterdir()}


# What goes in comes out


@pytest.mark.parametrize("name", ["folder", "file.zip"])
def test_round_trip(bundle: Bundle, tmp_path: Path, name: str) -> None:
    path = write_bundle(bundle, "# A card\n", tmp_path / "new" / name)
    assert load_bundle(path) == replace(bundle, source=str(path))
    assert load_bundle(str(path)).manifest == bundle.manifest


def test_a_folder_holds_four_files_that_others_may_read(bundle: Bundle, tmp_path: Path) -> None:
    path = write_bundle(bundle, "# Schärfe\n", tmp_path / "bundle")
    assert {file.name for file in path.iterdir()} == FILES
    assert (path / "README.md").read_text(encoding="utf-8") == "# Schärfe\n"
    # Nothing is left beside it.
    assert [file.name for file in tmp_path.iterdir()] == ["bundle"]
    (tmp_path / "plain").mkdir()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_same_bundle_gives_the_same_zip(bundle: Bundle, tmp_path: Path) -> None:
    first, second = (write_bundle(bundle, "card", tmp_path / f"{n}.zip") for n in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_folder_zipped_whole_is_read_too(folder: Path, tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "whole.zip",
        {**members_of(folder, "my bundle/"), "__MACOSX/my bundle/._bundle.json": b"x"},
    )
    assert load_bundle(path).manifest == load_bundle(folder).manifest


def test_files_that_the_manifest_does_not_name_are_not_opened(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "weights.pt").write_bytes(pickle.dumps({}))
    os.mkfifo(folder / "pipe")
    load_bundle(folder)


def test_repr_does_not_print_the_weights(bundle: Bundle) -> None:
    assert len(repr(bundle)) < 2000


# The bundle inside the package


def test_the_packaged_bundle_is_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.rename(folder.parent / "weights")
    monkeypatch.setattr(bundle_format.resources, "files", lambda _: folder.parent)
    assert load_bundle().source == "the bundle inside the package"
    assert load_bundle(None).manifest.name == "pixels"


def test_an_installation_without_one_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_format.resources, "files", lambda _: tmp_path)
    with pytest.raises(BundleError, match="carries no model bundle") as caught:
        load_bundle()
    assert "shipseg export" in (caught.value.hint or "")


# Writing


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_nothing_is_replaced_unless_told(bundle: Bundle, tmp_path: Path, name: str) -> None:
    path = write_bundle(bundle, "old", tmp_path / name)
    with pytest.raises(OutputExistsError, match="already holds a model bundle") as caught:
        write_bundle(bundle, "new", path)
    assert "--overwrite" in (caught.value.hint or "")
    other = replace(bundle, manifest=bundle.manifest.model_copy(update={"name": "other"}))
    write_bundle(other, "new", path, overwrite=True)
    assert load_bundle(path).manifest.name == "other"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_what_is_no_bundle_is_never_replaced(bundle: Bundle, tmp_path: Path) -> None:
    photos = zipped(tmp_path / "photos.zip", {"a.jpg": b"x"})
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter1").write_text("x")
    (tmp_path / "file").write_text("x")
    for path in (photos, thesis, tmp_path / "file"):
        with pytest.raises(OutputExistsError, match="is no model bundle"):
            write_bundle(bundle, "", path, overwrite=True)
    assert (thesis / "chapter1").read_text() == "x"


def test_an_empty_folder_is_filled(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(bundle, "", tmp_path)
    load_bundle(tmp_path)


def test_a_link_to_a_folder_stays_one(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(bundle, "", tmp_path / "v1")
    (tmp_path / "current").symlink_to("v1")
    write_bundle(bundle, "new", tmp_path / "current", overwrite=True)
    assert (tmp_path / "current").is_symlink()
    assert (tmp_path / "v1" / "README.md").read_text() == "new"


def test_a_failed_replacement_leaves_the_old_bundle(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_bundle(bundle, "old", tmp_path / "bundle")
    rename = Path.rename

    def fail_for_the_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(OSError, match="No space"):
        write_bundle(bundle, "new", path, overwrite=True)
    assert (path / "README.md").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["bundle"]


def test_graphs_that_do_not_fit_the_manifest_are_not_written(
    bundle: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="altered or damaged"):
        write_bundle(replace(bundle, gate=bundle.segmenter), "", tmp_path / "bundle")
    assert not list(tmp_path.iterdir())


def test_a_refiner_travels_along(tmp_path: Path) -> None:
    bundle = pixel_bundle_of(refiner=refiner_graph())
    for name in ("folder", "file.zip"):
        path = write_bundle(bundle, "", tmp_path / name)
        assert load_bundle(path) == replace(bundle, source=str(path))
    (tmp_path / "folder" / "refiner.onnx").unlink()
    with pytest.raises(BundleError, match=r"refiner\.onnx, which bundle\.json names, is missing"):
        load_bundle(tmp_path / "folder")
    with pytest.raises(BundleError, match=r"the refiner's graph and bundle\.json do not fit"):
        write_bundle(replace(bundle, refiner=None), "", tmp_path / "new")


def test_a_refiner_of_another_shape_is_refused(tmp_path: Path) -> None:
    bundle = pixel_bundle_of(refiner=refiner_graph((0.3, -0.3, 0.2, -0.2)))
    with pytest.raises(BundleError, match=r"outputs are sides float32 \(\*, 4\), fit"):
        write_bundle(bundle, "", tmp_path / "new")


# Bundles that are incomplete, altered, or none


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model bundle at"):
        load_bundle(tmp_path / "gone")
    with pytest.raises(BundleError, match=r"bundle\.json is missing"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("name", sorted(FILES - {"README.md", "bundle.json"}))
def test_a_missing_graph_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).unlink()
    for path in (folder, zipped(tmp_path / "b.zip", members_of(folder))):
        with pytest.raises(BundleError, match=rf"{name}, which bundle\.json names, is missing"):
            load_bundle(path)


def test_a_pipe_in_a_graph_s_place_is_not_waited_for(folder: Path) -> None:
    (folder / "gate.onnx").unlink()
    os.mkfifo(folder / "gate.onnx")
    with pytest.raises(BundleError, match="missing"):
        load_bundle(folder)


def test_one_altered_bit_is_noticed(folder: Path) -> None:
    path = folder / "segmenter.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match="altered or damaged: its SHA-256 is"):
        load_bundle(folder)


def test_swapped_graphs_with_true_hashes_are_refused(folder: Path) -> None:
    def swap(fields: dict[str, Any]) -> None:
        gate, segmenter = fields["gate"], fields["segmenter"]
        for key in ("file", "sha256"):
            gate[key], segmenter[key] = segmenter[key], gate[key]

    edit(folder, swap)
    with pytest.raises(BundleError, match=r"inputs are image uint8 \(\*, \*, \*, 3\); expected"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pickle.dumps({"weight": [1.0]}), "a pickle, which can run code"),
        (b"", "an empty file"),
        (b"PK\x03\x04" + bytes(60), "a ZIP file or a torch checkpoint"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        ((70).to_bytes(8, "little") + b'{"a":{}}', "a safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html>", "a file of an unknown kind"),
    ],
)
def test_other_weights_in_a_graph_s_place(folder: Path, data: bytes, said: str) -> None:
    assert kind_of(data).startswith(said)
    (folder / "gate.onnx").write_bytes(data)
    edit(folder, lambda fields: fields["gate"].update(sha256=sha256(data)))
    with pytest.raises(BundleError, match=f"gate.onnx is {said}.*expected an ONNX graph"):
        load_bundle(folder)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_binary_pickle_is_known(protocol: int) -> None:
    assert kind_of(pickle.dumps([1], protocol)).startswith("a pickle")


def test_single_files_that_are_no_bundle_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for data, said in (
        (pickle.dumps({}), "a pickle, which can run code as it is read and is never opened"),
        (gate_graph(), "an ONNX graph"),
        (b"", "an empty file"),
    ):
        path.write_bytes(data)
        with pytest.raises(BundleError, match=f"is {said}; expected a model bundle"):
            load_bundle(path)


def test_a_torch_checkpoint_is_never_unpickled(tmp_path: Path) -> None:
    path = zipped(tmp_path / "last.ckpt", {"archive/data.pkl": b"cos\nsystem\n(S'false'\ntR."})
    with pytest.raises(BundleError, match="a torch checkpoint, whose pickle can run code"):
        load_bundle(path)


# The manifest


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(extra=1), "unknown key 'extra'"),
        (lambda m: m["gate"].update(extra=1), r"unknown key 'gate\.extra'"),
        (lambda m: m.pop("parity"), "'parity' is missing"),
        (lambda m: m["gate"].update(threshold=float("nan")), "'NaN' is no JSON number"),
        (lambda m: m["gate"].update(threshold=float("inf")), "'Infinity' is no JSON number"),
        (lambda m: m["figures"].update(f2=float("nan")), "'NaN' is no JSON number"),
        (lambda m: m["gate"].update(threshold=0), r"'gate\.threshold'.*greater than 0"),
        (lambda m: m["gate"].update(threshold=1.5), r"'gate\.threshold'.*found '1\.5'"),
        (lambda m: m["gate"].update(threshold="0.5"), r"'gate\.threshold'.*valid number"),
        (lambda m: m["gate"].update(input_size=384.5), r"'gate\.input_size'"),
        (lambda m: m["gate"].update(input_size=416), "tile_size 768 is no multiple of input_size"),
        (lambda m: m["gate"].update(file="../gate.onnx"), r"'gate\.file'"),
        (lambda m: m["gate"].update(file="gate.pt"), r"'gate\.file'"),
        (lambda m: m["gate"].update(file="/etc/passwd"), r"'gate\.file'"),
        (lambda m: m["segmenter"].update(min_area_px=-1), r"'segmenter\.min_area_px'"),
        (lambda m: m.update(name="two\nlines"), "'name'"),
        (lambda m: m.update(name="\x1b[31mred"), "'name'"),
        (lambda m: m.update(created="yesterday"), "'created'"),
        (lambda m: m.update(format_version=2), "format_version is 2, this shipseg reads 1"),
        (lambda m: m.update(format_version=True), "format_version is true"),
        (lambda m: m.pop("format_version"), "format_version is null"),
    ],
)  # fmt: skip
def test_faults_of_the_manifest_are_named(folder: Path, change: Any, said: str) -> None:
    edit(folder, change)
    with pytest.raises(BundleError, match=said):
        load_bundle(folder)


def test_a_threshold_of_1e309_is_no_number(folder: Path) -> None:
    path = folder / "bundle.json"
    path.write_text(path.read_text().replace('"threshold": 0.5', '"threshold": 1e309', 1))
    with pytest.raises(BundleError, match=r"'gate\.threshold'"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 100_000, b'{"format_version": 1}', b"1" * 5000],
    ids=["empty", "cut", "utf-16", "list", "null", "deep", "bare", "digits"],
)
def test_what_is_no_manifest_is_refused(folder: Path, text: bytes) -> None:
    (folder / "bundle.json").write_bytes(text)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        load_bundle(folder)


def test_a_huge_manifest_is_not_read(folder: Path) -> None:
    (folder / "bundle.json").write_bytes(b" " * (2**20 + 1))
    with pytest.raises(BundleError, match="over the limit of 1,048,576 bytes"):
        load_bundle(folder)


def test_a_huge_graph_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_format, "MAX_GRAPH_BYTES", 100)
    with pytest.raises(BundleError, match=r"gate\.onnx is over the limit of 100 bytes"):
        load_bundle(folder)


# ZIP files from strangers


@pytest.mark.parametrize(
    "name", ["../evil.onnx", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil", "x/../../y/"]
)
def test_entries_that_lead_outside_are_refused(folder: Path, tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "b.zip", {**members_of(folder), name: b"x"})
    with pytest.raises(BundleError, match="leads outside the bundle"):
        load_bundle(path)
    assert not list(tmp_path.rglob("evil*"))


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "b.zip", members_of(folder))
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BundleError, match="is a link"):
        load_bundle(path)


def test_a_bomb_is_not_unpacked(folder: Path, tmp_path: Path) -> None:
    files = members_of(folder) | {"gate.onnx": bytes(50_000_000)}
    with pytest.raises(BundleError, match="unpacks to more than 50 times its packed size"):
        load_bundle(zipped(tmp_path / "b.zip", files))


def test_a_bomb_that_is_not_named_is_not_opened(folder: Path, tmp_path: Path) -> None:
    load_bundle(zipped(tmp_path / "b.zip", members_of(folder) | {"zeros": bytes(50_000_000)}))


def test_many_entries_are_refused(folder: Path, tmp_path: Path) -> None:
    files = members_of(folder) | {f"{n}": b"" for n in range(100)}
    with pytest.raises(BundleError, match="104 entries"):
        load_bundle(zipped(tmp_path / "b.zip", files))


def test_two_entries_of_one_name_are_refused(folder: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "b.zip", members_of(folder))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("gate.onnx", b"other")
    with pytest.raises(BundleError, match=r"'gate\.onnx' is there twice"):
        load_bundle(path)


def test_two_bundles_in_one_file_are_refused(folder: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "b.zip", members_of(folder, "a/") | members_of(folder, "b/"))
    with pytest.raises(BundleError, match="2 bundles in one file"):
        load_bundle(path)


def test_a_zip_cut_short_anywhere_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    whole = write_bundle(bundle, "card", tmp_path / "b.zip").read_bytes()
    cut = tmp_path / "cut.zip"
    for length in range(0, len(whole), 37):
        cut.write_bytes(whole[:length])
        with pytest.raises(BundleError):
            load_bundle(cut)


def test_a_zip_with_damage_anywhere_is_refused_or_the_same(bundle: Bundle, tmp_path: Path) -> None:
    whole = write_bundle(bundle, "card", tmp_path / "b.zip").read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged.zip"
    for at in rng.integers(len(whole), size=300):
        damaged = bytearray(whole)
        damaged[at] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            found = load_bundle(path)
        except BundleError:
            continue
        # Times and attributes may change unnoticed, and the card, which nothing depends on.
        assert (found.manifest, found.gate) == (bundle.manifest, bundle.gate)


def test_an_encrypted_zip_is_refused(folder: Path, tmp_path: Path) -> None:
    data = bytearray(zipped(tmp_path / "b.zip", members_of(folder)).read_bytes())
    # Set the flag in the directory's first entry, as a packer with a password does.
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(BundleError, match="is encrypted"):
        load_bundle(tmp_path / "b.zip")


def test_pixel_bundles_are_what_the_tests_think(folder: Path) -> None:
    assert members_of(folder).keys() == FILES
    shutil.rmtree(folder)
    assert io.BytesIO(segmenter_graph()).read(1) == b"\x08"
