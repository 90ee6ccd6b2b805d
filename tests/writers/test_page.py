from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from shipseg.writers.page import PageShip, PageTile, render_page

VOID = {"meta", "input", "br"}
SHIP = PageShip(
    outline=[[(10.0, 10.0), (40.0, 10.0), (40.0, 18.0)]],
    score=0.91,
    length_m=45.4,
    width_m=12.0,
    heading_deg=92.0,
    area_m2=1234.0,
)


class Checker(HTMLParser):
    """Collects tags, and checks that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(title: str = "Open sea", ships: int = 2) -> str:
    tile = PageTile(title, "a caption", np.zeros((60, 80, 3), np.uint8), [SHIP] * ships)
    return render_page([tile], title="t", heading="h", lead="l", commands=["shipseg --help"])


def check(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    return checker


def test_the_page_is_whole_and_stands_alone() -> None:
    seen = check(page()).seen
    assert not [tag for tag, _ in seen if tag in ("script", "link", "iframe")]
    for _, attributes in seen:
        assert "src" not in attributes
        assert (attributes.get("href") or "data:").startswith("data:")
        assert not any(name.startswith("on") for name in attributes)


def test_ships_have_an_outline_and_a_row_each() -> None:
    seen = check(page(ships=2)).seen
    assert sum(attributes.get("class") == "ship" for _, attributes in seen) == 2
    text = page(ships=2)
    assert text.count("<td>0.91</td>") == 2
    assert "<td>45 m</td>" in text
    assert "M10.0 10.0L40.0 10.0L40.0 18.0Z" in text


def test_a_page_without_ships_says_so() -> None:
    assert "No ship was found" in page(ships=0)


def test_text_is_escaped() -> None:
    text = page(title='<script>alert("x")</script>$heading')
    check(text)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "$heading" in text
