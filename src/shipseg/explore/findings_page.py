"""The audit's page: what was found, kind by kind, with pictures of the first of each."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from shipseg.dataset.audit import KINDS, Audit, Finding
from shipseg.dataset.audit.findings import Window
from shipseg.errors import ShipsegError
from shipseg.explore.page import resource, table
from shipseg.explore.samples import outline_path, picture_uri
from shipseg.imaging.decode import decode_tile
from shipseg.labels import LabelTable

PICTURES_PER_KIND = 12
_ROWS_PER_KIND = 100
_PICTURE_PX = 300
_SIGNS = {"error": "✕", "warning": "!", "info": "i"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A part of a tile with the outlines of its labels.

    Attributes:
        image_id: The tile.
        window_xyxy: The part.
        uri: Data URI of a JPEG.
        outline: SVG path, in the tile's pixels.
    """

    image_id: str
    window_xyxy: Window
    uri: str
    outline: str


def shown_findings(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Group findings by kind, in the order of the kinds, those without a finding left out."""
    groups: dict[str, list[Finding]] = {code: [] for code in KINDS}
    for finding in findings:
        groups[finding.code].append(finding)
    return {code: group for code, group in groups.items() if group}


def pictures_of(finding: Finding, folder: Path, labels: LabelTable) -> list[Picture]:
    """Read what a finding shows: one tile, or two; without what cannot be read."""
    wanted = [(finding.image_id, finding.window_xyxy)]
    if finding.other:
        wanted.append((finding.other, finding.other_xyxy))
    pictures = (_picture(name, window, folder, labels) for name, window in wanted)
    return [picture for picture in pictures if picture is not None]


def _picture(
    image_id: str, window: Window | None, folder: Path, labels: LabelTable
) -> Picture | None:
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
    return Picture(image_id, window, picture_uri(rgb[y0:y1, x0:x1], _PICTURE_PX), outline)


def render_findings(
    audit: Audit,
    pictures: Mapping[Finding, Sequence[Picture]],
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
    script = resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return Template(resource("findings.html")).substitute(
        title=escape(f"Audit of {source}"),
        lead=escape(_lead(audit)),
        style=resource("page.css"),
        script=script,
        hash=digest,
        stats="\n".join(_stats(audit, excluded)),
        overview=_overview(groups),
        sections="\n".join(_section(code, group, pictures) for code, group in groups.items()),
        foot=escape(
            f"Made by shipseg {version} (shipseg audit). All findings are in findings.csv, the "
            "tiles to leave out in exclusions.csv."
        ),
    )


def _lead(audit: Audit) -> str:
    text = f"{audit.tiles:,} tiles and {audit.table.ship_count:,} ships were looked at"
    if audit.pairs is not None:
        text += f", and {audit.pairs:,} pairs of tiles that share ground compared"
    return text + ("." if audit.findings else ". Nothing was found.")


def _stats(audit: Audit, excluded: int) -> Iterator[str]:
    for severity in _SIGNS:
        count = sum(finding.severity == severity for finding in audit.findings)
        name = {"error": "errors", "warning": "warnings", "info": "remarks"}[severity]
        yield (
            f'<div class="stat {severity}"><dt>{name}</dt><dd><strong>{count:,}</strong></dd></div>'
        )
    yield (
        f'<div class="stat"><dt>tiles to leave out</dt><dd><strong>{excluded:,}</strong>'
        "<span>exclusions.csv</span></dd></div>"
    )


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
    code: str, group: Sequence[Finding], pictures: Mapping[Finding, Sequence[Picture]]
) -> str:
    kind = KINDS[code]
    figures = "".join(
        _figure(finding, picture)
        for finding in group
        if finding in pictures
        for picture in pictures[finding]
    )
    tiles = f'<div class="tiles">{figures}</div>' if figures else ""
    return (
        f'<section id="{code}"><h2>{_badge(code)}{escape(kind.title)} ({len(group):,})</h2>'
        f"<p>{escape(kind.means)}</p>{tiles}{_listing(group, pictures)}</section>"
    )


def _listing(group: Sequence[Finding], pictures: Mapping[Finding, Sequence[Picture]]) -> str:
    """List the findings of a kind, unless each has its picture, which says the same."""
    if all(pictures.get(finding) for finding in group):
        return ""
    rows = [
        (f"{finding.row or ''}", finding.image_id, finding.reason)
        for finding in group[:_ROWS_PER_KIND]
    ]
    left = len(group) - len(rows)
    more = f"<p>and {left:,} more in findings.csv</p>" if left > 0 else ""
    return f'<div class="words">{table(("Row", "ImageId", "Reason"), rows)}{more}</div>'


def _figure(finding: Finding, picture: Picture) -> str:
    x0, y0, x1, y1 = picture.window_xyxy
    name = escape(picture.image_id)
    about = picture.image_id == finding.image_id
    row = f"row {finding.row}: " if finding.row is not None else ""
    reason = escape(f"{row}{finding.reason}" if about else f"beside '{finding.image_id}'")
    return (
        f'<figure class="tile"><button type="button" aria-label="Enlarge {name}">'
        f'<svg viewBox="{x0} {y0} {x1 - x0} {y1 - y0}" role="img" aria-label="{name}: {reason}">'
        f'<image x="{x0}" y="{y0}" width="{x1 - x0}" height="{y1 - y0}" href="{picture.uri}"/>'
        f'<path class="outline" d="{picture.outline}"/></svg></button>'
        f"<figcaption><strong>{name}</strong><span>{reason}</span></figcaption></figure>"
    )
