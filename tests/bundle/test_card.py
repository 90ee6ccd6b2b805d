from __future__ import annotations

import re
from datetime import date

import pytest
import yaml
from inference.pixels import pixel_bundle_of

from shipseg.bundle.card import render_card
from shipseg.bundle.manifest import DoubtSpec, Manifest, Parity, Provenance
from shipseg.bundle.measure import figures_of
from shipseg.evaluation.evaluate import evaluate
from shipseg.evaluation.results import TileResult
from shipseg.rle import parse_rle

SHIP = parse_rle("1 100")


@pytest.fixture
def manifest() -> Manifest:
    return manifest_with()


def manifest_with(**fields: object) -> Manifest:
    report = evaluate(
        [
            TileResult("a.jpg", truth=(SHIP,), predicted=(SHIP,), gate_probability=0.9),
            TileResult("b.jpg", truth=(), predicted=(), gate_probability=0.2),
        ],
        gate_threshold=0.5,
        resamples=0,
    )
    plain = pixel_bundle_of().manifest
    known = {name: getattr(plain, name) for name in Manifest.model_fields}
    known |= {
        "created": date(2026, 5, 1),
        "license": "Non-commercial use only.",
        "figures": figures_of(report),
        "provenance": Provenance(
            gate_encoder="enc_a", segmenter_encoder="enc_b", training_data="the set",
            split="by acquisition", train_tiles=1234, val_tiles=200, val_ship_tiles=40,
            chosen_on_tiles=199,
        ),
        "parity": Parity(
            gate_max_abs_difference=0.00021, segmenter_max_abs_difference=0.0013, gate_tiles=16,
            segmenter_tiles=8, onnxruntime="1.2.3", torch="4.5.6",
        ),
    }  # fmt: skip
    return Manifest.model_validate(known | fields)


def test_the_card_tells_of_training_tiles_and_second_looks(manifest: Manifest) -> None:
    made = manifest.provenance.model_copy(
        update={"chosen_on_tiles": 1499, "measured_on_tiles": 199}
    )
    gate = manifest.gate.model_copy(update={"doubt": DoubtSpec(above=0.05, below=0.9)})
    card = render_card(manifest.model_copy(update={"provenance": made, "gate": gate}))
    assert (
        "Measured on 199 validation tiles. Thresholds and scores were chosen on these and 1,300 "
        "training tiles:"
    ) in card
    assert "0.5000; where the graph says 0.05 to 0.9, of the mean with what it says of the" in card
    assert "mirror" not in render_card(manifest)


def test_front_matter_is_yaml(manifest: Manifest) -> None:
    _, front, body = render_card(manifest).split("---\n", 2)
    fields = yaml.safe_load(front)
    assert fields["pipeline_tag"] == "image-segmentation"
    assert fields["license"] == "other"
    assert body.startswith("\n# pixels\n")


@pytest.mark.parametrize(
    "said",
    [
        "Non-commercial use only.", "the set", "by acquisition", "`enc_a` (gate)",
        "1,234 tiles; 200 validation tiles, 40 with ships", "Measured on 199 validation tiles",
        "torch 4.5.6", "ONNX Runtime 1.2.3", "gate 2.1e-04 (16 tiles)", "segmenter 1.3e-03",
        "`image` uint8 (N, 384, 384, 3), a tile of 768 px, each 2 × 2 px averaged",
        "`cells` (N, 24, 24)", "H and W multiples of 32", "| a pixel is ship from | 0.50 |",
        "## Limits",
    ],
)  # fmt: skip
def test_the_card_says(manifest: Manifest, said: str) -> None:
    assert said in " ".join(render_card(manifest).split())


def test_every_figure_but_the_counts_is_on_the_card(manifest: Manifest) -> None:
    rows = re.findall(r"^\| (.+) \| (\d\.\d{4}|not measurable) \|$", render_card(manifest), re.M)
    counts = {"tiles", "ship_tiles", "ships"}
    # Two thresholds are shown with four digits as well.
    assert len(rows) - 2 == len(manifest.figures.keys() - counts)
    assert ("Gate: recall, share of tiles with ships that pass", "1.0000") in rows
    assert ("Ships below 100 px: recall", "not measurable") in rows


def test_text_from_the_caller_stays_text() -> None:
    card = render_card(
        manifest_with(name="<script>x</script>", license="a | b\u2014*c* [d](http://e) `f`")
    )
    assert "<script" not in card.split("---\n", 2)[2]
    assert r"a \| b—\*c\* \[d\](http://e) \`f\`" in card


def test_a_name_cannot_leave_the_front_matter() -> None:
    name = "x: --- y"
    _, front, _ = render_card(manifest_with(name=name)).split("---\n", 2)
    assert yaml.safe_load(front)["model-index"][0]["name"] == name


def test_it_says_whether_masks_become_rectangles(manifest: Manifest) -> None:
    assert "| masks | as the segmenter draws them |" in render_card(manifest)
    segmenter = manifest.segmenter.model_dump() | {
        "straightening": {"rectangularity": 0.8, "longer_px": 3.0, "narrower_px": 0.5}
    }
    card = render_card(manifest_with(segmenter=segmenter))
    assert "from an IoU of 0.8 with their own, 3 px longer and 0.5 px narrower" in card
