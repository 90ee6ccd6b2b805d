"""The work behind `shipseg audit`: look, write, judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from shipseg import __version__
from shipseg.cli.console import printable, progress
from shipseg.dataset.audit import (
    SEVERITIES,
    Audit,
    Finding,
    Limits,
    Severity,
    at_or_above,
    audit,
)
from shipseg.errors import QualityGateError
from shipseg.explore.findings_page import (
    PICTURES_PER_KIND,
    pictures_of,
    render_findings,
    shown_findings,
)
from shipseg.explore.frame import TileView
from shipseg.files import atomic_write_text
from shipseg.parallel import in_order, worker_count
from shipseg.writers.rows import open_rows

_HEADER = ("severity", "code", "ImageId", "row", "reason", "other")


@dataclass(frozen=True, slots=True)
class Call:
    """What the command line said."""

    labels: Path
    images: Path
    output: Path
    exclude_from: Severity
    tiny_px: int
    overlaps: bool
    tile_size: int
    stride: int
    workers: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What came of it.

    Attributes:
        audit: What was found.
        excluded: Tiles on the exclusion list.
        document: All of it, ready for JSON.
    """

    audit: Audit
    excluded: int
    document: dict[str, Any]


def targets(folder: Path) -> list[Path]:
    """List what the command writes."""
    return [folder / name for name in ("findings.csv", "exclusions.csv", "audit.html")]


def audit_tiles(call: Call, *, quiet: bool, prepare: Callable[[], object]) -> Outcome:
    """Audit, and write tables and page.

    Args:
        call: What to read and where to write.
        quiet: Show no progress.
        prepare: Called before anything is written.
    """
    limits = Limits((call.tile_size, call.tile_size), call.stride, call.tiny_px)
    found = audit(
        call.labels,
        call.images,
        limits=limits,
        overlaps=call.overlaps,
        workers=call.workers,
        watch=partial(progress, quiet=quiet),
    )
    excluded = exclusions_of(found.findings, call.exclude_from)
    pictures = _pictures(call, found)
    page = render_findings(
        found,
        pictures,
        source=printable(call.labels.name),
        excluded=len({finding.image_id for finding in excluded}),
        version=__version__,
    )
    prepare()
    with open_rows(call.output / "findings.csv", _HEADER) as rows:
        rows.write(map(_cells, found.findings))
    with open_rows(call.output / "exclusions.csv", ("ImageId", "code", "reason")) as rows:
        rows.write((finding.image_id, finding.code, finding.reason) for finding in excluded)
    atomic_write_text(call.output / "audit.html", page)
    tiles = len({finding.image_id for finding in excluded})
    return Outcome(found, tiles, _document(call, found, tiles))


def exclusions_of(findings: Sequence[Finding], severity: Severity) -> list[Finding]:
    """Choose the findings whose tiles are to be left out; of two tiles the later one."""
    grave = at_or_above(severity)
    return [finding for finding in findings if finding.severity in grave and finding.image_id]


def _pictures(call: Call, found: Audit) -> Mapping[Finding, Sequence[TileView]]:
    chosen = [
        finding
        for group in shown_findings(found.findings).values()
        for finding in group[:PICTURES_PER_KIND]
    ]
    load = partial(pictures_of, folder=call.images, labels=found.table)
    loaded = in_order(load, chosen, worker_count(call.workers))
    return dict(zip(chosen, loaded, strict=True))


def _cells(finding: Finding) -> tuple[str, ...]:
    row = "" if finding.row is None else str(finding.row)
    reason = " ".join(printable(finding.reason).split())
    return (finding.severity, finding.code, finding.image_id, row, reason, finding.other)


def _document(call: Call, found: Audit, excluded: int) -> dict[str, Any]:
    return {
        "labels": str(call.labels),
        "images": str(call.images),
        "tiles": found.tiles,
        "ships": found.table.ship_count,
        "overlapping_pairs": found.pairs,
        "severities": _severities(found),
        "codes": dict(Counter(finding.code for finding in found.findings)),
        "excluded_tiles": excluded,
        "outputs": [str(path) for path in targets(call.output)],
        "findings": [
            dict(zip(_HEADER, _cells(finding), strict=True)) | {"row": finding.row}
            for finding in found.findings
        ],
    }


def _severities(found: Audit) -> dict[str, int]:
    counts = Counter(finding.severity for finding in found.findings)
    return {severity: counts[severity] for severity in SEVERITIES}


def headline(outcome: Outcome, folder: Path) -> list[tuple[str, str]]:
    """Give the counts of each kind, and where the rest is, as lines for the terminal."""
    found = outcome.audit
    lines = [("tiles", f"{found.tiles:,}")]
    if found.pairs is not None:
        lines.append(("pairs", f"{found.pairs:,} that share ground"))
    counts = Counter((finding.severity, finding.code) for finding in found.findings)
    lines += [(code, f"{count:,} ({severity})") for (severity, code), count in counts.items()]
    lines.append(("left out", f"{outcome.excluded:,} tiles, in {folder / 'exclusions.csv'}"))
    return [*lines, ("page", str(folder / "audit.html"))]


def judge(outcome: Outcome, severity: Severity | None) -> None:
    """Fail where something at least this grave was found.

    Raises:
        QualityGateError: It was.
    """
    if severity is None:
        return
    grave = at_or_above(severity)
    count = sum(finding.severity in grave for finding in outcome.audit.findings)
    if count:
        raise QualityGateError(
            f"{count:,} findings are at or above '{severity}', expected none",
            hint="findings.csv names them; --fail-on sets what is grave enough",
        )
