"""The work behind `shipseg export --format deepness`, and what its arguments may be."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from shipseg.cli.console import note, show_json, show_lines
from shipseg.cli.outputs import make_folder, refuse_to_clobber
from shipseg.errors import MissingDependencyError, UsageError

# Drawn, because they have to be there wherever a graph is made; each holds ships.
_DRAWN_TILES = 3


class ExportFormat(StrEnum):
    """What comes out of an export."""

    bundle = "bundle"
    deepness = "deepness"


class ChooseOn(StrEnum):
    """Which tiles a bundle's thresholds are chosen on."""

    val = "val"
    all = "all"


def check_sources(
    sources: Sequence[Path],
    form: ExportFormat,
    output: Path,
    *,
    given: Sequence[str],
    gsd: float | None,
    overwrite: bool,
) -> None:
    """Refuse arguments that do not go together, before minutes go into the graphs.

    Args:
        sources: Two or three run folders; for Deepness also one bundle, or none.
        form: What comes out.
        output: Where to.
        given: Options that were given and are about run folders.
        gsd: The option of that name.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        UsageError: They do not.
        OutputExistsError: The file for Deepness is there and may not be replaced.
    """
    found = f"{len(sources)} path{'s' * (len(sources) != 1)} given, expected "
    if form is ExportFormat.bundle:
        if len(sources) not in (2, 3):
            raise UsageError(
                f"{found}two or three run folders: the gate's, the segmenter's, the refiner's",
                hint="shipseg export runs/gate runs/segmenter runs/refiner -o bundle",
            )
        if gsd is not None:
            raise UsageError("--gsd is for --format deepness, and a bundle has none")
        return
    if len(sources) > 2:
        raise UsageError(f"{found}two run folders, one bundle, or none for the package's own")
    if given and len(sources) < 2:
        raise UsageError(
            f"{', '.join(given)} would need run folders to export; a bundle has made its choices",
            hint="name the gate's and the segmenter's run folder, or leave the option out",
        )
    if output.suffix != ".onnx":
        raise UsageError(
            f"'{output}' is no name for the plug-in's file dialog, expected one that ends in .onnx"
        )
    refuse_to_clobber([output], overwrite=overwrite)


def export_for_deepness(
    bundle_path: Path | None, output: Path, *, gsd: float | None, as_json: bool
) -> None:
    """Compose the graph of a bundle, compare it with the detector, write it, and say so.

    Args:
        bundle_path: A bundle; None takes the one inside the package.
        output: The file.
        gsd: Metres per pixel; None takes the model's.
        as_json: Whether to print a JSON document.

    Raises:
        MissingDependencyError: The package `onnx` is not installed.
        BundleError: The bundle is none, or its graphs do not go together.
        QualityGateError: The graph says something else than the detector.
    """
    if find_spec("onnx") is None:
        raise MissingDependencyError.of_extra("onnx", "export", "exporting for Deepness")
    from shipseg.bundle.deepness import deepness_graph, deepness_metadata
    from shipseg.bundle.deepness_parity import check_deepness_graph
    from shipseg.bundle.format import load_bundle
    from shipseg.files import atomic_write_bytes
    from shipseg.imaging.synthetic import draw_scene
    from shipseg.inference.detector import Detector
    from shipseg.scenes.reader import MODEL_GSD_M

    gsd_m = MODEL_GSD_M if gsd is None else gsd
    bundle = load_bundle(bundle_path)
    note("composing the graph")
    graph = deepness_graph(bundle, gsd_m=gsd_m)
    note("comparing it with the detector")
    side = bundle.manifest.gate.tile_size
    tiles = (draw_scene(seed, (side, side), ships=6).rgb for seed in range(_DRAWN_TILES))
    difference = check_deepness_graph(graph, bundle, Detector(bundle_path), tiles)
    make_folder(output.parent)
    atomic_write_bytes(output, graph)
    if as_json:
        show_json(
            {
                "path": str(output),
                "bytes": len(graph),
                "model": bundle.manifest.name,
                "max_abs_difference": difference,
                "metadata": deepness_metadata(bundle, gsd_m=gsd_m),
            }
        )
        return
    show_lines(
        [
            ("graph", f"{output} ({len(graph) / 1e6:.1f} MB, {bundle.manifest.name})"),
            ("parity", f"{difference:.1e} at most from the detector, on {_DRAWN_TILES} tiles"),
            ("takes", f"tiles of {side} px at {gsd_m:g} m"),
            ("next", f"in QGIS: Plugins, Deepness; model type Segmentor; model file '{output}'"),
        ]
    )
