"""`shipseg classify`: the gate alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shipseg.cli.options import (
    BadRow,
    BundleOption,
    DeviceOption,
    JsonOption,
    LabelsOption,
    OnBadRowOption,
    OverwriteOption,
    Paths,
    WorkersOption,
    check_probability,
)
from shipseg.inference.devices import Device


def classify(
    paths: Paths,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File for the table.", show_default="stdout"),
    ] = None,
    bundle: BundleOption = None,
    labels: LabelsOption = None,
    on_bad_row: OnBadRowOption = BadRow.error,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            "--gate-threshold",
            help="Least probability at which a tile passes.",
            callback=check_probability,
            show_default="the bundle's",
        ),
    ] = None,
    device: DeviceOption = Device.cpu,
    workers: WorkersOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Say how probable it is that a tile holds a ship.

    Prints a table as CSV: ImageId,ship_probability,passed,error. With --labels it has the number
    of true ships too, and F1, precision and recall are told on stderr.

    A picture that cannot be read is named in the table and stops nothing; the exit code is then 4,
    or 3 if none could be read.

    Example: shipseg classify tiles/ --labels labels.csv > gate.csv
    """
    # Imported here: reading --help should not load a model runtime.
    from shipseg.cli.classification import classify_tiles, document_of, figure_lines, score
    from shipseg.cli.console import show_json, show_lines
    from shipseg.cli.failures import exit_code_of
    from shipseg.cli.outputs import make_folder, refuse_to_clobber
    from shipseg.inference.batch import find_images
    from shipseg.inference.detector import Detector
    from shipseg.labels import read_labels

    images = find_images(paths)
    if output is not None:
        refuse_to_clobber([output], overwrite=overwrite)
        make_folder(output.parent)
    truth = None if labels is None else read_labels(labels, on_bad_row=on_bad_row.value)
    detector = Detector(bundle, gate_threshold=threshold, device=device)
    echo = output is None and not json
    rows = classify_tiles(detector, images, truth, file=output, echo=echo, workers=workers)
    figures = None if truth is None else score(rows, detector.gate_threshold)
    if json:
        show_json(document_of(rows, figures, detector))
    elif figures is not None:
        show_lines(figure_lines(figures), talk=True)
    raise typer.Exit(exit_code_of(sum(bool(row.error) for row in rows), len(rows)))
