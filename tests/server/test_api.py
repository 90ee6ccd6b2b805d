"""`POST /v1/predict` and what the server says of itself, on a model whose answers are known."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from inference.pixels import draw, sea
from shapely.geometry import shape
from starlette.testclient import TestClient

from shipseg.rle import decode_rle
from shipseg.server import schemas
from shipseg.server.app import STATIC

from .pictures import SECOND, SHIP, encoded, geotiff, harbour, opened

PNG = encoded(harbour())


def ask(client: TestClient, body: bytes = PNG, query: str = "", **headers: str) -> Any:
    return client.post(f"/v1/predict{query}", content=body, headers=headers)


def found(client: TestClient, body: bytes = PNG, query: str = "") -> dict[str, Any]:
    answer = ask(client, body, query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    schemas.Prediction.model_validate(document)
    return document


def as_mask(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = sea(768, 768)
    for box in boxes:
        draw(mask, box)
    return mask[..., 0] > 0


def test_ships_are_where_they_are_drawn(client: TestClient) -> None:
    document = found(client)
    second, ship = document["ships"]  # Row by row.
    assert (ship["box"], second["box"]) == (list(SHIP), list(SECOND))
    assert (ship["area_px"], ship["length_px"], ship["width_px"]) == (480, 40.0, 12.0)
    assert (ship["heading_deg"], second["heading_deg"]) == (90.0, 0.0)
    assert (ship["id"], ship["centre"], ship["score"]) == (2, [320.0, 326.0], 1.0)
    assert np.array_equal(decode_rle(ship["rle"]), as_mask(SHIP))
    assert sorted(ship["outline"][0][0]) == [[300, 320], [300, 332], [340, 320], [340, 332]]
    assert sorted(ship["oriented_box"]) == [[300, 320], [300, 332], [340, 320], [340, 332]]
    assert ship["longitude"] is ship["length_m"] is None
    assert (document["passed"], document["ship_probability"]) == (True, 1.0)
    assert document["model"]["name"] == "pixels"


def test_an_empty_sea_has_no_ships(client: TestClient) -> None:
    document = found(client, encoded(sea(768, 768)))
    assert (document["ships"], document["passed"], document["ship_probability"]) == ([], False, 0)


def test_multipart_and_raw_body_are_one_picture(client: TestClient) -> None:
    answer = client.post("/v1/predict", files={"file": ("harbour.png", PNG, "image/png")})
    assert answer.json()["image"]["name"] == "harbour.png"
    assert answer.json()["ships"] == found(client)["ships"]


@pytest.mark.parametrize("media", ["image/png", "image/jpeg", "application/octet-stream"])
def test_bytes_tell_the_format_not_the_media_type(client: TestClient, media: str) -> None:
    assert ask(client, **{"Content-Type": media}).status_code == 200


def test_name_parameter_wins(client: TestClient) -> None:
    assert found(client, query="?name=harbour.png")["image"]["name"] == "harbour.png"


def test_threshold_acts_on_pixels(client: TestClient) -> None:
    rgb = draw(sea(768, 768), SHIP, (150, 255, 0))  # Red 0.59: ship at 0.5, none at 0.6.
    assert len(found(client, encoded(rgb))["ships"]) == 1
    document = found(client, encoded(rgb), "?threshold=0.6")
    assert (document["ships"], document["thresholds"]["ship"]) == ([], 0.6)


def test_gate_threshold_and_gate_off(client: TestClient) -> None:
    rgb = encoded(draw(sea(768, 768), SHIP, (255, 100, 0)))  # Green 0.39: does not pass at 0.5.
    assert found(client, rgb)["passed"] is False
    document = found(client, rgb, "?gate_threshold=0.3")
    assert (document["passed"], len(document["ships"])) == (True, 1)
    document = found(client, rgb, "?gate=off")
    assert (document["passed"], len(document["ships"])) == (True, 1)


def test_min_score_leaves_ships_out(client: TestClient) -> None:
    rgb = encoded(draw(harbour(), SECOND, (200, 255, 0)))
    assert [s["box"] for s in found(client, rgb, "?min_score=0.9")["ships"]] == [list(SHIP)]


def test_gsd_gives_metres(client: TestClient) -> None:
    _, ship = found(client, query="?gsd=1.5")["ships"]
    assert (ship["length_m"], ship["width_m"], ship["longitude"]) == (60.0, 18.0, None)


def test_resampled_ships_come_back_in_own_pixels(client: TestClient) -> None:
    document = found(client, encoded(draw(sea(800, 900), (400, 300, 480, 340))), "?gsd=0.75")
    (ship,) = document["ships"]
    assert (document["image"]["width"], document["image"]["height"]) == (900, 800)
    assert np.allclose(ship["box"], [400, 300, 480, 340], atol=2)
    assert ship["length_m"] == pytest.approx(60, abs=3)
    assert any("resampled" in warning for warning in document["image"]["warnings"])


def test_geotiff_has_places_and_metres(client: TestClient) -> None:
    document = found(client, geotiff(harbour()))
    second, ship = document["ships"]
    # 320 px east and 326 px south of the corner at 500,000 E, 4,200,000 N in zone 10.
    assert ship["longitude"] == pytest.approx(-123 + 480 / 87_840, abs=1e-4)
    assert ship["latitude"] == pytest.approx(37.9428, abs=1e-2)
    assert ship["length_m"] == pytest.approx(60, rel=0.05)
    assert second["heading_deg"] % 180 == pytest.approx(0, abs=1)
    assert document["image"]["gsd_m"] == pytest.approx(1.5, rel=0.01)


def test_geojson_lies_on_the_earth(client: TestClient) -> None:
    answer = ask(client, geotiff(harbour()), Accept="application/geo+json")
    assert answer.headers["content-type"] == "application/geo+json"
    features = answer.json()["features"]
    assert [feature["id"] for feature in features] == [1, 2]
    for feature in features:
        outline, properties = shape(feature["geometry"]), feature["properties"]
        assert outline.is_valid
        assert outline.exterior.is_ccw
        assert outline.centroid.x == pytest.approx(properties["longitude"], abs=1e-5)
        assert outline.centroid.y == pytest.approx(properties["latitude"], abs=1e-5)


def test_geojson_without_a_place_has_null_geometry(client: TestClient) -> None:
    features = ask(client, Accept="application/geo+json").json()["features"]
    assert [feature["geometry"] for feature in features] == [None, None]


def test_csv_is_kaggles(client: TestClient) -> None:
    answer = ask(client, query="?name=a.png", Accept="text/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    masks = [decode_rle(row["EncodedPixels"]) for row in rows]
    assert [row["ImageId"] for row in rows] == ["a.png", "a.png"]
    assert np.array_equal(masks[0] | masks[1], as_mask(SHIP, SECOND))


def test_csv_of_an_empty_sea_has_an_empty_cell(client: TestClient) -> None:
    text = ask(client, encoded(sea(768, 768)), "?name=a.png", Accept="text/csv").text
    assert text.splitlines() == ["ImageId,EncodedPixels", "a.png,"]


def layer(client: TestClient, name: str, body: bytes = PNG) -> np.ndarray:
    answer = ask(client, body, f"?layer={name}", Accept="image/png")
    assert answer.headers["content-type"] == "image/png"
    return opened(answer.content)


def test_mask_is_0_and_255(client: TestClient) -> None:
    assert np.array_equal(layer(client, "mask"), as_mask(SHIP, SECOND) * np.uint8(255))


def test_picture_is_what_was_sent(client: TestClient) -> None:
    assert np.array_equal(layer(client, "picture"), harbour())


def test_overlay_marks_the_ships(client: TestClient) -> None:
    changed = (layer(client, "overlay") != harbour()).any(axis=2)
    assert changed[315:337, 295:345].any()
    assert not changed[600:].any()


def test_probability_is_grey_and_zero_where_nobody_asked(client: TestClient) -> None:
    rgb = draw(draw(sea(768, 768), SHIP, (150, 255, 0)), (10, 700, 20, 710), (255, 0, 0))
    grey = layer(client, "probability", encoded(rgb))
    # The red spot is in no window around a cell that the gate found warm.
    assert (grey.shape, grey[325, 320], grey[705, 15]) == ((768, 768), 150, 0)


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 3000), (3000, 1), (767, 769)])
def test_any_size_has_an_answer(client: TestClient, shape_hw: tuple[int, int]) -> None:
    body = encoded(np.full((*shape_hw, 3), 255, np.uint8))
    document = found(client, body)
    assert (document["image"]["height"], document["image"]["width"]) == shape_hw
    for name in ("mask", "overlay", "probability", "picture"):
        assert layer(client, name, body).shape[:2] == shape_hw


def test_same_request_has_same_tag_and_no_body(client: TestClient) -> None:
    for accept in ("application/json", "text/csv", "image/png", "application/geo+json"):
        tag = ask(client, Accept=accept).headers["etag"]
        again = ask(client, Accept=accept, **{"If-None-Match": f'"x", {tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_another_request_has_another_tag(client: TestClient) -> None:
    tags = [ask(client).headers["etag"], ask(client, query="?threshold=0.4").headers["etag"]]
    tags += [ask(client, encoded(sea(8, 8))).headers["etag"]]
    tags += [ask(client, Accept="text/csv").headers["etag"]]
    for name in ("mask", "overlay"):
        tags.append(ask(client, query=f"?layer={name}", Accept="image/png").headers["etag"])
    assert len(set(tags)) == len(tags)


def test_a_star_is_no_tag(client: TestClient) -> None:
    assert ask(client, b"no picture", **{"If-None-Match": "*"}).status_code == 415


def test_request_id_is_echoed_or_made(client: TestClient) -> None:
    answer = ask(client, **{"X-Request-ID": "abc-1"})
    assert (answer.headers["x-request-id"], answer.json()["request_id"]) == ("abc-1", "abc-1")
    made = ask(client, **{"X-Request-ID": "<script>"}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", made)


def test_stages_are_timed(client: TestClient) -> None:
    answer = ask(client, encoded(harbour(), "JPEG"))
    header = answer.headers["server-timing"]
    stages = dict(part.split(";dur=") for part in header.split(", "))
    assert set(stages) == {"wait", "decode", "gate", "segment", "ships", "encode", "total"}
    timings = answer.json()["timings_ms"]
    parts = sum(value for stage, value in timings.items() if stage != "total")
    assert timings["total"] == pytest.approx(parts, abs=0.05)


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("text/html, application/*;q=0.5", "application/json"),
        ("application/json;q=0.2, text/csv", "text/csv; charset=utf-8"),
        ("image/*", "image/png"),
        ("application/json;q=0, application/*", "application/geo+json"),
    ],
)
def test_accept_decides_the_form(client: TestClient, accept: str, media: str) -> None:
    assert ask(client, Accept=accept).headers["content-type"] == media


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/webp"])
def test_forms_that_do_not_exist_are_refused(client: TestClient, accept: str) -> None:
    answer = ask(client, Accept=accept)
    assert (answer.status_code, answer.json()["code"]) == (406, "not-acceptable")


def test_every_answer_is_closed_to_the_outside(client: TestClient) -> None:
    answers = [ask(client), client.get("/"), client.get("/docs"), client.get("/nothing")]
    answers += [client.get("/healthz"), client.get("/v1/sample"), ask(client, b"no picture")]
    for answer in answers:
        assert answer.headers["content-security-policy"].startswith("default-src 'self'; ")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]


def test_models_and_limits(client: TestClient) -> None:
    document = client.get("/v1/models").json()
    schemas.Models.model_validate(document)
    assert document["limits"]["request_pixels"] == 4_000_000
    assert document["models"][0]["thresholds"] == {"gate": 0.5, "ship": 0.5}


def test_sample_is_drawn_by_its_seed(client: TestClient) -> None:
    one, again, other = (client.get(f"/v1/sample?seed={n}") for n in (1, 1, 2))
    assert opened(one.content).shape == (768, 768, 3)
    assert one.content == again.content != other.content
    tag = {"If-None-Match": one.headers["etag"]}
    assert client.get("/v1/sample?seed=1", headers=tag).status_code == 304


def test_health_readiness_and_head(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    assert (client.head("/healthz").status_code, client.head("/healthz").content) == (200, b"")


def test_metrics_count_by_route_not_by_address(client: TestClient) -> None:
    client.get("/made/up")
    client.request("MADEUP", "/v1/predict")
    ask(client)
    text = client.get("/metrics").text
    assert 'shipseg_requests_total{method="POST",route="/v1/predict",status="200"}' in text
    assert 'shipseg_stage_seconds_count{stage="gate"}' in text
    assert "made" not in text.lower()


def test_other_methods_name_the_right_ones(client: TestClient) -> None:
    for method in ("PUT", "TRACE", "DELETE"):
        answer = client.request(method, "/v1/predict")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert answer.json()["code"] == "method"
    assert client.put(f"/v1/jobs/{'0' * 32}").headers["allow"] == "DELETE, GET"
    assert client.post("/healthz").headers["allow"] == "GET"


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/jobs"])
def test_pages_of_other_sites_may_not_use_a_visitors_server(client: TestClient, path: str) -> None:
    codes = {
        site: client.post(path, content=PNG, headers={"Sec-Fetch-Site": site}).status_code
        for site in ("cross-site", "same-origin", "none")
    }
    assert codes["cross-site"] == 403
    assert {codes["same-origin"], codes["none"]} <= {200, 202}


def test_the_page_is_the_packages(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "text/html" in answer.headers["content-type"]
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            answer = client.get(f"/static/{path.relative_to(STATIC).as_posix()}")
            assert (answer.content, answer.headers["cache-control"]) == (
                path.read_bytes(), "no-cache",
            )  # fmt: skip


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/"])
def test_static_files_are_the_folders_only(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_reference_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    assert client.get("/docs/style.css").headers["content-type"].startswith("text/css")
    for link in re.findall(r'(?:href|src)="([^"]*)"', page):
        assert "://" not in link
        assert not link.startswith("//")
        target = link.partition("#")[0]
        assert client.get(f"/{target.removeprefix('./')}").status_code == 200
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page, link
    assert "<script" not in page
    for path in json.loads(client.get("/openapi.json").text)["paths"]:
        assert path.replace("{", "&#123;") in page or path in page
