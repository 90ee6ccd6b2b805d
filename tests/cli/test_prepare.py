from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
import yaml
from dataset.tiles import SHIP, Tiles, write_tiles
from PIL import Image
from pycocotools.coco import COCO

from shipseg.cli.main import app
from shipseg.dataset.augment import resize_mask
from shipseg.dataset.whole import hold
from shipseg.labels import read_labels

from .conftest import Result, Run

Prepare = Callable[..., Result]


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Tiles:
    """Sixteen tiles of 128 px: 12 to train, 4 to validate, half of each with ships."""
    return write_tiles(tmp_path_factory.mktemp("tiles"))


@pytest.fixture
def own(tmp_path: Path) -> Tiles:
    """Eight tiles that a test may spoil: 6 to train, 2 to validate."""
    return write_tiles(tmp_path / "own", 8)


@pytest.fixture
def prepare(run: Run, tmp_path: Path) -> Prepare:
    def call(layout: str, tiles: Tiles, *more: object, out: Path | None = None) -> Result:
        return run(
            *("prepare", layout, tiles.labels, "--images", tiles.images, "--split", tiles.split),
            *("-o", out or tmp_path / "out", "--tile-size", 128, *more),
        )

    return call


def tree(root: Path) -> dict[str, bytes]:
    """All files of a prepared folder but the lock, byte for byte."""
    found = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != ".lock"}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


class TestLayouts:
    def test_class_folders(self, prepare: Prepare, tiles: Tiles, tmp_path: Path) -> None:
        result = prepare("classes", tiles)
        assert result.code == 0, result.err
        assert "12 tiles, 6 with ships, 6 empty" in result.out
        for name, mask in tiles.masks.items():
            part = "validation" if int(name[:5], 16) % 8 in (6, 7) else "train"
            made = tmp_path / "out" / part / str(int(mask.any())) / name
            assert made.read_bytes() == (tiles.images / name).read_bytes()
        assert sum(path.suffix == ".jpg" for path in (tmp_path / "out").rglob("*")) == 16

    def test_a_class_that_no_tile_has_is_an_empty_folder(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path
    ) -> None:
        assert prepare("classes", tiles, "--empty-share", 0).code == 0
        assert not list((tmp_path / "out" / "train" / "0").iterdir())

    @pytest.mark.parametrize(("bits", "mode"), [(8, "L"), (1, "1")])
    def test_masks_lie_beside_their_pictures(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path, bits: int, mode: str
    ) -> None:
        assert prepare("masks", tiles, "--mask-bits", bits, "--part", "train").code == 0
        folder = tmp_path / "out" / "train"
        pictures = sorted((folder / "image").iterdir())
        assert len(pictures) == 12
        assert not (tmp_path / "out" / "validation").exists()
        for picture in pictures:
            mask = Image.open(folder / "mask" / f"{picture.stem}.png")
            assert mask.mode == mode
            found = np.asarray(mask.convert("L"))
            assert np.array_equal(found == 255, tiles.masks[picture.name])
            assert set(np.unique(found)) <= {0, 255}
            assert np.array_equal(pixels(picture)[..., 0] == SHIP, found == 255)

    @pytest.mark.parametrize("side", [64, 50])
    def test_pictures_and_masks_shrink_together(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path, side: int
    ) -> None:
        assert prepare("masks", tiles, "--size", side).code == 0
        for name, mask in tiles.masks.items():
            part = "validation" if int(name[:5], 16) % 8 in (6, 7) else "train"
            found = pixels(tmp_path / "out" / part / "mask" / name.replace(".jpg", ".png"))
            assert np.array_equal(found == 255, resize_mask(mask, side))
            picture = pixels(tmp_path / "out" / part / "image" / name)
            assert picture.shape == (side, side, 3)
            # Grey between water and ship lies only along the edge of the mask.
            assert np.mean((picture[..., 1] > 140) == (found == 255)) > 0.97

    @pytest.mark.parametrize(("size", "form"), [(128, "compressed"), (64, "uncompressed")])
    def test_coco_reads_the_annotations(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path, size: int, form: str
    ) -> None:
        assert prepare("coco", tiles, "--size", size, "--rle", form).code == 0
        table = read_labels(tiles.labels, shape_hw=(128, 128))
        seen = 0
        for part, number in (("train", 12), ("val", 4)):
            with contextlib.redirect_stdout(io.StringIO()):
                coco = COCO(tmp_path / "out" / "annotations" / f"instances_{part}.json")
            assert coco.loadCats(coco.getCatIds()) == [
                {"id": 1, "name": "ship", "supercategory": "vessel"}
            ]
            assert len(coco.getImgIds()) == number
            for image in coco.loadImgs(coco.getImgIds()):
                name = image["file_name"]
                assert pixels(tmp_path / "out" / part / name).shape == (size, size, 3)
                assert (image["height"], image["width"]) == (size, size)
                annotations = coco.loadAnns(coco.getAnnIds(image["id"]))
                assert len(annotations) == len(table.ships_of(name))
                together = np.zeros((size, size), np.bool_)
                for one in annotations:
                    assert isinstance(one["segmentation"]["counts"], str) == (form == "compressed")
                    mask = coco.annToMask(one).astype(np.bool_)
                    ys, xs = np.nonzero(mask)
                    assert one["area"] == mask.sum()
                    assert one["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
                    assert (one["iscrowd"], one["category_id"]) == (0, 1)
                    together |= mask
                    seen += 1
                assert np.array_equal(together, resize_mask(tiles.masks[name], size))
        assert seen == table.ship_count

    def test_yolo_polygons_fill_the_masks(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path
    ) -> None:
        assert prepare("yolo", tiles).code == 0
        out = tmp_path / "out"
        data = yaml.safe_load((out / "data.yaml").read_text())
        assert data == {"train": "images/train", "val": "images/val", "names": {0: "ship"}}
        pictures = sorted(out.glob("images/*/*.jpg"))
        assert len(pictures) == 16
        for picture in pictures:
            label = out / "labels" / picture.parent.name / f"{picture.stem}.txt"
            filled = np.zeros((128, 128), np.bool_)
            for line in label.read_text().splitlines():
                kind, *numbers = line.split()
                corners = np.array(numbers, float).reshape(-1, 2)
                assert kind == "0"
                assert corners.min() >= 0
                assert corners.max() <= 1
                # Ships here are upright rectangles.
                (x0, y0), (x1, y1) = np.rint(corners.min(0) * 128), np.rint(corners.max(0) * 128)
                filled[int(y0) : int(y1), int(x0) : int(x1)] = True
            assert np.array_equal(filled, tiles.masks[picture.name])

    def test_tiles_are_drawn(self, prepare: Prepare, tiles: Tiles, tmp_path: Path) -> None:
        options = ("--train-tiles", 8, "--val-tiles", 2, "--empty-share", 0.5, "--json")
        result = prepare("coco", tiles, *options)
        document = json.loads(result.out)
        assert document["parts"]["train"] | {"ships": 0} == {
            "tiles": 8, "with_ships": 4, "empty": 4, "ships": 0,
        }  # fmt: skip
        assert document["parts"]["val"]["empty"] == 1
        listed = rows(tmp_path / "out" / "tiles.csv")
        assert len(listed) == document["tiles"] == 10
        assert all((tmp_path / "out" / row["image"]).is_file() for row in listed)

    def test_options_of_another_layout_are_refused(self, prepare: Prepare, tiles: Tiles) -> None:
        result = prepare("yolo", tiles, "--mask-bits", 1)
        assert result.code == 2
        assert "--mask-bits is for the layout 'masks', found 'yolo'" in result.err
        assert prepare("masks", tiles, "--rle", "compressed").code == 2

    def test_excluded_tiles_are_left_out(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path
    ) -> None:
        listed = tmp_path / "exclude.csv"
        listed.write_text("ImageId,reason\n00000.jpg,black\n")
        assert prepare("masks", tiles, "--exclude", listed).code == 0
        assert not (tmp_path / "out" / "train" / "image" / "00000.jpg").exists()

    def test_without_a_split_the_leak_is_told(self, run: Run, tiles: Tiles, tmp_path: Path) -> None:
        result = run(
            *("prepare", "classes", tiles.labels, "--images", tiles.images, "--tile-size", 128),
            *("-o", tmp_path / "out", "--val-share", 0.25, "--json"),
        )
        assert result.code == 0
        assert json.loads(result.out)["parts"]["val"]["tiles"] == 4
        assert "the same ships lie on both sides" in result.err


class TestLinks:
    def test_a_link_is_the_same_file(self, prepare: Prepare, tiles: Tiles, tmp_path: Path) -> None:
        assert prepare("masks", tiles, "--link").code == 0
        made = tmp_path / "out" / "train" / "image" / "00000.jpg"
        assert made.samefile(tiles.images / "00000.jpg")
        again = prepare("masks", tiles, "--link", "--json")
        assert json.loads(again.out)["kept"] == 16

    def test_another_disk_gets_copies_and_a_note(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EXDEV, "another disk")

        monkeypatch.setattr(os, "link", refuse)
        result = prepare("classes", tiles, "--link")
        assert result.code == 0
        assert "16 tiles were copied" in result.err
        made = tmp_path / "out" / "train" / "1" / "00000.jpg"
        assert made.read_bytes() == (tiles.images / "00000.jpg").read_bytes()
        assert not made.samefile(tiles.images / "00000.jpg")

    def test_a_resized_tile_cannot_be_a_link(self, prepare: Prepare, tiles: Tiles) -> None:
        result = prepare("masks", tiles, "--link", "--size", 64)
        assert result.code == 2
        assert "cannot be links" in result.err


class TestBadTiles:
    def spoil(self, own: Tiles) -> None:
        """Truncate, empty, replace, shrink and remove tiles of the training part."""
        whole = Image.open(own.images / "00000.jpg").convert("RGB")
        data = io.BytesIO()
        whole.save(data, "JPEG")
        (own.images / "00000.jpg").write_bytes(data.getvalue()[: len(data.getvalue()) // 2])
        (own.images / "00001.jpg").write_bytes(b"")
        (own.images / "00002.jpg").write_text("<html>no picture</html>")
        whole.resize((64, 64)).save(own.images / "00003.jpg")
        (own.images / "00004.jpg").unlink()

    @pytest.mark.parametrize("layout", ["classes", "masks", "coco", "yolo"])
    def test_they_are_named_and_stop_nothing(
        self, prepare: Prepare, own: Tiles, tmp_path: Path, layout: str
    ) -> None:
        self.spoil(own)
        result = prepare(layout, own)
        assert result.code == 4
        failures = {row["ImageId"]: row["error"] for row in rows(tmp_path / "out" / "failures.csv")}
        assert sorted(failures) == [f"0000{i}.jpg" for i in range(5)]
        assert "truncated" in failures["00000.jpg"]
        assert "an empty file" in failures["00001.jpg"]
        assert "an HTML page" in failures["00002.jpg"]
        assert "64 x 64 px, expected 128 x 128" in failures["00003.jpg"]
        assert "no such file" in failures["00004.jpg"]
        listed = [row["ImageId"] for row in rows(tmp_path / "out" / "tiles.csv")]
        assert listed == ["00005.jpg", "00006.jpg", "00007.jpg"]
        assert not [name for name in tree(tmp_path / "out") if Path(name).stem in "00000 00003"]
        if layout == "coco":
            document = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
            assert [image["file_name"] for image in document["images"]] == ["00005.jpg"]

    def test_mended_tiles_join_the_others(
        self, prepare: Prepare, own: Tiles, tmp_path: Path
    ) -> None:
        before = {path.name: path.read_bytes() for path in own.images.iterdir()}
        assert prepare("yolo", own, out=tmp_path / "clean").code == 0
        (own.images / "00000.jpg").write_bytes(b"")
        assert prepare("yolo", own).code == 4
        (own.images / "00000.jpg").write_bytes(before["00000.jpg"])
        assert prepare("yolo", own).code == 0
        assert tree(tmp_path / "out") == tree(tmp_path / "clean")

    def test_missing_tiles_may_be_passed_over(self, prepare: Prepare, own: Tiles) -> None:
        (own.images / "00004.jpg").unlink()
        result = prepare("masks", own, "--skip-missing")
        assert result.code == 0
        assert "1 labelled tiles have no file" in result.err

    def test_no_tile_at_all_is_an_error(self, prepare: Prepare, own: Tiles, tmp_path: Path) -> None:
        for path in own.images.iterdir():
            path.write_bytes(b"no picture")
        assert prepare("classes", own).code == 3
        for path in own.images.iterdir():
            path.unlink()
        result = prepare("classes", own, out=tmp_path / "other")
        assert result.code == 3
        assert "none of the 8 tiles has a file" in result.err
        assert not (tmp_path / "other").exists()

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
    def test_a_pipe_named_like_a_tile_blocks_nothing(
        self, prepare: Prepare, own: Tiles, tmp_path: Path
    ) -> None:
        (own.images / "00000.jpg").unlink()
        os.mkfifo(own.images / "00000.jpg")
        assert prepare("masks", own).code == 4
        assert "not a regular file" in (tmp_path / "out" / "failures.csv").read_text()


class TestHostileTables:
    @pytest.mark.parametrize("name", ["../up.jpg", "/abs.jpg", "a\\b.jpg", "..", "=x.jpg"])
    def test_names_are_never_paths(
        self, prepare: Prepare, own: Tiles, tmp_path: Path, name: str
    ) -> None:
        (own.images.parent / "up.jpg").write_bytes((own.images / "00000.jpg").read_bytes())
        own.labels.write_text(own.labels.read_text() + f"{name},\n")
        own.split.write_text(own.split.read_text() + f"{name},train\n")
        assert prepare("classes", own).code == 3
        assert not (tmp_path / "out").exists()
        result = prepare("classes", own, "--on-bad-row", "skip")
        assert result.code == 0
        assert len(rows(tmp_path / "out" / "tiles.csv")) == 8

    def test_names_that_other_systems_refuse_are_changed(
        self, prepare: Prepare, own: Tiles, tmp_path: Path
    ) -> None:
        (own.images / "con.jpg").write_bytes((own.images / "00001.jpg").read_bytes())
        own.labels.write_text(own.labels.read_text() + "con.jpg,\n")
        own.split.write_text(own.split.read_text() + "con.jpg,train\n")
        assert prepare("yolo", own).code == 0
        (made,) = [
            row for row in rows(tmp_path / "out" / "tiles.csv") if row["ImageId"] == "con.jpg"
        ]
        assert Path(made["image"]).stem == Path(made["label"]).stem != "con"
        assert (tmp_path / "out" / made["image"]).is_file()

    def test_parts_that_share_a_folder_are_refused(self, prepare: Prepare, own: Tiles) -> None:
        own.split.write_text("ImageId,split\n00000.jpg,test\n00001.jpg,Test\n")
        result = prepare("coco", own)
        assert result.code == 2
        assert "would share the folder" in result.err


KILLED = """
import os, signal, sys
from shipseg.cli.main import main
from shipseg.dataset import whole
from shipseg.dataset.prepare import work

left = int(sys.argv[1])

def write_and_die(target, write, kept=whole.write_whole):
    global left
    left -= 1
    if left == 0:
        write(whole.beside_of(target))
        os.kill(os.getpid(), signal.SIGKILL)
    kept(target, write)

whole.write_whole = write_and_die
main(sys.argv[2:])
"""


class TestResume:
    @pytest.mark.parametrize(("layout", "after"), [("masks", 2), ("masks", 11), ("coco", 7)])
    def test_a_killed_run_ends_with_the_same_bytes(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path, layout: str, after: int
    ) -> None:
        assert prepare(layout, tiles, "--size", 64, out=tmp_path / "clean").code == 0
        out = tmp_path / "out"
        command = [
            *("prepare", layout, tiles.labels, "--images", tiles.images, "--split", tiles.split),
            *("-o", out, "--tile-size", 128, "--size", 64, "-j", 1),
        ]
        killed = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(after), *map(str, command)],
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL
        assert list(out.rglob(".*.tmp"))
        assert json.loads((out / "prepare.json").read_text())["finished"] is False
        result = prepare(layout, tiles, "--size", 64, "--json")
        assert result.code == 0, result.err
        # Of pairs two files are written for each tile.
        assert json.loads(result.out)["kept"] == (after - 1) // (2 if layout == "masks" else 1)
        assert tree(out) == tree(tmp_path / "clean")

    def test_torn_tables_of_a_killed_run_are_removed(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path
    ) -> None:
        assert prepare("coco", tiles).code == 0
        before = tree(tmp_path / "out")
        for name in (".tiles.x1.tmp.csv", "annotations/.instances_val.x1.tmp.json"):
            (tmp_path / "out" / name).write_text("half")
        assert prepare("coco", tiles).code == 0
        assert tree(tmp_path / "out") == before

    def test_what_is_right_is_left_alone_and_the_rest_made_again(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path
    ) -> None:
        assert prepare("masks", tiles, "--size", 64).code == 0
        before = tree(tmp_path / "out")
        folder = tmp_path / "out" / "train"
        kept = (folder / "image" / "00001.jpg").stat()
        (folder / "image" / "00000.jpg").write_bytes(b"torn")
        (folder / "mask" / "00002.png").unlink()
        mask = folder / "mask" / "00004.png"
        mask.write_bytes(mask.read_bytes()[:-1] + b"?")
        result = prepare("masks", tiles, "--size", 64, "--json")
        assert json.loads(result.out)["kept"] == 13
        assert tree(tmp_path / "out") == before
        assert (folder / "image" / "00001.jpg").stat().st_mtime_ns == kept.st_mtime_ns

    def test_an_interrupt_keeps_what_is_made(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from shipseg.cli.preparation import Preparation

        assert prepare("yolo", tiles, out=tmp_path / "clean").code == 0
        take = Preparation._take

        def interrupted(self: Preparation, outcome: object) -> None:
            if self.summary.tiles == 5:
                raise KeyboardInterrupt
            take(self, outcome)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(Preparation, "_take", interrupted)
            result = prepare("yolo", tiles, "-j", 1)
        assert result.code == 130
        assert "5 of 16 tiles are made; the same command goes on" in result.err
        again = prepare("yolo", tiles, "--json")
        assert json.loads(again.out)["kept"] >= 5
        assert tree(tmp_path / "out") == tree(tmp_path / "clean")

    def test_the_number_of_workers_changes_no_byte(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path
    ) -> None:
        assert prepare("coco", tiles, "-j", 1, out=tmp_path / "one").code == 0
        assert prepare("coco", tiles, "-j", 5, out=tmp_path / "five").code == 0
        assert tree(tmp_path / "one") == tree(tmp_path / "five")

    def test_a_full_disk_is_told_and_leaves_no_torn_file(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(self: Path, data: bytes) -> int:
            with self.open("wb") as file:
                file.write(data[:7])
            raise OSError(errno.ENOSPC, "No space left on device", str(self))

        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            result = prepare("classes", tiles)
        assert result.code == 1
        assert "No space left" in result.err
        assert not list((tmp_path / "out").rglob("*.jpg*"))
        assert prepare("classes", tiles).code == 0


class TestWhoseFolder:
    def test_another_request_is_refused(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path
    ) -> None:
        assert prepare("masks", tiles, "--size", 64).code == 0
        before = tree(tmp_path / "out")
        result = prepare("masks", tiles, "--size", 32)
        assert result.code == 2
        assert "size was 64 and is 32" in result.err
        assert "--overwrite" in result.err
        assert prepare("classes", tiles).code == 2
        assert tree(tmp_path / "out") == before

    def test_other_labels_are_another_request(self, prepare: Prepare, own: Tiles) -> None:
        assert prepare("masks", own).code == 0
        lines = own.labels.read_text().splitlines()
        own.labels.write_text("\n".join([*lines[:-1], lines[-1] + "1 5"]) + "\n")
        result = prepare("masks", own)
        assert result.code == 2
        assert "tiles_sha256" in result.err

    def test_overwrite_replaces_what_was_prepared_and_nothing_else(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        assert prepare("yolo", tiles).code == 0
        (out / "notes.txt").write_text("mine")
        (out / "images" / "train" / "mine.jpg").write_text("mine")
        victim = tmp_path / "victim.jpg"
        victim.write_text("not to be removed")
        with (out / "tiles.csv").open("a") as file:
            file.write("x.jpg,train,0,../victim.jpg,\n")
        assert prepare("classes", tiles, "--overwrite").code == 0
        assert prepare("classes", tiles, out=tmp_path / "clean").code == 0
        assert victim.exists()
        left = tree(out)
        assert left.pop("notes.txt") == left.pop("images/train/mine.jpg") == b"mine"
        assert left == tree(tmp_path / "clean")
        assert not (out / "labels").exists()

    def test_a_folder_of_someone_else_is_never_taken(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path
    ) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.txt").write_text("years of work")
        assert prepare("masks", tiles).code == 2
        assert prepare("masks", tiles, "--overwrite").code == 2
        assert tree(tmp_path / "out") == {"thesis.txt": b"years of work"}

    def test_the_tiles_own_folder_is_no_output(self, prepare: Prepare, tiles: Tiles) -> None:
        result = prepare("masks", tiles, "--overwrite", out=tiles.images.parent)
        assert result.code == 2
        assert "lie in the folder that is to be made" in result.err

    def test_two_runs_in_one_folder_the_second_refuses(
        self, prepare: Prepare, tiles: Tiles, tmp_path: Path
    ) -> None:
        (tmp_path / "out").mkdir()
        with hold(tmp_path / "out", "preparing"):
            result = prepare("masks", tiles)
        assert result.code == 2
        assert "another process is preparing" in result.err
        assert prepare("masks", tiles).code == 0


@pytest.mark.parametrize("name", ["prepare", "download"])
def test_every_option_is_in_the_docs(name: str) -> None:
    group: Any = typer.main.get_command(app)
    options = {option for one in group.get_command(None, name).params for option in one.opts}
    # What all commands have is told in the README.
    shared = {"--output", "--images", "--labels", "--on-bad-row", "--workers", "--json"}
    wanted = {option for option in options - shared if option.startswith("--")}
    assert len(wanted) > 2
    text = (Path(__file__).parents[2] / "docs" / "prepare.md").read_text(encoding="utf-8")
    assert not [option for option in wanted if option not in text]


class TestRecipe:
    """The commands of docs/prepare.md, on drawn tiles and with all numbers at a share of theirs."""

    SHARE = 1 / 250

    def test_the_recipe_for_small_machines_does_what_it_says(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drawn = write_tiles(tmp_path / "drawn", 80)
        (tmp_path / "airbus").mkdir()
        drawn.images.rename(tmp_path / "airbus" / "train_v2")
        drawn.labels.rename(tmp_path / "airbus" / "train_ship_segmentations_v2.csv")
        drawn.split.rename(tmp_path / "split.csv")
        monkeypatch.chdir(tmp_path)
        for command in self.commands():
            result = run(*self.scaled(command), "--tile-size", 128)
            assert result.code == 0, result.err

        def count(pattern: str) -> int:
            return len(list(tmp_path.glob(pattern)))

        assert [count(f"gate_tiles/train/{i}/*") for i in (1, 0)] == [3, 9]
        assert [count(f"gate_tiles/validation/{i}/*") for i in (1, 0)] == [1, 3]
        assert [count(f"ship_pairs/{part}/mask/*") for part in ("train", "validation")] == [28, 4]
        for mask in tmp_path.glob("ship_pairs/*/mask/*.png"):
            assert pixels(mask).shape == (256, 256)
            assert pixels(mask).any()

    def commands(self) -> list[list[str]]:
        text = (Path(__file__).parents[2] / "docs" / "prepare.md").read_text(encoding="utf-8")
        block = text.partition("## A recipe for small machines")[2].split("```")[1]
        found = [shlex.split(line)[1:] for line in block.strip().splitlines()]
        assert len(found) == 2
        return found

    def scaled(self, command: list[str]) -> list[str]:
        """Divide the numbers of tiles, and nothing else."""
        counts = {i + 1 for i, word in enumerate(command) if word.endswith("-tiles")}
        assert len(counts) == 2
        return [
            str(round(int(word) * self.SHARE)) if i in counts else word
            for i, word in enumerate(command)
        ]
