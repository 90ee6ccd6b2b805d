from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from dataset.tiles import Tiles, write_tiles
from PIL import Image

from .conftest import Run

PLOTS = {
    "area",
    "cover",
    "heading",
    "length",
    "positions",
    "ships_per_tile",
    "shrink",
    "size_classes",
    "tiles",
    "width",
}
VOID = {"meta", "input"}


class Page(HTMLParser):
    """Checks that tags close, and that nothing comes from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.judge(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.judge(attrs)

    def judge(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("src", "href"):
                assert (value or "").startswith(("data:", "#"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def drawn(tmp_path: Path) -> Tiles:
    return write_tiles(tmp_path / "set", 12)


def explore(run: Run, drawn: Tiles, folder: Path, *more: object):  # type: ignore[no-untyped-def]
    return run("explore", drawn.labels, "--tile-size", 128, "-o", folder, *more)


def test_labels_alone_give_page_figures_and_plots(run: Run, drawn: Tiles, tmp_path: Path) -> None:
    result = explore(run, drawn, tmp_path / "report")
    assert result.code == 0
    assert "report.html" in result.out
    page = Page((tmp_path / "report" / "report.html").read_text())
    assert page.tags.count("svg") == len(PLOTS)
    assert "image" not in page.tags
    figures = json.loads((tmp_path / "report" / "figures.json").read_text())
    assert figures["tiles"]["total"] == 12
    assert figures["tiles"]["with_ships"] == 6
    assert figures["coverage"]["ship_px"] == sum(int(m.sum()) for m in drawn.masks.values())
    assert figures["looks"] is None
    plots = tmp_path / "report" / "plots"
    assert {path.stem for path in plots.iterdir()} == PLOTS
    assert all(Image.open(path).format == "PNG" for path in plots.iterdir())


def test_tiles_add_samples_and_looks(run: Run, drawn: Tiles, tmp_path: Path) -> None:
    result = explore(run, drawn, tmp_path / "report", "--images", drawn.images, "--json")
    assert result.code == 0
    document = json.loads(result.out)
    assert document == json.loads((tmp_path / "report" / "figures.json").read_text())
    assert document["looks"]["tiles"] == 12
    text = (tmp_path / "report" / "report.html").read_text()
    page = Page(text)
    assert page.tags.count("image") >= 6
    assert "Sample tiles" in text
    assert (tmp_path / "report" / "plots" / "brightness.png").exists()


def test_the_page_runs_its_own_script_alone(run: Run, drawn: Tiles, tmp_path: Path) -> None:
    explore(run, drawn, tmp_path)
    text = (tmp_path / "report.html").read_text()
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text


def test_the_same_input_gives_the_same_bytes(run: Run, drawn: Tiles, tmp_path: Path) -> None:
    for name, workers in (("a", 1), ("b", 4)):
        explore(run, drawn, tmp_path / name, "--images", drawn.images, "--workers", workers)
    for path in (tmp_path / "a").rglob("*.*"):
        other = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == other.read_bytes()


def test_a_report_is_not_written_over(run: Run, drawn: Tiles, tmp_path: Path) -> None:
    assert explore(run, drawn, tmp_path / "r").code == 0
    again = explore(run, drawn, tmp_path / "r")
    assert again.code == 2
    assert "--overwrite" in again.err
    assert explore(run, drawn, tmp_path / "r", "--overwrite").code == 0


def test_faulty_rows_end_it_or_are_named(run: Run, drawn: Tiles, tmp_path: Path) -> None:
    with drawn.labels.open("a") as file:
        file.write("bad<script>.jpg,1 2 3\n=cmd(),1 2\n")
    refused = explore(run, drawn, tmp_path / "a")
    assert refused.code == 3
    assert "row " in refused.err
    assert not (tmp_path / "a" / "report.html").exists()
    result = explore(run, drawn, tmp_path / "b", "--on-bad-row", "skip")
    assert result.code == 0
    assert "2 faulty rows" in result.err
    text = (tmp_path / "b" / "report.html").read_text()
    Page(text)
    assert "bad<script>" not in text
    assert "bad&lt;script&gt;.jpg" in text
    figures = json.loads((tmp_path / "b" / "figures.json").read_text())
    assert [row["ImageId"] for row in figures["faulty_rows"]] == ["bad<script>.jpg", "=cmd()"]


def test_a_broken_tile_is_named_and_stops_nothing(run: Run, drawn: Tiles, tmp_path: Path) -> None:
    (drawn.images / drawn.ids[0]).write_bytes(b"<html>")
    (drawn.images / drawn.ids[1]).unlink()
    result = explore(run, drawn, tmp_path / "r", "--images", drawn.images)
    assert result.code == 4
    assert "1 tiles cannot be read" in result.err
    text = (tmp_path / "r" / "report.html").read_text()
    assert "Tiles that cannot be read" in text
    assert drawn.ids[0] in text
    figures = json.loads((tmp_path / "r" / "figures.json").read_text())
    assert figures["looks"]["missing"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--images", "nowhere"], 2, "no folder of tiles"),
        (["--gsd", "nan"], 2, "--gsd"),
        (["--gsd", "0"], 2, "--gsd"),
        (["--sample", "0"], 2, "--sample"),
    ],
)
def test_wrong_calls_say_what_is_wrong(
    run: Run, drawn: Tiles, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    result = explore(run, drawn, tmp_path / "r", *arguments)
    assert result.code == code
    assert words in result.err
    assert not (tmp_path / "r").exists()


def test_a_folder_of_other_tiles_is_refused(run: Run, drawn: Tiles, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    result = explore(run, drawn, tmp_path / "r", "--images", tmp_path / "other")
    assert result.code == 3
    assert "none of the 12 labelled tiles" in result.err


def test_an_empty_table_gives_a_page(run: Run, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("ImageId,EncodedPixels\n")
    assert run("explore", tmp_path / "labels.csv", "-o", tmp_path / "r").code == 0
    assert "no tile" in (tmp_path / "r" / "report.html").read_text()
