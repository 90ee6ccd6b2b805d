"""`shipseg predict`: ships on any number of pictures, into a folder."""

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
    LabelsOption,
    OnBadRowOption,
    OverwriteOption,
    Paths,
    ThresholdOption,
    WorkersOption,
)
from shipseg.inference.devices import Device


def predict(
    paths: Paths,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder for the results.", show_default=False),
    ],
    bundle: BundleOption = None,
    labels: LabelsOption = None,
    on_bad_row: OnBadRowOption = BadRow.error,
    masks: Annotated[
        bool, typer.Option("--masks", help="Write masks/: a PNG of 0 and 255 for each tile.")
    ] = False,
    overlays: Annotated[
        bool,
        typer.Option("--overlays", help="Write overlays/: each tile with ships, outlined."),
    ] = False,
    no_gate: Annotated[
        bool, typer.Option("--no-gate", help="Segment every tile, whatever the gate says of it.")
    ] = False,
    threshold: ThresholdOption = None,
    gate_threshold: GateThresholdOption = None,
    device: DeviceOption = Device.cpu,
    workers: WorkersOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Find the ships on pictures of any size.

    Writes submission.csv (ImageId,EncodedPixels as Kaggle takes it, one row per ship, an empty
    cell for a tile without one) and tiles.csv (ImageId,ship_probability,ships,error). With
    --labels also comparisons/: original, truth and prediction side by side.

    A picture that cannot be read is named in tiles.csv and stops nothing; the exit code is then 4,
    or 3 if none could be read. Ctrl-C keeps what is finished.

    Example: shipseg predict tiles/ -o out/ --overlays
    """
    # Imported here: reading --help should not load a model runtime.
    from shipseg.cli.console import show_json, show_lines
    from shipseg.cli.failures import exit_code_of
    from shipseg.cli.outputs import make_folder, refuse_inputs_in, refuse_to_clobber
    from shipseg.cli.prediction import Prediction, ResultFolder
    from shipseg.cli.summary import summary_lines
    from shipseg.inference.batch import find_images
    from shipseg.inference.detector import Detector
    from shipseg.labels import read_labels

    images = find_images(paths)
    folder = ResultFolder(output, masks, overlays, comparisons=labels is not None)
    refuse_to_clobber(folder.targets(), overwrite=overwrite)
    refuse_inputs_in(folder.picture_folders(), images)
    truth = None if labels is None else read_labels(labels, on_bad_row=on_bad_row.value)
    detector = Detector(bundle, threshold=threshold, gate_threshold=gate_threshold, device=device)
    for path in (output, *folder.picture_folders()):
        make_folder(path)
    prediction = Prediction(detector, folder, truth, gated=not no_gate)
    summary = prediction.run(images, workers=workers)
    if json:
        show_json(summary.to_dict())
    else:
        show_lines(summary_lines(summary))
    raise typer.Exit(exit_code_of(len(summary.failed), summary.tiles))
