"""The work behind `shipseg split`: overlaps found, parts made or checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shipseg.cli.console import Notes, note, progress
from shipseg.cli.split_results import CheckedSplit, Found, MadeSplit, Question
from shipseg.dataset.overlap import find_overlaps, group_overlaps
from shipseg.dataset.partition import describe_parts, partition
from shipseg.errors import BadInputError, UsageError
from shipseg.imaging.formats import shown_name
from shipseg.labels import LabelTable, read_labels, read_split, without_excluded, write_split
from shipseg.writers.rows import open_rows

_DEFAULT_SHARE = 0.1


def purpose_of(
    output: Path | None,
    check: Path | None,
    *,
    val: float | None,
    test: float | None,
    folds: int | None,
    seed: int,
) -> Making | Checking:
    """Tell from the options whether a split is to be made, and which, or one to be checked.

    Raises:
        UsageError: The options do not go together.
    """
    given = {"--output": output, "--folds": folds, "--val": val, "--test": test}
    said = [name for name, value in given.items() if value is not None]
    if check is not None:
        if said:
            raise UsageError(f"--check makes no split, so {said[0]} says nothing")
        return Checking(check)
    if output is None:
        raise UsageError("no file to write the split to", hint="add -o split.csv, or --check")
    if folds is not None:
        if said[2:]:
            raise UsageError(f"--folds makes equal parts, so {said[2]} says nothing")
        return Making(output, {f"fold{number}": 1 / folds for number in range(folds)}, seed)
    val, test = (_DEFAULT_SHARE if share is None else share for share in (val, test))
    if not 0 < val + test < 1:
        raise UsageError(
            f"--val {val:g} and --test {test:g} leave {1 - val - test:g} for 'train', "
            "expected more than 0 and less than 1"
        )
    shares = {"train": 1 - val - test, "val": val, "test": test}
    return Making(output, {name: share for name, share in shares.items() if share}, seed)


@dataclass(frozen=True, slots=True)
class Making:
    """Make a split.

    Attributes:
        path: Where to write it.
        shares: Part to share.
        seed: Decides between tiles that are alike.
    """

    path: Path
    shares: dict[str, float]
    seed: int

    def carry_out(self, found: Found) -> MadeSplit:
        """Part the tiles and write the split.

        Raises:
            BadInputError: There are too few groups.
        """
        parts = partition(found.table, found.groups, self.shares, seed=self.seed)
        rows = ((name, part, str(found.groups[name])) for name, part in parts.items())
        write_split(self.path, rows)
        figures = describe_parts(found.table, found.groups, parts, list(self.shares))
        return MadeSplit(found, figures, self.path, self.seed)


@dataclass(frozen=True, slots=True)
class Checking:
    """Look for leaks in a split.

    Attributes:
        path: The split.
    """

    path: Path

    def carry_out(self, found: Found) -> CheckedSplit:
        """Look for pairs that share ground across parts.

        Raises:
            UsageError: There is no such file.
            BadInputError: The split has faults, or names none of the tiles.
        """
        named = read_split(self.path, check_acquisitions=False)
        parts = {name: part for name, part in named.items() if name in found.table}
        if not parts:
            raise BadInputError(f"none of the {len(named):,} tiles of '{self.path}' is at hand")
        unknown = len(named) - len(parts)
        if unknown:
            note(f"{unknown:,} tiles of '{self.path}' are not at hand, and were not compared")
        names = list(dict.fromkeys(parts.values()))
        figures = describe_parts(found.table, found.groups, parts, names)
        leaks = [
            pair
            for pair in found.overlaps()
            if pair.first in parts
            and pair.second in parts
            and parts[pair.first] != parts[pair.second]
        ]
        return CheckedSplit(found, figures, self.path, parts, unknown, leaks)


def search(question: Question) -> Found:
    """Read the labels, find overlaps and group the tiles; say what was left out.

    Raises:
        UsageError: A file or folder is not there, or nothing is left to part.
        BadInputError: A table has faults, or no tile can be read.
    """
    labelled = _read(question)
    if question.images is None:
        note("only ships were compared: tiles without any may share ground; --images finds those")
    found = find_overlaps(
        labelled,
        question.images,
        block_px=question.stride,
        workers=question.workers,
        watch=progress,
    )
    groups = group_overlaps(labelled.image_ids, found.overlaps)
    table = labelled
    if found.without_file:
        lacking = frozenset(found.without_file)
        table = labelled.subset(name for name in labelled.image_ids if name not in lacking)
        note(
            f"{len(lacking):,} of {len(labelled):,} labelled tiles have no file in "
            f"'{question.images}': they are left out, but their ships still link others"
        )
    if len(found.unreadable) == len(table):
        first = f"; the first: {found.unreadable[0]}" if found.unreadable else ""
        raise BadInputError(
            f"none of the {len(labelled):,} tiles in '{question.labels}' can be read from "
            f"'{question.images}'{first}"
        )
    notes = Notes()
    for tile in found.unreadable:
        notes.add(shown_name(tile.image_id), f"{tile.reason}; only its ships were compared")
    notes.close("; --json names all")
    numbers: dict[int, int] = {}
    own = {name: numbers.setdefault(groups[name], len(numbers)) for name in table.image_ids}
    return Found(question, table, found, own)


def _read(question: Question) -> LabelTable:
    side = question.tile_size
    table = read_labels(question.labels, shape_hw=(side, side), on_bad_row=question.on_bad_row)
    if table.faults:
        count, first = len(table.faults), table.faults[0]
        note(f"{count:,} rows of '{question.labels}' set aside, the first is {first}")
    if question.exclude is not None:
        kept = without_excluded(table, question.exclude)
        note(f"{len(table) - len(kept):,} tiles left out, as '{question.exclude}' says")
        table = kept
    if not len(table):
        raise UsageError(f"'{question.labels}' leaves no tile to part")
    return table


def write_pairs(path: Path, found: Found) -> None:
    """Write the pairs that share ground: one a row, with shift and evidence."""
    with open_rows(path, ("first", "second", "dx", "dy", "evidence")) as rows:
        for pair in found.search.overlaps:
            dx, dy = pair.shift_xy
            rows.write([(pair.first, pair.second, str(dx), str(dy), pair.evidence)])
