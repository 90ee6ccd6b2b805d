"""The work behind `shipseg demo`: draw, find, write, lay out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from shipseg.files import atomic_write_text
from shipseg.imaging.synthetic import SyntheticScene, draw_scene
from shipseg.inference.detector import Detection, Detector
from shipseg.inference.ships import Ship
from shipseg.rle import overlap_area
from shipseg.writers import draw_overlay, open_submission, write_picture
from shipseg.writers.page import PageShip, PageTile, Ring, render_page

# What the drawn pictures have, and what the models are trained on.
_GSD_M = 1.5
# The page draws outlines this far outside the mask, and smooths away the pixels' steps.
_OUTLINE_PX = 1.5
_SMOOTH_PX = 0.6


@dataclass(frozen=True, slots=True)
class Motif:
    """A picture to draw."""

    name: str
    title: str
    ships: int
    coast: bool
    clouds: bool


MOTIFS = (
    Motif("open-sea.png", "Open sea", ships=6, coast=False, clouds=False),
    Motif("coast.png", "Coast", ships=6, coast=True, clouds=False),
    Motif("clouds.png", "Clouds, no ship", ships=0, coast=False, clouds=True),
)


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A drawn picture and what was found in it."""

    motif: Motif
    scene: SyntheticScene
    detection: Detection

    @property
    def hits(self) -> int:
        """Drawn ships that some found one overlaps."""
        return sum(
            any(overlap_area(truth, ship.runs) for ship in self.detection.ships)
            for truth in self.scene.ships
        )

    @property
    def false(self) -> int:
        """Found ships that overlap no drawn one."""
        return sum(
            not any(overlap_area(truth, ship.runs) for truth in self.scene.ships)
            for ship in self.detection.ships
        )


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demonstration came to, and where it is."""

    bundle: str
    tiles: int
    drawn: int
    found: int
    false: int
    seconds: float
    page: str
    submission: str
    labels: str
    overlays: str

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, ready for JSON."""
        return asdict(self)


def targets(folder: Path) -> list[Path]:
    """List what the demonstration writes."""
    return [
        folder / name
        for name in ("index.html", "submission.csv", "labels.csv", "tiles", "overlays")
    ]


def demonstrate(detector: Detector, folder: Path, seed: int) -> DemoResult:
    """Draw the motifs, find their ships, and write tables, pictures and the page.

    Args:
        detector: Finds the ships.
        folder: Exists, with `tiles` and `overlays` in it.
        seed: Of the drawing.
    """
    scenes = [_draw(motif, seed, index) for index, motif in enumerate(MOTIFS)]
    started = perf_counter()
    findings = [
        Finding(motif, scene, detector.predict(scene.rgb, name=motif.name))
        for motif, scene in zip(MOTIFS, scenes, strict=True)
    ]
    seconds = perf_counter() - started
    _write_tables(folder, findings)
    for found in findings:
        write_picture(folder / "tiles" / found.motif.name, found.scene.rgb)
        overlay = draw_overlay(found.scene.rgb, found.detection.ships)
        write_picture(folder / "overlays" / found.motif.name, overlay)
    result = DemoResult(
        bundle=detector.manifest.name,
        tiles=len(findings),
        drawn=sum(len(found.scene.ships) for found in findings),
        found=sum(found.hits for found in findings),
        false=sum(found.false for found in findings),
        seconds=round(seconds, 3),
        page=str(folder / "index.html"),
        submission=str(folder / "submission.csv"),
        labels=str(folder / "labels.csv"),
        overlays=f"{folder / 'overlays'}/",
    )
    atomic_write_text(folder / "index.html", _page(findings, result, folder))
    return result


def _draw(motif: Motif, seed: int, index: int) -> SyntheticScene:
    return draw_scene(
        len(MOTIFS) * seed + index, ships=motif.ships, coast=motif.coast, clouds=motif.clouds
    )


def _write_tables(folder: Path, findings: Sequence[Finding]) -> None:
    with (
        open_submission(folder / "submission.csv") as submission,
        open_submission(folder / "labels.csv") as labels,
    ):
        for found in findings:
            submission.write(found.motif.name, (ship.runs for ship in found.detection.ships))
            labels.write(found.motif.name, found.scene.ships)


def _page(findings: Sequence[Finding], result: DemoResult, folder: Path) -> str:
    return render_page(
        [_page_tile(found) for found in findings],
        title="shipseg demo",
        heading=f"{result.found} of {result.drawn} ships found on {result.tiles} drawn tiles",
        lead=(
            "The pictures are drawn, not taken: sea, coast, clouds and ships come from a seed. The "
            f"model '{result.bundle}' looked at all {result.tiles} in {result.seconds:.2f} s. A "
            "ship counts as found where the mask overlaps it."
        ),
        commands=[
            "shipseg predict my_tiles/ -o out/ --overlays",
            f"shipseg evaluate {folder / 'tiles'} {folder / 'labels.csv'}",
        ],
    )


def _page_tile(found: Finding) -> PageTile:
    detection = found.detection
    drawn = len(found.scene.ships)
    caption = f"Ship probability {detection.ship_probability:.2f}; "
    caption += "passes the gate. " if detection.passed else "stopped at the gate. "
    caption += f"{found.hits} of {drawn} ships found" if drawn else "Nothing to find"
    caption += f", {found.false} false." if found.false else "."
    return PageTile(
        title=found.motif.title,
        caption=caption,
        rgb=found.scene.rgb,
        ships=[_page_ship(ship) for ship in detection.ships],
        truth=[[(float(x), float(y)) for x, y in corners] for corners in found.scene.boxes],
    )


def _page_ship(ship: Ship) -> PageShip:
    return PageShip(
        outline=_outline(ship),
        score=ship.score,
        length_m=ship.length_px * _GSD_M,
        width_m=ship.width_px * _GSD_M,
        heading_deg=ship.heading_deg,
        area_m2=ship.area_px * _GSD_M**2,
    )


def _outline(ship: Ship) -> list[Ring]:
    """Give the rings around a ship, a little outside and without the pixels' steps."""
    around = ship.polygon.buffer(_OUTLINE_PX).simplify(_SMOOTH_PX)
    parts = getattr(around, "geoms", [around])
    return [list(ring.coords) for part in parts for ring in (part.exterior, *part.interiors)]


def result_lines(result: DemoResult) -> list[tuple[str, str]]:
    """Say what was found and where it is."""
    false = f", {result.false} false" if result.false else ""
    found = f"{result.found} of {result.drawn} on {result.tiles} drawn tiles{false}"
    return [
        ("ships found", f"{found}, in {result.seconds:.2f} s"),
        ("page", result.page),
        ("overlays", result.overlays),
        ("submission", result.submission),
    ]
