"""The whole audit: rows, files, pixels, pairs."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shipseg.dataset.audit.findings import Finding, sort_findings
from shipseg.dataset.audit.pairs import Labels, exact_duplicates, overlap_findings
from shipseg.dataset.audit.rows import fault_findings, rows_of_ships, ship_findings
from shipseg.dataset.audit.tiles import check_tile, file_findings
from shipseg.dataset.overlap import BLOCK_PX, find_overlaps
from shipseg.dataset.overlap.pixels import Watch, unwatched
from shipseg.dataset.ships import measure_ships
from shipseg.errors import BadInputError, UsageError
from shipseg.labels import LabelTable, read_labels
from shipseg.parallel import in_order, worker_count
from shipseg.rle import TILE_HW


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as a fault.

    Attributes:
        shape_hw: Height and width of every tile, in pixels.
        block_px: Stride at which the tiles were cut from their acquisitions.
        tiny_px: Masks below this area are found.
        least_iou: Masks of one ship in two tiles that agree less are found.
    """

    shape_hw: tuple[int, int] = TILE_HW
    block_px: int = BLOCK_PX
    tiny_px: int = 18
    least_iou: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What an audit found.

    Attributes:
        table: The labels without the rows that were set aside.
        findings: The gravest kinds first.
        tiles: Tiles that were read.
        pairs: Pairs of tiles that share ground; None where they were not looked for.
    """

    table: LabelTable
    findings: tuple[Finding, ...]
    tiles: int
    pairs: int | None


def audit(
    labels: Path,
    images: Path,
    *,
    limits: Limits | None = None,
    overlaps: bool = True,
    workers: int | None = None,
    watch: Watch = unwatched,
) -> Audit:
    """Look for what is wrong with tiles and labels.

    Args:
        labels: The label table.
        images: Folder of tiles.
        limits: What counts as a fault.
        overlaps: Whether to look for tiles that share ground, which reads each tile once more.
        workers: Tiles at a time; None takes one per core.
        watch: Shows how far it is.

    Raises:
        UsageError: The table or the folder is not there.
        LabelError: The table is damaged as a whole; faulty rows are findings.
        BadInputError: None of the labelled tiles has a file.
    """
    limits = limits or Limits()
    if not images.is_dir():
        raise UsageError(f"'{images}' is no folder of tiles", hint="name the folder of the files")
    table = read_labels(labels, shape_hw=limits.shape_hw, on_bad_row="skip")
    present = {entry.name for entry in images.iterdir()}
    _expect_tiles(table, present, images)
    ships = measure_ships(table)
    facts = Labels(
        table,
        ships,
        rows_of_ships(labels, table),
        limits.least_iou,
        {image_id: index for index, image_id in enumerate(table.image_ids)},
    )
    found = [*fault_findings(table), *file_findings(table, present)]
    found += ship_findings(table, ships, facts.rows, tiny_px=limits.tiny_px)
    names = _names_to_read(table, present, found)
    check = partial(check_tile, folder=images, shape_hw=limits.shape_hw)
    digests: dict[str, bytes] = {}
    checks = in_order(check, names, worker_count(workers))
    with watch(checks, total=len(names), label="reading tiles") as running:
        for tile in running:
            found += tile.findings
            if tile.digest is not None:
                digests[tile.image_id] = tile.digest
    found += exact_duplicates(digests, table)
    pairs = None
    if overlaps:
        seen = table.subset(name for name in names if name in table)
        search = find_overlaps(seen, images, block_px=limits.block_px, workers=workers, watch=watch)
        pairs = len(search.overlaps)
        found += _new_ones(overlap_findings(facts, search.overlaps), found)
    return Audit(table, tuple(sort_findings(found)), len(names), pairs)


def _expect_tiles(table: LabelTable, present: AbstractSet[str], images: Path) -> None:
    """Refuse a folder that has nothing to do with the labels."""
    if len(table) and present.isdisjoint(table.image_ids):
        raise BadInputError(
            f"none of the {len(table):,} labelled tiles has a file in '{images}'",
            hint="an ImageId is the file's name with its suffix, such as 0a1b2c3d4.jpg",
        )


def _names_to_read(
    table: LabelTable, present: AbstractSet[str], found: Iterable[Finding]
) -> tuple[str, ...]:
    """List labelled tiles, those whose rows were set aside, and those without label, once each."""
    names = [*table.image_ids, *(fault.image_id for fault in table.faults)]
    names += [finding.image_id for finding in found if finding.code == "tile-without-label"]
    return tuple(name for name in dict.fromkeys(names) if name in present)


def _new_ones(found: Iterable[Finding], before: Iterable[Finding]) -> list[Finding]:
    """Leave out near duplicates that are exact ones."""
    exact = {(f.image_id, f.other) for f in before if f.code.startswith("duplicate")}
    return [f for f in found if f.code != "duplicate-near" or (f.image_id, f.other) not in exact]
