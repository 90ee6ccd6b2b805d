"""The page when things go wrong, and with what strangers send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image
from playwright.sync_api import expect

from ..pictures import encoded
from .acts import canvas, choose, found, has_colour, rows
from .conftest import Watched
from .fleet import PNG, fleet

STATIC = Path(__file__).parents[3] / "src" / "shipseg" / "server" / "static"
SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>.png"


def problem(status: int, code: str, **headers: str) -> dict[str, Any]:
    body = {"type": f"/docs#{code}", "title": f"About {code}", "status": status, "code": code}
    return {
        "status": status,
        "headers": {"Content-Type": "application/problem+json", **headers},
        "body": json.dumps(body | {"detail": "what was found"}),
    }


def test_a_file_name_that_is_a_script_is_text(page: Any) -> None:
    choose(page, (SCRIPT, PNG), (SCRIPT.replace("png", "txt"), b"no picture"))
    found(page)
    expect(page.locator(".facts .name")).to_have_text(SCRIPT)
    expect(page.locator("#history .label").first).to_have_text(SCRIPT)
    page.keyboard.press("]")
    expect(page.locator("#notice h2")).to_be_visible()
    assert page.locator("body img, body script").count() == 0


def test_what_is_no_picture_is_explained(page: Any) -> None:
    notice = page.locator("#notice")
    for body, title in (
        (b"no picture at all", "format that is not taken"),
        (PNG[:1500], "damaged"),
        (b"", "empty"),
    ):
        choose(page, ("wrong.png", body))
        expect(notice.get_by_role("heading")).to_contain_text(title)
        # The same would end the same.
        expect(notice.get_by_role("button", name="Try again")).to_have_count(0)
        notice.get_by_role("button", name="Remove").click()
        expect(page.locator("#welcome")).to_be_visible()


def test_a_server_that_is_away_may_be_tried_again(page: Any) -> None:
    page.route("**/v1/predict*", lambda route: route.abort())
    choose(page)
    expect(page.locator("#notice h2")).to_have_text("The server cannot be reached")
    expect(page.locator("#live")).to_contain_text("cannot be reached")
    page.unroute("**/v1/predict*")
    page.get_by_role("button", name="Try again").click()
    found(page)


def test_a_busy_server_is_asked_again_after_its_time(page: Any) -> None:
    answers = [problem(503, "busy", **{"Retry-After": "1"}), problem(429, "rate")]
    page.route(
        "**/v1/predict*",
        lambda route: route.fulfill(**answers.pop()) if answers else route.continue_(),
    )
    choose(page)
    expect(page.locator("#notice .what")).to_contain_text("The server is busy; trying again in")
    found(page)
    assert not answers


def test_an_api_key_is_asked_for_and_sent(watched: Watched) -> None:
    page, key = watched.page, "k" * 20

    def guard(route: Any) -> None:
        known = route.request.headers.get("authorization") == f"Bearer {key}"
        route.continue_() if known else route.fulfill(**problem(401, "api-key"))

    page.route("**/v1/**", guard)
    page.reload()
    field = page.get_by_role("textbox", name="API key")
    field.fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-reason")).to_have_text("The server does not know that key.")
    field.fill(key)
    page.keyboard.press("Enter")
    expect(page.locator("#model")).to_contain_text("pixels")
    choose(page)
    found(page)


def test_a_file_too_large_for_one_request_becomes_a_job(watched: Watched) -> None:
    page = watched.page
    page.route("**/v1/predict*", lambda route: route.fulfill(**problem(413, "image-too-large")))
    halfway = [{"status": "running", "progress": 0.42}]
    page.route(
        "**/v1/jobs/*",
        lambda route: route.fulfill(json=halfway[0]) if halfway else route.continue_(),
    )
    choose(page)
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "42")
    halfway.clear()
    found(page)
    assert watched.count("/v1/jobs") >= 3
    page.keyboard.press("m")
    page.wait_for_timeout(500)
    assert watched.count("/result?layer=probability") == 1
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.get_by_role("button", name="Remove").click()


def test_outlines_lie_on_stored_pixels_of_a_turned_photograph(watched: Watched) -> None:
    # The browser would turn it by the Exif orientation; the model does not.
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    choose(watched.page, ("turned.jpg", encoded(fleet()[:, 60:], "JPEG", quality=98, exif=exif)))
    found(watched.page)
    assert has_colour(canvas(watched.page), (255, 214, 0))
    assert watched.count("layer=picture") == 1


def test_a_crowd_is_listed_and_drawn_within_reason(page: Any) -> None:
    rgb = fleet() * 0
    for y in range(8, 768, 32):
        for x in range(8, 768, 32):
            rgb[y : y + 5, x : x + 5] = 255
    choose(page, ("crowd.png", encoded(rgb)))
    found(page, 24 * 24)
    page.locator("#canvas").focus()
    page.keyboard.press("p")
    expect(rows(page).last).to_have_attribute("aria-selected", "true")
    expect(rows(page).last).to_be_in_viewport()


def test_the_page_asks_nobody_else() -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path
        # The policy forbids both, and files are to be read.
        assert "<style" not in text, path
        assert " style=" not in text, path
        assert len(text.splitlines()) < 250, path
