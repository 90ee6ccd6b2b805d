"""What the commands print: results on stdout; notes, errors and progress on stderr."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from shipseg.errors import ShipsegError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress, TaskID

Item = TypeVar("Item")

# Enough to see a pattern; the rest is in the tables that the commands write.
MOST_NOTES = 20


def stdout() -> Console:
    """Give the console for results; colours only on a terminal, and never with NO_COLOR."""
    from rich.console import Console

    return Console(highlight=False)


def stderr() -> Console:
    """Give the console for talk."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def show(result: RenderableType) -> None:
    """Print a result."""
    stdout().print(result)


def show_lines(lines: Sequence[tuple[str, str]], *, talk: bool = False) -> None:
    """Print names and values in two columns; values stay whole, so that paths can be copied.

    Args:
        lines: Name and value of each line.
        talk: Print on stderr.
    """
    from rich.text import Text

    width = max(len(name) for name, _ in lines) + 2
    console = stderr() if talk else stdout()
    for name, value in lines:
        line = Text.assemble((f"{name:{width}}", "bold"), printable(value))
        console.print(line, soft_wrap=True)


def show_json(document: dict[str, Any]) -> None:
    """Print one JSON document, in ASCII, so that any terminal or pipe takes it."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def note(text: str) -> None:
    """Say something on stderr; names from strangers are shown without control characters."""
    _say("Note", text, "bold cyan")


def fail(error: ShipsegError) -> None:
    """Print an error and what to do about it on stderr."""
    _say("Error", error.message, "bold red")
    if error.hint:
        _say("Hint", error.hint, "bold cyan")


def complain(text: str) -> None:
    """Print an error's text on stderr."""
    _say("Error", text, "bold red")


def _say(word: str, text: str, style: str) -> None:
    from rich.text import Text

    line = Text.assemble((f"{word}: ", style), printable(text))
    # Lines stay whole where they are copied or searched from.
    stderr().print(line, soft_wrap=True)


def printable(text: str) -> str:
    """Keep line ends, and replace what else is not printable: it could command the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


class Notes:
    """Notes about single tiles, of which only the first are printed."""

    def __init__(self) -> None:
        """Start counting."""
        self._count = 0

    def add(self, name: str, text: str) -> None:
        """Print a note about a tile, or count it."""
        self._count += 1
        if self._count <= MOST_NOTES:
            note(f"{name}: {text}")

    def close(self, where: str) -> None:
        """Say how many notes were not printed, and where they are."""
        if self._count > MOST_NOTES:
            note(f"and {self._count - MOST_NOTES} more{where}")


@contextmanager
def progress(
    items: Iterator[Item], *, total: int, label: str, quiet: bool = False
) -> Iterator[Iterator[Item]]:
    """Show a bar on stderr while items are taken, if stderr is a terminal.

    Args:
        items: What is worked on; closed at the end, so that an interrupt stops its workers.
        total: How many there are.
        label: What is done to them.
        quiet: Show no bar anyway.

    Yields:
        The same items.
    """
    with ExitStack() as stack:
        if isinstance(items, Generator):
            stack.callback(items.close)
        if quiet or not sys.stderr.isatty():
            yield items
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = (label, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        # Redirected, what is printed on stdout would come out on stderr.
        bar = stack.enter_context(
            Progress(*columns, console=stderr(), transient=True, redirect_stdout=False)
        )
        task = bar.add_task(label, total=total)
        yield _advance(bar, task, items)


@contextmanager
def stages(label: str, *, quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on stderr for work that goes through stages, if stderr is a terminal.

    Args:
        label: What is worked on.
        quiet: Show no bar anyway.

    Yields:
        What is to be called with a stage, how much of it is done, and how much there is.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr(), transient=True, redirect_stdout=False) as bar:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                # A bracket in a file's name is no markup.
                text = printable(f"{label}: {stage}").replace("[", "\\[")
                tasks[stage] = bar.add_task(text, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield show


def _advance(bar: Progress, task: TaskID, items: Iterator[Item]) -> Iterator[Item]:
    for item in items:
        yield item
        bar.advance(task)


def forgive_encodings() -> None:
    """Let characters that a terminal's encoding lacks be escaped, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
