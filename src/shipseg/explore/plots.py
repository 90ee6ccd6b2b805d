"""The plots of the report, from the figures."""

from __future__ import annotations

from shipseg.explore.charts import (
    Label,
    columns_plot,
    compare_plot,
    heat_plot,
    histogram_plot,
    percent,
    rose_plot,
    shares_plot,
)
from shipseg.explore.figures import THIN_PX, Coverage, Figures, Measure, SizeClass
from shipseg.explore.looks import LookFigures
from shipseg.explore.marks import Plot

# More columns than this cannot be read; the last one then holds the rest.
_MOST_COLUMNS = 16


def plots_of(figures: Figures, looks: LookFigures | None = None) -> list[Plot]:
    """Draw all plots of a report, in its order.

    Args:
        figures: Of the label table.
        looks: Of the tiles' pixels, where they were read.
    """
    plots = [_tiles(figures), _ships_per_tile(figures)]
    if figures.tiles.ships:
        plots += [
            _area(figures),
            _side("length", figures.length, "Ship length"),
            _side("width", figures.width, "Ship width"),
            _headings(figures),
            _positions(figures),
            _cover(figures.coverage),
            _classes(figures.coverage),
            _shrinks(figures),
        ]
    if looks is not None and looks.tiles:
        plots += [_look(looks, "brightness"), _look(looks, "sharpness")]
    return plots


def _tiles(figures: Figures) -> Plot:
    tiles, coverage = figures.tiles, figures.coverage
    empty = tiles.total - tiles.with_ships
    alt = (
        f"{tiles.with_ships:,} of {tiles.total:,} tiles hold ships, {empty:,} do not; "
        f"{coverage.ship_px:,} of {coverage.all_px:,} pixels are ship."
    )
    lines = [
        ("tiles", [("with ships", tiles.with_ships), ("without", empty)]),
        ("pixels", [("ship", coverage.ship_px), ("other", coverage.all_px - coverage.ship_px)]),
        (
            "pixels of tiles with ships",
            [("ship", coverage.ship_px), ("other", coverage.ship_tiles_px - coverage.ship_px)],
        ),
    ]
    label = Label("tiles", "Tiles and pixels, with ship and without", alt)
    return shares_plot(label, lines, of=("tiles", "pixels", "pixels"))


def _ships_per_tile(figures: Figures) -> Plot:
    counts = list(figures.tiles.by_ships[1:]) or [0]
    names = [str(n) for n in range(1, len(counts) + 1)]
    if len(counts) > _MOST_COLUMNS:
        counts = [*counts[: _MOST_COLUMNS - 1], sum(counts[_MOST_COLUMNS - 1 :])]
        names = [*names[: _MOST_COLUMNS - 1], f"{_MOST_COLUMNS}+"]
    most = len(figures.tiles.by_ships) - 1
    alt = f"Of the tiles with ships, {counts[0]:,} hold one ship; the most in one tile is {most}."
    label = Label("ships_per_tile", "Ships per tile, of tiles with ships", alt)
    return columns_plot(label, names, counts, axis="ships in the tile", of="tiles")


def _area(figures: Figures) -> Plot:
    px, ground = figures.area.px, figures.area.ground
    alt = (
        f"The median ship covers {ground.median:,.0f} m² ({px.median:,.0f} px); 90 % lie between "
        f"{ground.p05:,.0f} and {ground.p95:,.0f} m²; least {px.least:,.0f} px, "
        f"most {px.most:,.0f} px."
    )
    label = Label("area", "Ship area", alt)
    return histogram_plot(label, figures.area.histogram, axis="area in m², logarithmic", unit="m²")


def _side(name: str, side: Measure, title: str) -> Plot:
    px, ground = side.px, side.ground
    if ground.median is None:
        alt = "No ship lies whole inside its tile."
    else:
        alt = (
            f"The median {name} is {ground.median:.0f} m ({px.median:.0f} px); 90 % lie between "
            f"{ground.p05:.0f} and {ground.p95:.0f} m. Ships cut by the tile's edge are left out."
        )
    return histogram_plot(Label(name, title, alt), side.histogram, axis=f"{name} in m", unit="m")


def _headings(figures: Figures) -> Plot:
    headings = figures.headings
    alt = f"Headings of {headings.ships:,} ships at least twice as long as wide. "
    if headings.strength is not None:
        alt += (
            f"Mean direction {headings.mean_deg:.0f}°, strength {headings.strength:.2f} "
            "(0: all directions alike, 1: all the same)."
        )
    label = Label("heading", "Where ships point", alt)
    return rose_plot(label, headings.histogram, of="ships")


def _positions(figures: Figures) -> Plot:
    positions = figures.positions
    side = len(positions.grid)
    alt = f"Centres of ships on a grid of {side} by {side} cells over the tile. "
    if positions.rim_to_inside is not None:
        alt += f"Cells at the rim hold {positions.rim_to_inside:.2f} times as many as those inside."
    label = Label("positions", "Where ships lie in the tile", alt)
    return heat_plot(label, positions.grid, of="ships")


def _cover(coverage: Coverage) -> Plot:
    of_tile = coverage.of_ship_tile
    assert of_tile.median is not None  # drawn only where there are ships
    assert of_tile.most is not None
    alt = (
        f"In half of the tiles with ships they cover less than {percent(of_tile.median)}; "
        f"the most is {percent(of_tile.most)}."
    )
    label = Label("cover", "Share of a tile that its ships cover", alt)
    axis = "percent of the tile, logarithmic"
    return histogram_plot(label, coverage.histogram, axis=axis, unit="%", of="tiles")


def _classes(coverage: Coverage) -> Plot:
    classes = coverage.size_classes
    ships = [(size.name, size.ships) for size in classes]
    pixels = [(size.name, size.pixels) for size in classes]
    alt = "; ".join(
        f"{size.name} ({_span(size)}): {size.ships:,} ships with {size.pixels:,} pixels"
        for size in classes
    )
    label = Label("size_classes", "Ships and their pixels, by size class", f"{alt}.")
    lines = [("ships", ships), ("ship pixels", pixels)]
    return shares_plot(label, lines, of=("ships", "pixels"))


def _shrinks(figures: Figures) -> Plot:
    shrinks = figures.shrinks
    parts = ", ".join(f"{shrink.thin:,} at {shrink.side_px} px" for shrink in shrinks)
    alt = f"Ships narrower than {THIN_PX:g} px, of {figures.tiles.ships:,}: {parts}."
    title = f"Ships narrower than {THIN_PX:g} px where tiles are made smaller"
    names = [f"{shrink.side_px} px" for shrink in shrinks]
    return columns_plot(
        Label("shrink", title, alt),
        names,
        [shrink.thin for shrink in shrinks],
        axis="width of the tile",
        of="ships",
        total=figures.tiles.ships,
    )


def _span(size: SizeClass) -> str:
    if size.most_px is None:
        return f"over {size.least_px - 1:,} px"
    return f"{size.least_px:,}–{size.most_px:,} px"


def _look(looks: LookFigures, name: str) -> Plot:
    bright = name == "brightness"
    spread = looks.brightness if bright else looks.sharpness
    title = "Brightness of tiles" if bright else "Sharpness of tiles"
    axis = "mean grey value, 0 to 255" if bright else "variance of the Laplacian, logarithmic"
    alt = (
        f"Median {spread.with_ships.median or 0:.0f} for tiles with ships, "
        f"{spread.without.median or 0:.0f} for tiles without."
    )
    groups = [
        ("with ships", spread.counts_with_ships),
        ("without", spread.counts_without),
    ]
    return compare_plot(Label(name, title, alt), spread.edges, groups, axis=axis)
