from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from shipseg.explore.charts import Label, columns_plot, heat_plot, histogram_plot, shares_plot
from shipseg.explore.figures import figures_of
from shipseg.explore.looks import TileLook, look_figures
from shipseg.explore.marks import Bar, Plot, Words
from shipseg.explore.plots import plots_of
from shipseg.explore.png import to_png
from shipseg.explore.spread import Histogram
from shipseg.explore.svg import to_svg
from shipseg.imaging.look import Look
from shipseg.labels import LabelTable

from .test_figures import box

LABEL = Label("name", "A <title>", 'An "alt" text')


def bars(plot: Plot) -> list[Bar]:
    return [mark for mark in plot.marks if isinstance(mark, Bar) and mark.tip]


def all_plots() -> list[Plot]:
    ships = {f"{i}.jpg": [box(5 + i, 6, 9 + i, 40)] for i in range(20)}
    table = LabelTable.from_ships({**ships, "e.jpg": []}, (64, 64))
    looks = [TileLook(name, (64, 64), Look(50.0, 9.0)) for name in table.image_ids]
    return plots_of(figures_of(table), look_figures(looks, ships, of=21, missing=0))


def test_bars_are_as_high_as_their_counts() -> None:
    plot = histogram_plot(LABEL, Histogram((0.0, 1.0, 2.0), (10, 5)), axis="x", unit="m")
    first, second = bars(plot)
    assert first.height == pytest.approx(2 * second.height)
    assert first.x + first.width < second.x + 1e-9
    assert first.tip == "0–1 m: 10 ships, 66.7 %"
    assert plot.rows == (("0–1 m", "10", "66.7 %"), ("1–2 m", "5", "33.3 %"))


def test_bins_of_a_logarithmic_axis_are_evenly_wide() -> None:
    plot = histogram_plot(LABEL, Histogram((1.0, 10.0, 100.0), (1, 1), log=True), axis="", unit="")
    first, second = bars(plot)
    assert first.width == pytest.approx(second.width)


def test_the_tail_stands_apart_and_does_not_zoom() -> None:
    histogram = Histogram((0.0, 1.0, 2.0, 90.0), (3, 2, 1), tail=True)
    plot = histogram_plot(LABEL, histogram, axis="", unit="m")
    *body, tail = bars(plot)
    assert [bar.zooms for bar in body] == [True, True]
    assert not tail.zooms
    assert tail.x > body[-1].x + body[-1].width + 10
    assert tail.tip.startswith("over 2 m: 1 ships")
    assert plot.zoom is not None
    assert plot.zoom.domain == (0.0, 2.0)


def test_shares_fill_the_line_and_their_words_keep_apart() -> None:
    parts = [("tiny", 1), ("middling", 2), ("large", 997)]
    plot = shares_plot(LABEL, [("ships", parts)], of=["ships"])
    widths = [bar.width for bar in bars(plot)]
    assert widths[2] > 500
    assert min(widths) >= 1
    words = [mark for mark in plot.marks if isinstance(mark, Words)][1:]
    for left, right in pairwise(words):
        assert left.x + 6.5 * len(left.text) < right.x
    assert words[-1].x + 6.5 * len(words[-1].text) <= plot.width


def test_the_map_is_darkest_where_most_is() -> None:
    plot = heat_plot(LABEL, ((0, 4), (2, 0)), of="ships")
    empty, full, half, _ = bars(plot)
    assert empty.opacity < half.opacity < full.opacity == 1
    assert full.tip == "row 1, column 2: 4 ships"


def test_columns_of_nothing_are_drawn() -> None:
    assert bars(columns_plot(LABEL, [], [], axis="", of="ships")) == []


@pytest.mark.parametrize("plot", all_plots(), ids=lambda plot: plot.name)
def test_every_plot_becomes_svg_and_png(plot: Plot) -> None:
    root = ElementTree.fromstring(to_svg(plot).replace("<svg", "<svg xmlns='s'", 1))
    assert plot.alt in root.attrib["aria-label"]
    assert plot.rows
    assert all(len(row) == len(plot.header) for row in plot.rows)
    tips = [node for node in root.iter() if "data-tip" in node.attrib]
    assert tips
    for node in root.iter("{s}rect"):
        assert float(node.attrib["width"]) >= 0
        assert -1 <= float(node.attrib["x"]) <= plot.width
        assert float(node.attrib["y"]) + float(node.attrib["height"]) <= plot.height
    picture = Image.open(io.BytesIO(to_png(plot))).convert("RGB")
    pixels = np.asarray(picture)
    assert picture.width == 2 * (plot.width + 24)
    teal = pixels[..., 2].astype(int) - pixels[..., 0]
    assert teal.max() > 80
    assert tuple(pixels[0, 0]) == (255, 255, 255)


def test_markup_in_words_is_text() -> None:
    svg = to_svg(columns_plot(LABEL, ["<b>"], [1], axis='"&', of="<i>"))
    assert "<b>" not in svg
    assert "<i>" not in svg
    assert "A &lt;title&gt;" in svg
    ElementTree.fromstring(svg)
