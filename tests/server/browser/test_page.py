"""The page in a browser: from a file to its ships, the list, the slider, keys, looks."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from .acts import canvas, choose, found, has_colour, point_of, rows, slide
from .conftest import Watched
from .fleet import CENTRE_OF_SECOND, EMPTY, PNG, SCORES, TIFF

YELLOW, CYAN = (255, 214, 0), (0, 224, 255)


def test_a_chosen_file_shows_its_ships(page: Any) -> None:
    expect(page.get_by_role("heading", name="Every ship in the picture")).to_be_visible()
    choose(page)
    found(page)
    expect(page.locator(".count")).to_have_text("3ships")
    first = rows(page).first
    expect(first).to_contain_text("60 %")
    expect(first).to_have_attribute("aria-label", "Ship 1, score 60 %, 60 px long, 20 px wide, "
                                    "heading 0 or 180 degrees, at x 510, y 130 px")  # fmt: skip
    assert has_colour(canvas(page), YELLOW)
    expect(page.locator("#live")).to_contain_text("fleet.png: 3 ships found")


def test_a_drawn_sample_is_looked_at(watched: Watched) -> None:
    watched.page.click("#welcome [data-do=sample]")
    expect(watched.page.locator(".facts .name")).to_contain_text("sample-")
    expect(watched.page.locator(".facts")).to_contain_text("1.5 m per pixel")
    assert watched.count("gsd=1.5") == 1


def test_files_may_be_dropped_and_pasted(page: Any) -> None:
    hand_over = """([event, bytes]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], `${event}.png`, { type: "image/png" }));
      document.body.dispatchEvent(event === "drop"
        ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
        : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    }"""
    for event in ("drop", "paste"):
        page.evaluate(hand_over, [event, list(PNG)])
        expect(page.locator(".facts .name")).to_have_text(f"{event}.png")
        found(page)


def test_the_slider_acts_without_the_server(watched: Watched) -> None:
    page = watched.page
    choose(page)
    found(page)
    assert has_colour(canvas(page), YELLOW)
    before = len(watched.asked)
    slide(page, 70)
    expect(rows(page)).to_have_count(2)
    expect(page.locator(".count")).to_have_text("2of 3 ships")
    expect(page.locator(".badge")).to_have_text("2 ships")
    assert not has_colour(canvas(page), YELLOW)
    assert has_colour(canvas(page), CYAN)
    slide(page, 100)
    expect(rows(page)).to_have_count(sum(score >= 1 for score in SCORES))
    assert len(watched.asked) == before


def test_picture_and_list_select_each_other(page: Any) -> None:
    choose(page)
    found(page)
    page.mouse.click(*point_of(page, *CENTRE_OF_SECOND))
    second = page.locator(".row[data-id='2']")
    expect(second).to_have_attribute("aria-selected", "true")
    page.mouse.move(*point_of(page, 115, 606))
    expect(page.locator("#tip")).to_have_text("3 · 80 % · 30 px × 12 px")
    expect(page.locator(".row.pointed")).to_have_attribute("data-id", "3")
    page.locator(".row[data-id='1']").click()
    expect(second).to_have_attribute("aria-selected", "false")
    # It has come nearer, to be seen.
    expect(page.locator("#zoom")).not_to_have_text("66 %")


def test_the_list_is_put_in_order(page: Any) -> None:
    choose(page)
    found(page)
    for name, expected in (("score", "231"), ("length", "213"), ("number", "123")):
        page.get_by_role("button", name=f"Order by {name}").click()
        assert "".join(row.get_attribute("data-id") for row in rows(page).all()) == expected


def test_all_of_it_by_keyboard(page: Any) -> None:
    file = {"name": "fleet.png", "mimeType": "image/png", "buffer": PNG}
    page.on("filechooser", lambda chooser: chooser.set_files(file))
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.get_by_role("button", name="Choose pictures").focus()
    page.keyboard.press("Enter")
    found(page)
    expect(page.locator("#canvas")).to_be_focused()
    selected = page.locator("[aria-selected=true]")
    page.keyboard.press("n")
    expect(selected).to_have_attribute("data-id", "1")
    page.keyboard.press("p")
    expect(selected).to_have_attribute("data-id", "3")
    page.keyboard.press("Escape")
    expect(selected).to_have_count(0)
    page.locator("#least").focus()
    page.keyboard.press("PageUp")
    expect(page.locator("#least-value")).to_have_text("10 %")
    page.get_by_role("button", name="Order by heading").focus()
    page.keyboard.press("Tab")
    expect(rows(page).first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(selected).to_have_attribute("data-id", "2")
    page.keyboard.press("Tab")
    expect(page.locator("[data-save=overlay]")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_zoom_keys_and_wheel(page: Any) -> None:
    choose(page)
    found(page)
    zoom = page.locator("#zoom")
    # The list may be there a moment before the picture, which does not fit at its own size.
    expect(zoom).not_to_have_text("100 %")
    fits = zoom.inner_text()
    page.keyboard.press("1")
    expect(zoom).to_have_text("100 %")
    page.keyboard.press("0")
    expect(zoom).to_have_text(fits)
    page.mouse.move(*point_of(page, 384, 384))
    page.mouse.wheel(0, -300)
    expect(zoom).not_to_have_text(fits)


def test_layers_over_the_picture(watched: Watched) -> None:
    page = watched.page
    choose(page)
    found(page)
    page.get_by_role("button", name="Hide outlines").click()
    assert not has_colour(canvas(page), YELLOW)
    plain = canvas(page)
    page.keyboard.press("m")
    expect(page.locator("#opacity-box")).to_be_visible()
    page.wait_for_timeout(500)
    assert (canvas(page) != plain).any()
    assert watched.count("layer=probability") == 1
    page.keyboard.press("m")
    assert (canvas(page) == plain).all()
    page.keyboard.press("h")
    page.locator("#canvas").focus()
    page.keyboard.down(" ")
    assert not has_colour(canvas(page), YELLOW)
    page.keyboard.up(" ")
    assert has_colour(canvas(page), YELLOW)
    page.keyboard.press("c")
    # Ship 1 lies to the right of the divider, and no longer once that is at the edge.
    assert has_colour(canvas(page), YELLOW)
    page.locator("#divider").press("End")
    assert not has_colour(canvas(page), YELLOW)


def test_a_georeferenced_scene_has_places_and_metres(watched: Watched) -> None:
    choose(watched.page, ("scene.tif", TIFF))
    found(watched.page)
    expect(rows(watched.page).first).to_contain_text("90 m")
    expect(rows(watched.page).first).to_contain_text("° N, 122.")
    # A browser cannot show a GeoTIFF; the server's rendering stands in for it.
    assert watched.count("layer=picture") == 1
    assert has_colour(canvas(watched.page), YELLOW)


def test_metres_per_pixel_may_be_told(watched: Watched) -> None:
    page = watched.page
    choose(page)
    found(page)
    page.get_by_label("Metres per pixel").fill("1.6")
    page.get_by_role("button", name="Measure").click()
    expect(rows(page).first).to_contain_text("96 m")
    assert watched.count("gsd=1.6") == 1


def test_a_picture_without_ships_says_so(watched: Watched) -> None:
    page = watched.page
    choose(page, ("calm.png", EMPTY))
    expect(page.locator(".nothing")).to_contain_text("No ships")
    page.get_by_role("button", name="Search anyway").click()
    expect(page.locator(".nothing")).to_contain_text("pixel by pixel")
    assert watched.count("gate=off") == 1


def test_many_files_and_the_way_back(page: Any) -> None:
    choose(page, ("a.png", PNG), ("b.png", EMPTY), ("c.png", PNG))
    expect(page.locator("#history li[data-status=done]")).to_have_count(3)
    page.keyboard.press("]")
    expect(page.locator(".facts .name")).to_have_text("b.png")
    for name in ("b.png", "a.png", "c.png"):
        page.get_by_role("button", name=f"Remove {name}").click()
    expect(page.locator("#welcome")).to_be_visible()


@pytest.mark.parametrize("watched_as", [{"color_scheme": "dark"}], indirect=True)
def test_dark_is_the_systems_choice_and_the_persons(watched_as: Watched) -> None:
    page = watched_as.page

    def lightness() -> int:
        colour = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        return int(colour.removeprefix("rgb(").split(",")[0])

    button = page.locator("#theme")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert lightness() < 40
    button.click()
    assert lightness() > 220
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert lightness() > 220


@pytest.mark.parametrize(
    "watched_as", [{"viewport": {"width": 360, "height": 740}, "has_touch": True}], indirect=True
)
def test_a_phone_scrolls_down_only(watched_as: Watched) -> None:
    page = watched_as.page

    def overflow() -> int:
        return int(page.evaluate("() => document.documentElement.scrollWidth - innerWidth"))

    assert overflow() <= 0
    choose(page, ("notes.txt", b"no picture"))
    expect(page.locator("#notice")).to_be_visible()
    assert overflow() <= 0
    name = f"{'harbour' * 12}.png"
    choose(page, (name, PNG))
    found(page)
    assert overflow() <= 0
    rows(page).last.tap()
    expect(rows(page).last).to_have_attribute("aria-selected", "true")
    # The picture stays in view while the list goes by.
    expect(page.locator("#canvas")).to_be_in_viewport()
