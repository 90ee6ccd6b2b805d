"""Curves as PNG: lines for what was measured, whatever that is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from shipseg.training.curves import draw_curves

pytestmark = pytest.mark.train
GATE = [
    {"epoch": 1, "train_loss": 1.0, "val_loss": 0.9, "val_f1": 0.5, "val_auc": 0.6},
    {"epoch": 2, "train_loss": 0.5, "val_loss": 0.6, "val_f1": 0.8, "val_auc": 0.9},
]
SEGMENTER = [{"epoch": 1, "train_loss": 1.0, "val_loss": 0.9, "val_dice": 0.4}]
LATER = [{**SEGMENTER[0], "epoch": 2, "val_false_empty": 0.1}]


@pytest.mark.parametrize("rows", [GATE, SEGMENTER, [*SEGMENTER, *LATER]])
def test_curves_are_a_png_with_lines(tmp_path, rows):
    path = tmp_path / "curves.png"
    draw_curves(rows, path)
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (1080, 432))
        pixels = np.asarray(image.convert("RGB")).astype(int)
    # Blue and orange of the first two lines, in both halves.
    for half in (pixels[:, :540], pixels[:, 540:]):
        assert ((half[..., 2] - half[..., 0]) > 80).sum() > 20
    assert [file.name for file in tmp_path.iterdir()] == ["curves.png"]


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        draw_curves(GATE, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_another_epoch_moves_the_lines(tmp_path):
    draw_curves(GATE[:1], tmp_path / "a.png")
    draw_curves(GATE, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
