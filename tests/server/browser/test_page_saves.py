"""What the page saves: every form, as the slider has it."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
from playwright.sync_api import expect
from pycocotools.coco import COCO

from shipseg import decode_rle

from ..pictures import encoded, opened
from ..process import Server
from .acts import choose, found, has_colour, rows, save, slide
from .conftest import Watched
from .fleet import EMPTY, PNG, SHIPS, TIFF, mask


def test_masks_are_exact_and_grey(page: Any) -> None:
    choose(page)
    found(page)
    name, body = save(page, "mask")
    assert name == "fleet.mask.png"
    assert opened(body).shape == (768, 768)
    assert (opened(body) == mask()).all()
    slide(page, 70)
    assert (opened(save(page, "mask")[1]) == mask(0.7)).all()


def test_the_overlay_is_the_picture_with_outlines(page: Any) -> None:
    choose(page)
    found(page)
    slide(page, 70)
    name, body = save(page, "overlay")
    pixels = opened(body)[..., :3]
    assert name == "fleet.overlay.png"
    assert pixels.shape == (768, 768, 3)
    assert has_colour(pixels, (0, 224, 255))
    assert not has_colour(pixels, (255, 214, 0))
    (x0, y0, x1, y1), level = SHIPS[0]
    assert (pixels[y0 + 4 : y1 - 4, x0 + 4 : x1 - 4] == (level, 255, 90)).all()


def test_kaggles_table_is_the_servers_own(page: Any, page_server: Server) -> None:
    choose(page, ('ships, "a".png', PNG), ("calm.png", EMPTY))
    found(page)
    _, body = save(page, "csv")
    headers = {"Accept": "text/csv", "Content-Type": "image/png"}
    query = "/v1/predict?name=ships%2C%20%22a%22.png"
    _, expected = page_server.ask("POST", query, PNG, **headers)
    assert body == expected
    expect(page.locator("#history li[data-status=done]")).to_have_count(2)
    page.get_by_label("COCO and Kaggle with all 2 pictures").check()
    slide(page, 90)
    name, body = save(page, "csv")
    table = list(csv.reader(io.StringIO(body.decode())))
    assert name == "shipseg-submission.csv"
    assert [row[0] for row in table] == ["ImageId", 'ships, "a".png', "calm.png"]
    assert (decode_rle(table[1][1], (768, 768)) == (mask(0.9) > 0)).all()
    assert table[2][1] == ""


def test_coco_is_read_by_its_own_tools(page: Any, tmp_path: Any) -> None:
    ring = encoded(holed())
    choose(page, ("fleet.png", PNG), ("ring.png", ring))
    expect(page.locator("#history li[data-status=done]")).to_have_count(2)
    page.get_by_label("COCO and Kaggle with all 2 pictures").check()
    path = tmp_path / "coco.json"
    path.write_bytes(save(page, "coco")[1])
    coco = COCO(path)
    assert [image["file_name"] for image in coco.loadImgs([1, 2])] == ["fleet.png", "ring.png"]
    drawn = sum(coco.annToMask(each) for each in coco.loadAnns(coco.getAnnIds([1])))
    assert (np.asarray(drawn) == mask() // 255).all()
    (hull,) = coco.loadAnns(coco.getAnnIds([2]))
    assert (coco.annToMask(hull) == (holed()[..., 0] > 0)).all()
    assert hull["bbox"] == [200, 250, 60, 40]
    assert hull["area"] == coco.annToMask(hull).sum()


def holed() -> Any:
    """One hull with a hole, which COCO's polygons cannot have."""
    rgb = np.zeros((768, 768, 3), np.uint8)
    rgb[250:290, 200:260] = 255
    rgb[262:278, 220:240] = 0
    return rgb


def test_geojson_of_a_scene_has_its_places(watched: Watched) -> None:
    choose(watched.page, ("scene.tif", TIFF))
    found(watched.page)
    slide(watched.page, 70)
    name, body = save(watched.page, "geojson")
    features = json.loads(body)["features"]
    assert name == "scene.ships.geojson"
    assert [feature["id"] for feature in features] == [2, 3]
    for feature in features:
        ring = np.array(feature["geometry"]["coordinates"][0])
        centre = [feature["properties"][name] for name in ("longitude", "latitude")]
        assert np.allclose(ring[:-1].mean(axis=0), centre, atol=1e-4)


def test_geojson_of_a_picture_says_that_it_is_nowhere(page: Any) -> None:
    choose(page)
    found(page)
    _, body = save(page, "geojson")
    features = json.loads(body)["features"]
    assert [feature["geometry"] for feature in features] == [None] * 3
    assert len(rows(page).all()) == 3
    expect(page.locator("#toasts")).to_contain_text("no place on the Earth")
