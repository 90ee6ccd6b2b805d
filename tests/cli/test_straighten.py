"""Rectangles or the segmenter's outlines: the bundled model, by the command line."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from shipseg.cli.main import main
from shipseg.imaging.synthetic import draw_scene


def test_masks_stay_as_they_were_drawn_on_request(tmp_path: Path) -> None:
    tile = tmp_path / "tile.png"
    Image.fromarray(draw_scene(3, (500, 500), ships=4, coast=False).rgb).save(tile)
    rows = {}
    for option in ("--straighten", "--no-straighten"):
        out = tmp_path / option.lstrip("-")
        assert main(["predict", str(tile), "-o", str(out), option]) == 0
        rows[option] = (out / "submission.csv").read_text().splitlines()
    # A header, and one of the drawn ships lies alongside another.
    assert (len(rows["--no-straighten"]), len(rows["--straighten"])) == (3, 4)
    assert rows["--straighten"] != rows["--no-straighten"]
