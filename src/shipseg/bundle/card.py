"""The model card: what a bundle is, what it was made from, how good it is and where it fails.

Written from the manifest alone, so that card and manifest cannot disagree. The front matter follows
https://huggingface.co/docs/hub/model-cards. Never imports torch.
"""

from __future__ import annotations

from typing import Any

import yaml

from shipseg.bundle.manifest import Manifest, Parity, Provenance, RefinerSpec
from shipseg.imaging.hull_view import VIEW_HW

# How figures are called on the card, in its order.
_FIGURES = {
    "gate.auc": "Gate: area under the ROC curve",
    "gate.f1": "Gate: F1",
    "gate.precision": "Gate: precision",
    "gate.recall": "Gate: recall, share of tiles with ships that pass",
    "gate.false_alarm_rate": "Gate: share of empty tiles that pass",
    "mean_dice_on_ship_tiles": "Mean Dice on tiles with ships",
    "mean_iou_on_ship_tiles": "Mean IoU on tiles with ships",
    "pixel_dice": "Dice over all pixels",
    "f2_on_ship_tiles": "Challenge F2 on tiles with ships",
    "f2_all": "Challenge F2 on all tiles",
    "f2_of_nothing": "Challenge F2 of predicting nothing on these tiles",
    "empty_tiles_with_ships": "Share of empty tiles on which a ship is reported",
    "object_precision": "Ships: precision at IoU above 0.5",
    "object_recall": "Ships: recall at IoU above 0.5",
    "average_precision": "Ships: average precision at IoU above 0.5",
    "score.ece": "Ships: calibration error of the scores (ECE), each scored by a fit without it",
    "score.ece_uncalibrated": "Ships: the same of the mean probabilities",
    "recall.small": "Ships below 100 px: recall",
    "recall.medium": "Ships of 100 to 1,000 px: recall",
    "recall.large": "Ships above 1,000 px: recall",
}


def render_card(manifest: Manifest) -> str:
    """Write the model card of a bundle.

    Args:
        manifest: The bundle's manifest.

    Returns:
        Markdown with YAML front matter.
    """
    parts = [
        f"---\n{_front_matter(manifest)}---",
        f"# {_plain(manifest.name)}",
        "Finds ships on optical satellite images of about 1.5 m per pixel. A *gate* tells which "
        "tiles, and which cells of a tile, may hold a ship; a U-Net marks the ships' pixels there."
        + (" A *refiner* fits rectangles to hulls." if manifest.refiner is not None else ""),
        f"**Licence of the weights:** {_plain(manifest.license)}",
        _use(manifest),
        _data(manifest),
        _figures(manifest),
        _thresholds(manifest),
        _graphs(manifest),
        _LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(manifest: Manifest) -> str:
    fields: dict[str, Any] = {
        "library_name": "shipseg",
        "pipeline_tag": "image-segmentation",
        "license": "other",
        "license_name": "see-card",
        "tags": ["onnx", "ship-detection", "remote-sensing", "satellite-images", "u-net"],
        "model-index": [{"name": manifest.name, "results": []}],
    }
    return str(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True))


def _use(manifest: Manifest) -> str:
    return f"""## Use

```python
from shipseg import Detector

ships = Detector("path/of/this/bundle").detect("tile.jpg")
```

```sh
shipseg predict tiles/ -o out/ --bundle path/of/this/bundle
```

Or any ONNX runtime: pass the decoded RGB bytes as they are. Normalisation and sigmoid are inside
the graphs; what comes out of gate and segmenter are probabilities.

| graph | in | out |
|---|---|---|
| `{manifest.gate.file}` | {_gate_input(manifest)} | `tile` (N,), `cells` {_gate_cells(manifest)} |
| `{manifest.segmenter.file}` | {_segmenter_input(manifest)} | `maps` (N, 2, H, W): ship, core |\
{_refiner_row(manifest)}"""


def _refiner_row(manifest: Manifest) -> str:
    if manifest.refiner is None:
        return ""
    height, width = VIEW_HW
    return (
        f"\n| `{manifest.refiner.file}` | `image` uint8 (N, {height}, {width}, 3), one hull each | "
        "`sides` (N, 6): where it lies in the view, `fit` (N,): how well it is framed, an IoU |"
    )


def _gate_input(manifest: Manifest) -> str:
    gate = manifest.gate
    factor = gate.tile_size // gate.input_size
    shrunk = f", a tile of {gate.tile_size} px, each {factor} × {factor} px averaged"
    side = gate.input_size
    return f"`image` uint8 (N, {side}, {side}, 3){shrunk if factor > 1 else ', a tile'}"


def _gate_cells(manifest: Manifest) -> str:
    cells = manifest.gate.input_size // manifest.gate.stride
    return f"(N, {cells}, {cells})"


def _segmenter_input(manifest: Manifest) -> str:
    multiple = manifest.segmenter.multiple
    return f"`image` uint8 (N, H, W, 3), full resolution, H and W multiples of {multiple}"


def _data(manifest: Manifest) -> str:
    made = manifest.provenance
    return f"""## Data

- Set: {_plain(made.training_data)}
- Split: {_plain(made.split)}
- Trained on {made.train_tiles:,} tiles; {made.val_tiles:,} validation tiles, \
{made.val_ship_tiles:,} with ships
- Encoders: `{_code(made.gate_encoder)}` (gate), `{_code(made.segmenter_encoder)}` (segmenter), \
{_refiner_encoder(made)}started from ImageNet weights where these were at hand"""


def _refiner_encoder(made: Provenance) -> str:
    return "" if made.refiner_encoder is None else f"`{_code(made.refiner_encoder)}` (refiner), "


def _figures(manifest: Manifest) -> str:
    figures, made = manifest.figures, manifest.provenance
    rows = [
        f"| {label} | {_number(figures[name])} |"
        for name, label in _FIGURES.items()
        if name in figures
    ]
    head = (
        f"{_measured(made)}: the figures flatter that choice a little. The challenge's F2 counts a "
        "rightly empty tile as 1, so read it beside the score of predicting nothing."
    )
    table = "\n".join(["| figure | value |", "|---|---|", *rows])
    return f"## Figures\n\n{head}\n\n{table}"


def _measured(made: Provenance) -> str:
    measured = made.measured_on_tiles
    if measured is None or measured == made.chosen_on_tiles:
        return (
            f"Measured on {made.chosen_on_tiles:,} validation tiles, the ones that the thresholds "
            "were chosen on"
        )
    return (
        f"Measured on {measured:,} validation tiles. Thresholds and scores were chosen on these "
        f"and {made.chosen_on_tiles - measured:,} training tiles"
    )


def _thresholds(manifest: Manifest) -> str:
    gate, segmenter = manifest.gate, manifest.segmenter
    return f"""## Thresholds

| what | value |
|---|---|
| a tile passes the gate from | {gate.threshold:.4f}{_second_look(manifest)} |
| a cell is looked at from | {gate.cell_threshold:.4f} |
| a pixel is ship from | {segmenter.threshold:.2f} |
| least area of a ship | {segmenter.min_area_px} px |
{_straightening(manifest)}{_reported(manifest)}"""


def _second_look(manifest: Manifest) -> str:
    doubt = manifest.gate.doubt
    if doubt is None:
        return ""
    return (
        f"; where the graph says {doubt.above:g} to {doubt.below:g}, of the mean with what it says "
        "of the mirror image"
    )


def _straightening(manifest: Manifest) -> str:
    how = manifest.segmenter.straightening
    if how is None:
        return "| masks | as the segmenter draws them |"
    return (
        f"| masks become rectangles | from an IoU of {how.rectangularity:g} with their own, "
        f"{how.longer_px:g} px longer and {how.narrower_px:g} px narrower |"
        + ("" if manifest.refiner is None else _refined(manifest.refiner))
    )


def _reported(manifest: Manifest) -> str:
    judged = manifest.refiner if manifest.segmenter.straightening is not None else None
    objectness = (judged or manifest.segmenter).objectness
    if objectness is None:
        return ""
    return (
        "\n| a ship is reported from | "
        f"{objectness.least:g}, the probability that one is there; everything without the gate |"
    )


def _refined(refiner: RefinerSpec) -> str:
    return (
        "\n| rectangles | fitted by the refiner, then moved right and down by "
        f"{refiner.shift_px:g} px, as the truth lies |"
    )


def _graphs(manifest: Manifest) -> str:
    parity, gate, segmenter = manifest.parity, manifest.gate, manifest.segmenter
    return f"""## Parity

Largest difference of any probability between torch {_plain(parity.torch)} and ONNX Runtime \
{_plain(parity.onnxruntime)} on real tiles: gate {parity.gate_max_abs_difference:.1e} \
({parity.gate_tiles} tiles), segmenter {parity.segmenter_max_abs_difference:.1e} \
({parity.segmenter_tiles} tiles and windows){_refiner_parity(parity)}. The largest weights are \
stored at half precision; all is computed at single precision.

- `{gate.file}` SHA-256 `{gate.sha256}`
- `{segmenter.file}` SHA-256 `{segmenter.sha256}`{_refiner_hash(manifest)}"""


def _refiner_parity(parity: Parity) -> str:
    off = parity.refiner_max_abs_difference
    return "" if off is None else f", refiner {off:.1e} of a hull's view"


def _refiner_hash(manifest: Manifest) -> str:
    refiner = manifest.refiner
    return "" if refiner is None else f"\n- `{refiner.file}` SHA-256 `{refiner.sha256}`"


_LIMITS = """## Limits

- Optical RGB at about 1.5 m per pixel, seen from above. Much coarser or finer images, radar and
  other bands are outside what it has seen.
- Ships below about 100 px are often missed, and touching ships may be reported as one.
- Wakes, small islands, breaking waves, clouds and harbour structures are the usual false alarms.
- The truth masks are rotated rectangles drawn by people; a small boat's may take in its wake, and
  so does what is learnt from it.
- A score is the probability of a match at IoU above 0.5 on tiles like those it was fitted on; on
  other imagery it only orders ships.
- Not for navigation, safety or targeting. A tile without a report is no proof of an empty sea."""


def _number(value: float | None) -> str:
    return "not measurable" if value is None else f"{value:.4f}"


def _plain(text: str) -> str:
    """Show text from a caller as text: no HTML and no Markdown of its own."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{c}" if c in "\\`*_[]|#" else c for c in escaped)


def _code(text: str) -> str:
    return text.replace("`", "'")
