"""The work behind `shipseg prepare`: tiles chosen, their files made, and what came of it told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from shipseg.cli.console import Notes, note, progress
from shipseg.cli.failures import reason_of
from shipseg.cli.outputs import make_folder
from shipseg.cli.prepare_summary import PartCount, PrepareSummary
from shipseg.dataset.prepare import (
    Item,
    Labelled,
    Outcome,
    Parts,
    Plan,
    Request,
    divide_tiles,
    draw,
    find_tiles,
    make_files,
    make_plan,
    open_folder,
)
from shipseg.dataset.source import TileSource
from shipseg.errors import UsageError
from shipseg.imaging.formats import shown_name
from shipseg.labels import OnBadRow, read_labels, without_excluded


@dataclass(frozen=True, slots=True, eq=False)
class ChosenTiles:
    """What will be made, and what cannot be.

    Attributes:
        plan: The tiles and their files.
        missing: Tiles without a file, by part.
    """

    plan: Plan
    missing: Parts


def refuse_foreign(option: str, value: object, belongs_to: str, layout: str) -> None:
    """Refuse an option of another layout.

    Raises:
        UsageError: It was given.
    """
    if value is not None and layout != belongs_to:
        raise UsageError(f"{option} is for the layout '{belongs_to}', found '{layout}'")


def choose_tiles(
    request: Request,
    *,
    images: Path,
    labels: Path,
    split: Path | None,
    exclude: Path | None,
    output: Path,
    val_share: float,
    on_bad_row: OnBadRow,
) -> ChosenTiles:
    """Read labels and split, look which tiles are there, and draw.

    Raises:
        UsageError: A file or folder is not there, or a part has too few tiles.
        BadInputError: The table has faults, or no tile has a file.
    """
    root = output.resolve()
    if root == images.resolve() or root in images.resolve().parents:
        raise UsageError(
            f"the tiles '{images}' lie in the folder that is to be made, '{output}'",
            hint="name another folder with -o",
        )
    table = read_labels(
        labels, shape_hw=(request.tile_size, request.tile_size), on_bad_row=on_bad_row
    )
    if table.faults:
        note(f"{len(table.faults):,} rows of '{labels}' set aside, the first is {table.faults[0]}")
    if exclude is not None:
        kept = without_excluded(table, exclude)
        note(f"{len(table) - len(kept):,} tiles left out, as '{exclude}' says")
        table = kept
    if split is None:
        note(
            f"no split given: a random {100 * val_share:.0f} % of the tiles are 'val'. Where tiles "
            "overlap, the same ships lie on both sides, and scores come out too high; "
            "'shipseg split' makes one that does not leak"
        )
    source = TileSource(images, table)
    parts = divide_tiles(source, split, val_share=val_share, seed=request.seed)
    left_out = len(table) - sum(map(len, parts.values()))
    if left_out:
        note(f"{left_out:,} of {len(table):,} labelled tiles are not in the split, and left out")
    there, missing = find_tiles(source, parts)
    drawn = draw(there, table, request)
    missing = {name: ids for name, ids in missing.items() if name in (request.only or parts)}
    return ChosenTiles(make_plan(request, source, drawn), missing)


class Preparation:
    """One run into a folder."""

    def __init__(self, tiles: ChosenTiles, output: Path, *, skip_missing: bool) -> None:
        """Set up.

        Args:
            tiles: What to make.
            output: The folder.
            skip_missing: Whether tiles without a file are no failures.
        """
        self._plan = tiles.plan
        self._missing = tiles.missing
        self._output = output
        self._skip_missing = skip_missing
        self._notes = Notes()
        self._done: dict[str, list[Labelled]] = {name: [] for name in tiles.plan.parts}
        self.summary = PrepareSummary(
            tiles.plan.request.layout,
            str(output),
            parts={name: PartCount() for name in tiles.plan.parts},
        )

    def run(self, *, workers: int | None = None, overwrite: bool = False) -> PrepareSummary:
        """Make all files, and the tables about them.

        Raises:
            OutputExistsError: The folder holds something else.
            KeyboardInterrupt: What is finished stays, and the next run goes on from there.
        """
        started = perf_counter()
        plan = self._plan
        self._tell_missing()
        make_folder(self._output.parent)
        with open_folder(
            self._output, plan.to_dict(), plan.items, plan.extras, overwrite=overwrite
        ) as folder:
            outcomes = make_files(plan, folder, workers=workers)
            try:
                with progress(outcomes, total=len(plan.items), label="preparing") as running:
                    for outcome in running:
                        self._take(outcome)
            except KeyboardInterrupt:
                done = f"{self.summary.tiles:,} of {len(plan.items):,} tiles"
                note(f"interrupted: {done} are made; the same command goes on from there")
                raise
            finally:
                self._notes.close(f"; see '{self._output / 'failures.csv'}'")
            plan.layout.write_extras(folder.root, self._done, plan.request.size)
            folder.finish(self._items(), self._failures(), self._counts(), plan.extras)
        self._tell_copied()
        self.summary.seconds = perf_counter() - started
        return self.summary

    def _take(self, outcome: Outcome) -> None:
        item, summary = outcome.item, self.summary
        if outcome.error is not None:
            path = self._plan.source.folder / item.image_id
            self._fail(item.image_id, item.part, reason_of(outcome.error, path))
            return
        count = summary.parts[item.part]
        count.tiles += 1
        count.with_ships += item.ships > 0
        count.empty += item.ships == 0
        visible = sum(len(runs) > 0 for runs in outcome.ships)
        count.ships += visible
        summary.vanished_ships += len(outcome.ships) - visible
        summary.kept += outcome.kept
        summary.copied += outcome.copied
        self._done[item.part].append(Labelled(item, outcome.ships))

    def _fail(self, image_id: str, part: str, message: str) -> None:
        self.summary.failed.append({"ImageId": image_id, "part": part, "message": message})
        self._notes.add(shown_name(image_id), message)

    def _tell_missing(self) -> None:
        number = sum(map(len, self._missing.values()))
        if number and self._skip_missing:
            note(f"{number:,} labelled tiles have no file in '{self._plan.source.folder}'")
            return
        for part, image_ids in self._missing.items():
            for image_id in image_ids:
                self._fail(image_id, part, "there is no such file in the folder of tiles")

    def _tell_copied(self) -> None:
        if self.summary.copied:
            note(
                f"{self.summary.copied:,} tiles were copied: '{self._output}' cannot hold links to "
                f"'{self._plan.source.folder}', as on another disk"
            )

    def _items(self) -> Sequence[Item]:
        return [tile.item for tiles in self._done.values() for tile in tiles]

    def _failures(self) -> list[tuple[str, str, str]]:
        rows = [(row["part"], row["ImageId"], row["message"]) for row in self.summary.failed]
        return [(image_id, part, message) for part, image_id, message in sorted(rows)]

    def _counts(self) -> dict[str, Any]:
        parts = {name: asdict(count) for name, count in self.summary.parts.items()}
        return {"parts": parts, "failed": len(self.summary.failed)}
