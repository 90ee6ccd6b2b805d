"""`shipseg predict`: ships on any number of pictures, into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shipseg.cli.options import (
    AllowVrtOption,
    AoiOption,
    BadRow,
    BandsOption,
    BundleOption,
    DeviceOption,
    Engine,
    EngineOption,
    ExcludeAreaOption,
    FormatsOption,
    GateThresholdOption,
    GsdOption,
    JsonOption,
    LabelsOption,
    OnBadRowOption,
    OverwriteOption,
    Paths,
    ResumeOption,
    SceneOption,
    ShardOption,
    StraightenOption,
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
        bool,
        typer.Option(
            "--no-gate",
            help="Segment every tile and report all that is found, whatever the gate says of it.",
        ),
    ] = False,
    threshold: ThresholdOption = None,
    gate_threshold: GateThresholdOption = None,
    straighten: StraightenOption = True,
    device: DeviceOption = Device.cpu,
    workers: WorkersOption = None,
    engine: EngineOption = Engine.local,
    scene: SceneOption = None,
    formats: FormatsOption = "geojson,csv,overview",
    gsd: GsdOption = None,
    bands: BandsOption = None,
    aoi: AoiOption = None,
    exclude: ExcludeAreaOption = None,
    allow_vrt: AllowVrtOption = False,
    shard: ShardOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Find the ships on pictures and scenes of any size.

    Of tiles it writes submission.csv (ImageId,EncodedPixels as Kaggle takes it, one row per ship,
    an empty cell for a tile without one) and tiles.csv (ImageId,ship_probability,ships,error).
    With --labels also comparisons/: original, truth and prediction side by side.

    A picture that cannot be read is named in tiles.csv and stops nothing; the exit code is then 4,
    or 3 if none could be read. Ctrl-C keeps what is finished.

    Georeferenced rasters, and those too large for one go, are scenes: they are read through
    windows in constant memory, and each gets a folder of its own, with scenes.csv beside. See
    docs/scenes.md.

    Example: shipseg predict tiles/ -o out/ --overlays

    Example: shipseg predict harbour.tif -o out/ --formats geojson,gpkg,overview
    """
    # Imported here: reading --help should not load a model runtime.
    from shipseg.cli.console import show_json, show_lines
    from shipseg.cli.detector_settings import DetectorSettings
    from shipseg.cli.failures import exit_code_of
    from shipseg.cli.outputs import make_folder, refuse_inputs_in, refuse_to_clobber
    from shipseg.cli.prediction import Prediction
    from shipseg.cli.scene_kinds import (
        SCENE_SUFFIXES,
        are_scenes,
        parse_bands,
        parse_formats,
        refuse_scene_options,
    )
    from shipseg.cli.summary import summary_lines
    from shipseg.cli.tile_engines import choose_engine
    from shipseg.cli.tile_pictures import ResultFolder
    from shipseg.errors import UsageError
    from shipseg.inference.batch import SUFFIXES, find_images
    from shipseg.inference.shards import parse_shard
    from shipseg.labels import read_labels
    from shipseg.writers.names import file_stems

    if allow_vrt:
        # Before anything starts GDAL.
        from shipseg.imaging.gdal import allow_vrt as keep_vrt

        keep_vrt()
    part = None if shard is None else parse_shard(shard)
    images = find_images(paths, suffixes=SUFFIXES if scene is False else SCENE_SUFFIXES)
    detection = DetectorSettings(bundle, threshold, gate_threshold, straighten, device)
    if are_scenes(images, scene):
        from shipseg.cli.scene import predict_scenes
        from shipseg.cli.scene_folder import SceneFolder
        from shipseg.scenes.batch import SceneSettings

        if labels is not None:
            raise UsageError(
                "--labels is for tiles, and these are scenes",
                hint="compare what is found on a scene with 'shipseg evaluate-scene'",
            )
        wanted = (*parse_formats(formats), *["mask"] * masks, *["overview"] * overlays)
        code = predict_scenes(
            images,
            SceneFolder(output, tuple(dict.fromkeys(wanted)), part),
            SceneSettings(parse_bands(bands), gsd, aoi, exclude, not no_gate, allow_vrt),
            detection,
            engine=engine,
            workers=workers,
            overwrite=overwrite,
            resume=resume,
            as_json=json,
        )
        raise typer.Exit(code)
    refuse_scene_options(gsd=gsd, bands=bands, aoi=aoi, exclude=exclude, resume=resume)
    # Of all tiles, also those of other shards, so that two never share a name.
    stems = file_stems(path.name for path in images)
    images = images if part is None else part.take(images)
    folder = ResultFolder(output, masks, overlays, comparisons=labels is not None)
    refuse_to_clobber(folder.targets(), overwrite=overwrite)
    refuse_inputs_in(folder.picture_folders(), images)
    truth = None if labels is None else read_labels(labels, on_bad_row=on_bad_row.value)
    detector, work = choose_engine(engine, detection, gated=not no_gate, workers=workers)
    for path in (output, *folder.picture_folders()):
        make_folder(path)
    prediction = Prediction(detector, folder, truth, gated=not no_gate, engine=work)
    summary = prediction.run(images, stems)
    if json:
        show_json(summary.to_dict())
    else:
        show_lines(summary_lines(summary))
    raise typer.Exit(exit_code_of(len(summary.failed), summary.tiles))
