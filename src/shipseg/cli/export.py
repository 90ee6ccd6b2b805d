"""`shipseg export`: from two run folders to the model bundle that prediction loads, or to QGIS."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from shipseg.cli.console import note, progress, show_json, show_lines
from shipseg.cli.exporting import ChooseOn, ExportFormat, check_sources, export_for_deepness
from shipseg.cli.options import (
    JsonOption,
    LabelsOption,
    OverwriteOption,
    WorkersOption,
)
from shipseg.errors import MissingDependencyError, UsageError

if TYPE_CHECKING:
    from shipseg.bundle.export import Exported
    from shipseg.bundle.manifest import Parity, Provenance

# What the train extra brings, and under which name it is imported.
_NEEDED = {
    "torch": "torch", "timm": "timm", "segmentation-models-pytorch": "segmentation_models_pytorch",
    "pytorch-lightning": "pytorch_lightning", "safetensors": "safetensors", "onnx": "onnx",
    "onnxscript": "onnxscript",
}  # fmt: skip
_AUTO = "auto"


def export(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The bundle: a folder, or a file named *.zip. For Deepness, a file named *.onnx.",
            show_default=False,
        ),
    ],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN_GATE RUN_SEGMENTER [RUN_REFINER] | BUNDLE",
            help="Run folders of `shipseg train gate`, `segmenter` and, if there is one, "
            "`refiner`. For Deepness the first two, a bundle, or nothing for the one inside the "
            "package.",
            show_default=False,
        ),
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(
            "--also",
            metavar="RUN_SEGMENTER",
            help="Another segmenter, to average its maps with the first one's. It takes its time, "
            "and errs elsewhere. May be repeated.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        ExportFormat,
        typer.Option(
            "--format", help="A bundle for shipseg, or one graph for QGIS's plug-in Deepness."
        ),
    ] = ExportFormat.bundle,
    gsd: Annotated[
        float | None,
        typer.Option(
            "--gsd",
            help="For Deepness: metres per pixel at which it shows layers to the model.",
            min=0.01,
            max=1000,
            show_default="1.5",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the model.", show_default="the output's")
    ] = None,
    gate_threshold: Annotated[
        str,
        typer.Option(
            "--gate-threshold",
            metavar="auto|NUMBER",
            help="Least probability at which a tile passes the gate; auto takes the best F1.",
        ),
    ] = _AUTO,
    gate_recall: Annotated[
        float | None,
        typer.Option(
            "--gate-recall",
            show_default=False,
            help="Choose the gate's threshold to keep this share of the tiles with ships.",
        ),
    ] = None,
    straighten: Annotated[
        bool,
        typer.Option(
            "--straighten/--no-straighten",
            help="Let the bundle draw rectangles where they fit the tiles better.",
        ),
    ] = True,
    second_look: Annotated[
        bool,
        typer.Option(
            "--second-look/--one-look",
            help="Let the gate look again, at the mirror image, where its first answer leaves "
            "doubt.",
        ),
    ] = True,
    choose_on: Annotated[
        ChooseOn,
        typer.Option(
            "--choose-on",
            help="Tiles that thresholds and scores are chosen on: the validation tiles, or the "
            "training tiles as well. The second is steadier where the networks do no better on "
            "these. Figures are of the validation tiles.",
        ),
    ] = ChooseOn.val,
    images: Annotated[
        Path | None,
        typer.Option("--images", "-i", help="Folder of tiles.", show_default="the gate run's"),
    ] = None,
    labels: LabelsOption = None,
    split: Annotated[
        Path | None,
        typer.Option("--split", help="Table ImageId,split.", show_default="the gate run's"),
    ] = None,
    tile_limit: Annotated[
        int, typer.Option("--tile-limit", min=1, help="Most tiles of each part to measure on.")
    ] = 2000,
    data: Annotated[
        str | None,
        typer.Option("--data", help="The training set, for the card.", show_default=False),
    ] = None,
    license_text: Annotated[
        str | None,
        typer.Option("--license", help="Terms of the weights, for the card.", show_default=False),
    ] = None,
    workers: WorkersOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Make a model bundle: ONNX graphs, thresholds chosen on tiles with truth, a model card.

    Torch and ONNX Runtime are compared on real tiles; a bundle whose probabilities differ by more
    than 0.02 is refused with exit code 6. Needs: pip install 'shipseg[train]'

    With --format deepness it makes one graph of both networks, for QGIS: see docs/qgis.md.
    From a bundle that needs: pip install 'shipseg[export]'

    Example: shipseg export runs/gate runs/segmenter runs/refiner -o bundle

    Example: shipseg export --format deepness -o ships.onnx
    """  # fmt: skip
    sources = sources or []
    measured = {
        "--also": also, "--name": name, "--gate-threshold": gate_threshold != _AUTO or None,
        "--gate-recall": gate_recall, "--images": images, "--labels": labels, "--split": split,
        "--data": data, "--license": license_text, "--one-look": not second_look or None,
        "--choose-on": choose_on is not ChooseOn.val or None,
    }  # fmt: skip
    given = [option for option, value in measured.items() if value is not None]
    check_sources(sources, form, output, given=given, gsd=gsd, overwrite=overwrite)
    if len(sources) < 2:
        export_for_deepness(next(iter(sources), None), output, gsd=gsd, as_json=json)
        return
    run_gate, run_segmenter, *run_refiner = sources
    for package, module in _NEEDED.items():
        if find_spec(module) is None:
            raise MissingDependencyError.of_extra(package, "train", "exporting")
    threshold = _read_threshold(gate_threshold)
    # Imported here: torch takes seconds to load, and --help should not wait for it.
    from shipseg.bundle.choices import Choices
    from shipseg.bundle.export import export_bundle

    choices = Choices(
        name=name, data=data, license=license_text, gate_threshold=threshold,
        straighten=straighten, gate_recall=gate_recall, second_look=second_look,
        training_tiles=choose_on is ChooseOn.all, tile_limit=tile_limit,
    )  # fmt: skip
    with TemporaryDirectory() as folder, _warnings_as_notes():
        for_qgis = form is ExportFormat.deepness
        exported = export_bundle(
            run_gate, run_segmenter, Path(folder, output.stem) if for_qgis else output,
            run_refiner=next(iter(run_refiner), None), also=also or (), images=images,
            labels=labels, split=split, choices=choices, overwrite=overwrite,
            workers=workers or os.cpu_count() or 1, announce=note, progress=progress,
        )  # fmt: skip
        if for_qgis:
            export_for_deepness(exported.path, output, gsd=gsd, as_json=json)
            return
    following = _next_command(exported)
    if json:
        show_json(exported.to_dict() | {"next": following})
    else:
        show_lines([*_lines(exported), ("next", following)])


def _read_threshold(text: str) -> float | None:
    if text == _AUTO:
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--gate-threshold is '{text}', expected auto or a number") from None


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


@contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Print what the export warns of the way all commands print their notes."""
    logger, handler = logging.getLogger("shipseg"), _Notes(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _refiner_parity(parity: Parity) -> str:
    off = parity.refiner_max_abs_difference
    return "" if off is None else f", refiner {off:.1e}"


def _lines(exported: Exported) -> list[tuple[str, str]]:
    bundle = exported.bundle
    manifest = bundle.manifest
    gate, segmenter, parity = manifest.gate, manifest.segmenter, manifest.parity
    sizes = exported.to_dict()["bytes"]
    figures = manifest.figures
    return [
        ("bundle", f"{exported.path} ({manifest.name})"),
        ("size", ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items())),
        (
            "parity",
            f"gate {parity.gate_max_abs_difference:.1e}, "
            f"segmenter {parity.segmenter_max_abs_difference:.1e}{_refiner_parity(parity)} "
            f"at most, torch {parity.torch} and ONNX Runtime {parity.onnxruntime}",
        ),
        (
            "gate threshold",
            f"{gate.threshold:.4f} for a tile, {gate.cell_threshold:.4f} for a cell",
        ),
        (
            "ship threshold",
            f"{segmenter.threshold:.2f} for a pixel, least area {segmenter.min_area_px} px",
        ),
        (
            "validation",
            f"{figures['tiles']:,} tiles, {figures['ship_tiles']:,} with ships; "
            f"the thresholds were chosen on {_chosen_on(manifest.provenance)}",
        ),
        (
            "gate",
            f"recall {_number(figures['gate.recall'])}, "
            f"precision {_number(figures['gate.precision'])}, F1 {_number(figures['gate.f1'])}, "
            f"AUC {_number(figures['gate.auc'])}",
        ),
        (
            "detector",
            f"Dice {_number(figures['mean_dice_on_ship_tiles'])} and "
            f"F2 {_number(figures['f2_on_ship_tiles'])} on tiles with ships; "
            f"F2 {_number(figures['f2_all'])} on all, nothing predicted: "
            f"{_number(figures['f2_of_nothing'])}",
        ),
    ]


def _chosen_on(made: Provenance) -> str:
    more = made.chosen_on_tiles - (made.measured_on_tiles or made.chosen_on_tiles)
    return f"them and {more:,} training tiles" if more else "them"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _next_command(exported: Exported) -> str:
    words = ["shipseg", "evaluate", str(exported.images), str(exported.labels)]
    words += ["--split", str(exported.split), "--subset", "val"] if exported.split else []
    return shlex.join([*words, "--bundle", str(exported.path)])
