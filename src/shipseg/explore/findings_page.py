"""The audit's page: what was found, kind by kind, with pictures of the first of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from shipseg.dataset.audit import KINDS, SEVERITIES, Audit, Finding
from shipseg.errors import ShipsegError
from shipseg.explore.frame import (
    OUTLINES,
    Stat,
    TileView,
    Window,
    render_frame,
    table,
    tiles,
)
from shipseg.explore.samples import outline_path, picture_uri
from shipseg.imaging.decode import decode_tile
from shipseg.labels import LabelTable

PICTURES_PER_KIND = 12
_ROWS_PER_KIND = 100
_PICTURE_PX = 300
_SIGNS = {"error": "✕", "warning": "!", "info": "i"}


def shown_findings(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Group findings by kind, in the order of the kinds, those without a finding left out."""
    groups: dict[str, list[Finding]] = {code: [] for code in KINDS}
    for finding in findings:
        groups[finding.code].append(finding)
    return {code: group for code, group in groups.items() if group}


def pictures_of(finding: Finding, folder: Path, labels: LabelTable) -> list[TileView]:
    """Read what a finding shows: one tile, or two; without what cannot be read."""
    row = f"row {finding.row}: " if finding.row is not None else ""
    wanted = [(finding.image_id, finding.window_xyxy, f"{row}{finding.reason}")]
    if finding.other:
        wanted.append((finding.other, finding.other_xyxy, f"beside '{finding.image_id}'"))
    pictures = (_picture(*view, folder, labels) for view in wanted)
    return [picture for picture in pictures if picture is not None]


def _picture(
    image_id: str, window: Window | None, caption: str, folder: Path, labels: LabelTable
) -> TileView | None:
    try:
        # A name with a separator comes from a faulty row; no such file lies in the folder.
        if Path(image_id).name != image_id:
            return None
        rgb = decode_tile((folder / image_id).read_bytes(), name=image_id)
    except (ShipsegError, OSError, ValueError):
        return None
    fits = rgb.shape[:2] == labels.shape_hw
    if window is None or not fits:
        window = (0, 0, rgb.shape[1], rgb.shape[0])
    x0, y0, x1, y1 = window
    outline = ""
    if fits and image_id in labels:
        runs = labels.ships_of(image_id)
        outline = "".join(outline_path(ship, labels.shape_hw, window) for ship in runs)
    picture = picture_uri(rgb[y0:y1, x0:x1], _PICTURE_PX)
    return TileView(image_id, window, caption, picture, outline)


def render_findings(
    audit: Audit,
    pictures: Mapping[Finding, Sequence[TileView]],
    *,
    source: str,
    excluded: int,
    version: str,
) -> str:
    """Render the page; all text is escaped.

    Args:
        audit: What was found.
        pictures: Of some findings.
        source: Name of the label table.
        excluded: Tiles in the exclusion list.
        version: Of the program.
    """
    groups = shown_findings(audit.findings)
    sections = (_section(code, group, pictures) for code, group in groups.items())
    overview = f"<section>\n<h2>What was found</h2>\n{_overview(groups)}\n</section>"
    return render_frame(
        title=f"Audit of {source}",
        lead=_lead(audit),
        stats=_stats(audit, excluded),
        body="\n".join([overview, OUTLINES, *sections]),
        foot=(
            f"Made by shipseg {version} (shipseg audit). All findings are in findings.csv, the "
            "tiles to leave out in exclusions.csv."
        ),
    )


def _lead(audit: Audit) -> str:
    text = f"{audit.tiles:,} tiles and {audit.table.ship_count:,} ships were looked at"
    if audit.pairs is not None:
        text += f", and {audit.pairs:,} pairs of tiles that share ground compared"
    return text + ("." if audit.findings else ". Nothing was found.")


def _stats(audit: Audit, excluded: int) -> list[Stat]:
    names = {"error": "errors", "warning": "warnings", "info": "remarks"}
    counts = Counter(finding.severity for finding in audit.findings)
    stats = [Stat(f"{counts[level]:,}", names[level], kind=level) for level in SEVERITIES]
    return [*stats, Stat(f"{excluded:,}", "tiles to leave out", "exclusions.csv")]


def _overview(groups: Mapping[str, Sequence[Finding]]) -> str:
    rows = "".join(
        f'<tr><td>{_badge(code)}<a href="#{code}">{escape(KINDS[code].title)}</a></td>'
        f"<td><code>{code}</code></td><td>{len(group):,}</td></tr>"
        for code, group in groups.items()
    )
    if not rows:
        return "<p>Nothing was found.</p>"
    head = '<th scope="col">kind</th><th scope="col">code</th><th scope="col">findings</th>'
    return (
        f'<div class="wide whole words"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _badge(code: str) -> str:
    severity = KINDS[code].severity
    return f'<span class="badge {severity}" title="{severity}">{_SIGNS[severity]}</span>'


def _section(
    code: str, group: Sequence[Finding], pictures: Mapping[Finding, Sequence[TileView]]
) -> str:
    kind = KINDS[code]
    views = [view for finding in group for view in pictures.get(finding, ())]
    return (
        f'<section id="{code}"><h2>{_badge(code)}{escape(kind.title)} ({len(group):,})</h2>'
        f"<p>{escape(kind.means)}</p>{tiles(views)}{_listing(group, pictures)}</section>"
    )


def _listing(group: Sequence[Finding], pictures: Mapping[Finding, Sequence[TileView]]) -> str:
    """List the findings of a kind, unless each has its picture, which says the same."""
    if all(pictures.get(finding) for finding in group):
        return ""
    rows = [
        (f"{finding.row or ''}", finding.image_id, finding.reason)
        for finding in group[:_ROWS_PER_KIND]
    ]
    left = len(group) - len(rows)
    more = f"<p>and {left:,} more in findings.csv</p>" if left > 0 else ""
    return table(("Row", "ImageId", "Reason"), rows, kind="words") + more
