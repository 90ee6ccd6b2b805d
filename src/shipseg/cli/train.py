"""`shipseg train`: gate, segmenter and refiner from the Kaggle layout to a run folder."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from shipseg.cli.console import note, show_json, show_lines
from shipseg.cli.options import JsonOption, LabelsOption, OverwriteOption
from shipseg.errors import MissingDependencyError

if TYPE_CHECKING:
    from shipseg.training.config import AnyConfig
    from shipseg.training.fit import Start

Kind = Literal["gate", "segmenter", "refiner"]

# What the train extra brings, and under which name it is imported.
_NEEDED = {
    "torch": "torch", "torchvision": "torchvision", "timm": "timm",
    "segmentation-models-pytorch": "segmentation_models_pytorch",
    "pytorch-lightning": "pytorch_lightning", "torchmetrics": "torchmetrics",
    "safetensors": "safetensors", "tensorboard": "tensorboard", "matplotlib": "matplotlib",
}  # fmt: skip

ImagesOption = Annotated[
    Path | None,
    typer.Option("--images", "-i", help="Folder of tiles, one per ImageId.", show_default=False),
]
SplitOption = Annotated[
    Path | None,
    typer.Option(
        "--split",
        help="Table ImageId,split with 'train' and 'val'.",
        show_default="a random share validates",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="YAML file with settings.", show_default="the defaults"),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", "-s", help="One setting; wins over all else.", metavar="KEY=VALUE",
        show_default=False,
    ),
]  # fmt: skip
ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Go on with the run in the folder, from its last whole epoch."),
]

train = typer.Typer(
    help="Train the gate, the segmenter or the refiner. Needs: pip install 'shipseg[train]'",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@train.command()
def gate(
    images: ImagesOption = None,
    labels: LabelsOption = None,
    split: SplitOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder.")] = Path("runs/gate"),
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Train the gate: which tiles, and which cells of them, hold a ship.

    A run that was stopped or killed goes on with --resume: its own configuration stands, and only
    paths, epochs, patience and the machine's settings may be given anew.

    Example: shipseg train gate --images train_v2/ --labels labels.csv --split split.csv
    """
    said = {"images": images, "labels": labels, "split": split}
    _run("gate", _Call(output, config, said, settings or [], resume, overwrite, json))


@train.command()
def segmenter(
    images: ImagesOption = None,
    labels: LabelsOption = None,
    split: SplitOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder.")] = Path(
        "runs/segmenter"
    ),
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Train the segmenter: which pixels are ship.

    A run that was stopped or killed goes on with --resume: its own configuration stands, and only
    paths, epochs, patience and the machine's settings may be given anew.

    Example: shipseg train segmenter --images train_v2/ --labels labels.csv --split split.csv
    """
    said = {"images": images, "labels": labels, "split": split}
    _run("segmenter", _Call(output, config, said, settings or [], resume, overwrite, json))


@train.command()
def refiner(
    images: ImagesOption = None,
    labels: LabelsOption = None,
    split: SplitOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder.")] = Path(
        "runs/refiner"
    ),
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Train the refiner: where in a view of a hull its sides are.

    A run that was stopped or killed goes on with --resume: its own configuration stands, and only
    paths, epochs, patience and the machine's settings may be given anew.

    Example: shipseg train refiner --images train_v2/ --labels labels.csv --split split.csv
    """
    said = {"images": images, "labels": labels, "split": split}
    _run("refiner", _Call(output, config, said, settings or [], resume, overwrite, json))


@train.command()
def average(
    runs: Annotated[
        list[Path], typer.Argument(help="Two or more finished runs.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder.", show_default=False)],
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Average the weights of runs that started from the same ones, into a run of its own.

    The result is one network, as fast as each of them. Export it like any other run.

    Example: shipseg train average runs/full-1 runs/full-2 -o runs/segmenter
    """
    _require_extra()
    from shipseg.training.average import average_runs
    from shipseg.training.folder import RunFolder, open_run

    with open_run(output, overwrite=overwrite) as folder:
        summary = average_runs([RunFolder(run) for run in runs], folder)
    if json:
        show_json({"run": str(output), "summary": summary})
    else:
        show_lines([("averaged", f"{len(runs)} runs"), ("run folder", str(output))])


@dataclass(frozen=True, slots=True)
class _Call:
    """What the command line said, of any kind of training."""

    root: Path
    config_file: Path | None
    said: dict[str, Path | None]
    settings: list[str]
    resume: bool
    overwrite: bool
    json: bool


def _run(kind: Kind, call: _Call) -> None:
    _require_extra()
    # Imported here: torch takes seconds to load, and --help should not wait for it.
    from shipseg.training import fit
    from shipseg.training.folder import is_first_process, open_run

    # On several devices each has a process of its own; one of them speaks.
    speaks = is_first_process()
    with (
        _warnings_as_notes(logging.WARNING if speaks else logging.CRITICAL),
        open_run(call.root, resume=call.resume, overwrite=call.overwrite) as folder,
    ):
        config = _load(kind, call, folder.config if call.resume else None)
        try:
            summary = fit.train(
                config,
                folder,
                resume=call.resume,
                progress=sys.stderr.isatty(),
                announce=lambda start: _announce(kind, start),
            )
        except KeyboardInterrupt:
            go_on = shlex.join(["shipseg", "train", kind, "-o", str(call.root), "--resume"])
            note(f"interrupted; whole epochs are kept. Go on with: {go_on}")
            raise
    if speaks:
        _report(kind, call, config, summary)


def _load(kind: Kind, call: _Call, resumed: Path | None) -> AnyConfig:
    from shipseg.training.config import GateConfig, RefinerConfig, SegmenterConfig, load_config

    if kind == "gate":
        return load_config(GateConfig, call.config_file, call.said, call.settings, resumed=resumed)
    if kind == "refiner":
        return load_config(
            RefinerConfig, call.config_file, call.said, call.settings, resumed=resumed
        )
    return load_config(SegmenterConfig, call.config_file, call.said, call.settings, resumed=resumed)


def _require_extra() -> None:
    for package, module in _NEEDED.items():
        if find_spec(module) is None:
            raise MissingDependencyError.of_extra(package, "train", "training")


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


@contextmanager
def _warnings_as_notes(level: int) -> Iterator[None]:
    """Print what the training warns of the way all commands print their notes."""
    logger, handler = logging.getLogger("shipseg"), _Notes(level)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _announce(kind: Kind, start: Start) -> None:
    verb = "going on with" if start.resumed else "training"
    note(
        f"{verb} the {kind} ({start.encoder}) on {start.train.tiles:,} tiles, "
        f"{start.train.with_ships:,} with ships; validating on {start.val.tiles:,}, "
        f"{start.val.with_ships:,} with ships"
    )
    note(f"at most {start.epochs} epochs of {start.steps_per_epoch:,} steps, on {start.device}")


def _report(kind: Kind, call: _Call, config: AnyConfig, summary: dict[str, Any]) -> None:
    following = _next_command(kind, call.root, config)
    if call.json:
        show_json({"kind": kind, "run": str(call.root), "summary": summary, "next": following})
        return
    best, monitor = summary["best"], summary["monitor"]
    early = ", stopped early" if summary["stopped_early"] else ""
    best_epoch = f"{best['epoch']} of {summary['epochs']}{early}, {monitor} {best[monitor]:.4f}"
    show_lines([("best epoch", best_epoch), ("run folder", str(call.root)), ("next", following)])


def _next_command(kind: Kind, root: Path, config: AnyConfig) -> str:
    if kind != "gate":
        gate_run = _beside(root, "gate")
        # In the order that the export takes them.
        runs = [] if kind == "segmenter" else [_beside(root, "segmenter")]
        return shlex.join(["shipseg", "export", gate_run, *runs, str(root), "-o", "bundle"])
    words = ["shipseg", "train", "segmenter", "--images", str(config.images)]
    words += ["--labels", str(config.labels)]
    words += ["--split", str(config.split)] if config.split else []
    if config.tile_size != type(config).model_fields["tile_size"].default:
        words += ["--set", f"tile_size={config.tile_size}"]
    return shlex.join([*words, "-o", str(root.parent / "segmenter")])


def _beside(root: Path, kind: Kind) -> str:
    """Return the run of another network that lies beside this one, or hold its place."""
    run = root.parent / kind
    return str(run) if (run / "config.yaml").is_file() else f"RUN_{kind.upper()}"
