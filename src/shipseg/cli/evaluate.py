"""`shipseg evaluate`: the detector against truth, with and without the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shipseg.cli.options import (
    BadRow,
    BundleOption,
    DeviceOption,
    GateThresholdOption,
    JsonOption,
    OnBadRowOption,
    OverwriteOption,
    StraightenOption,
    ThresholdOption,
    WorkersOption,
)
from shipseg.inference.devices import Device


def evaluate(
    images: Annotated[
        Path, typer.Argument(help="Folder of tiles, or a glob in quotes.", show_default=False)
    ],
    labels: Annotated[
        Path,
        typer.Argument(
            help="Label table, ImageId,EncodedPixels as .csv, .csv.gz or .csv.zip.",
            show_default=False,
        ),
    ],
    split: Annotated[
        Path | None,
        typer.Option("--split", help="Table ImageId,split.", show_default="all tiles"),
    ] = None,
    subset: Annotated[
        str | None,
        typer.Option("--subset", help="Name in the split to score.", show_default="val"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for report.html, evaluation.json and tiles.csv.",
            show_default=False,
        ),
    ] = None,
    bundle: BundleOption = None,
    on_bad_row: OnBadRowOption = BadRow.error,
    threshold: ThresholdOption = None,
    gate_threshold: GateThresholdOption = None,
    straighten: StraightenOption = True,
    device: DeviceOption = Device.cpu,
    workers: WorkersOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Score a model bundle on tiles with truth, with and without its gate.

    Only tiles that are both in the folder and in the label table count. A tile that cannot be read
    is named and left out of all figures; the exit code is then 4, or 3 if none could be read.

    Example: shipseg evaluate images/ labels.csv --split split.csv --subset val -o report/
    """
    # Imported here: reading --help should not load a model runtime.
    from shipseg.cli.console import show, show_json
    from shipseg.cli.evaluation import (
        FILES,
        choose_tiles,
        detect_both_ways,
        documents_of,
        page_of,
    )
    from shipseg.cli.failures import exit_code_of
    from shipseg.cli.outputs import make_folder, refuse_to_clobber
    from shipseg.errors import BadInputError, UsageError
    from shipseg.evaluation.evaluate import evaluate as evaluate_tiles
    from shipseg.evaluation.report import render_report
    from shipseg.files import atomic_write_text
    from shipseg.inference.batch import find_images
    from shipseg.inference.detector import Detector
    from shipseg.labels import read_labels, read_split

    if subset is not None and split is None:
        raise UsageError("--subset names a part of a split", hint="add --split split.csv")
    if output is not None:
        targets = [output / name for name in FILES]
        refuse_to_clobber(targets, overwrite=overwrite)
    table = read_labels(labels, on_bad_row=on_bad_row.value)
    parts = None if split is None else read_split(split)
    chosen = choose_tiles(find_images([images]), table, parts, subset or "val")
    detector = Detector(
        bundle, threshold=threshold, gate_threshold=gate_threshold, straighten=straighten,
        device=device,
    )  # fmt: skip
    run = detect_both_ways(detector, chosen, table, workers=workers)
    if not run.results:
        raise BadInputError(f"none of {len(chosen):,} tiles could be scored; the notes say why")
    report = evaluate_tiles(run.results, gate_threshold=detector.gate_threshold)
    document, texts = documents_of(report, run, detector)
    if output is not None:
        make_folder(output)
        for name, text in texts.items():
            atomic_write_text(output / name, text)
        atomic_write_text(output / "report.html", page_of(report, run, detector, chosen))
    if json:
        show_json(document)
    else:
        show(render_report(report))
    raise typer.Exit(exit_code_of(len(run.failed), len(chosen)))
