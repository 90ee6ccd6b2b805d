"""The `shipseg` program: which commands there are, and what becomes of their errors."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from shipseg import __version__
from shipseg.cli.console import complain, fail, forgive_encodings, note
from shipseg.errors import ShipsegError

# In the order of --help: what a newcomer tries first stands first.
COMMANDS = {
    "demo": "shipseg.cli.demo:demo",
    "predict": "shipseg.cli.predict:predict",
    "serve": "shipseg.cli.serve:serve",
    "classify": "shipseg.cli.classify:classify",
    "evaluate": "shipseg.cli.evaluate:evaluate",
    "evaluate-scene": "shipseg.cli.evaluate_scene:evaluate_scene",
    "explore": "shipseg.cli.explore:explore",
    "audit": "shipseg.cli.audit:audit",
    "download": "shipseg.cli.download:download",
    "split": "shipseg.cli.split:split",
    "prepare": "shipseg.cli.prepare:prepare",
    "train": "shipseg.cli.train:train",
    "export": "shipseg.cli.export:export",
}
"""Name to ``module:object``: a command function, or a Typer app with commands of its own."""

_EXIT_CODES = (
    "Exit codes: 0 done, 1 a bug, 2 wrong usage, 3 bad input, 4 some items failed, "
    "5 an optional package is missing, 6 a quality gate failed, 130 interrupted."
)


class CommandTable(TyperGroup):
    """A group that imports a command only when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), name)
        command: Any
        if isinstance(found, typer.Typer):
            command = typer.main.get_group(found)
        else:
            command = typer.main.get_command(_as_app(found, cmd_name))
        command.name = cmd_name
        return command


def _as_app(function: Callable[..., Any], name: str) -> typer.Typer:
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name)(function)
    return alone


app = typer.Typer(
    cls=CommandTable,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=_EXIT_CODES,
)


@dataclass(slots=True)
class Session:
    """What the options before the command asked for."""

    debug: bool = False


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"shipseg {__version__}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def shipseg(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Find every ship in optical satellite images.

    Try it: shipseg demo
    """
    if isinstance(ctx.obj, Session):
        ctx.obj.debug = debug


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        argv: Arguments without the program's name; None takes those of the process.

    Returns:
        The exit code; see `shipseg --help`.
    """
    forgive_encodings()
    session = Session()
    try:
        app(args=None if argv is None else list(argv), prog_name="shipseg", obj=session)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except ShipsegError as error:
        fail(error)
        return _ended(error, error.exit_code, session)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # The disk is full, a folder vanished: no fault of ours, and none of the call.
        where = f"'{error.filename}': " if error.filename else ""
        complain(f"{where}{error.strerror or error}")
        return _ended(error, 1, session)
    except Exception as error:
        complain(f"this is a bug in shipseg: {type(error).__name__}: {error}")
        if not session.debug:
            note("'shipseg --debug ...' shows where it happened")
        return _ended(error, 1, session)
    return 0


def _ended(error: BaseException, code: int, session: Session) -> int:
    if session.debug:
        traceback.print_exception(error)
    return code


if __name__ == "__main__":
    sys.exit(main())
