"""What the figures mean for training: sentences worked out from them, and none without a number."""

from __future__ import annotations

from dataclasses import dataclass

from shipseg.explore.charts import percent
from shipseg.explore.figures import THIN_PX, Figures
from shipseg.explore.looks import LookFigures


@dataclass(frozen=True, slots=True)
class Advice:
    """What a figure means.

    Attributes:
        topic: Two or three words.
        finding: What is so.
        means: What to do about it, or what to expect.
    """

    topic: str
    finding: str
    means: str


def advice_of(figures: Figures, looks: LookFigures | None = None) -> list[Advice]:
    """Say what the figures mean for training, the weightiest first."""
    if not figures.tiles.total:
        return [Advice("No tiles", "The table holds no tile.", "There is nothing to train on.")]
    if not figures.tiles.ships:
        return [
            Advice(
                "No ships",
                f"None of {figures.tiles.total:,} tiles holds a ship.",
                "A gate can learn only from both kinds of tiles, and a segmenter needs masks.",
            )
        ]
    found = [
        _balance(figures),
        _pixels(figures),
        _shrink(figures),
        _large_ships(figures),
        _crops(figures),
        _instances(figures),
        _headings(figures),
        _positions(figures),
        _edges(figures),
        _faults(figures),
        *_looks(figures, looks),
    ]
    return [advice for advice in found if advice is not None]


def _balance(figures: Figures) -> Advice:
    tiles = figures.tiles
    empty = tiles.total - tiles.with_ships
    common = max(empty, tiles.with_ships) / tiles.total
    answer = "no ship" if empty >= tiles.with_ships else "ship"
    finding = f"{tiles.with_ships:,} of {tiles.total:,} tiles hold a ship, {_share(figures)}."
    if common < 0.6:
        means = "Both kinds are about as frequent: a gate needs no weights for them."
    else:
        means = (
            f"A gate that always answers '{answer}' is right on {percent(common)} of the tiles, so "
            "accuracy says little: judge by recall and false alarms, and choose the threshold "
            "from the recall you need."
        )
    if empty > 2 * tiles.with_ships:
        means += (
            f" There are {empty / tiles.with_ships:.1f} empty tiles for each with a ship; draw the "
            "two kinds at fixed shares in each epoch."
        )
    return Advice("Balance of tiles", finding, means)


def _share(figures: Figures) -> str:
    return percent(figures.tiles.with_ships / figures.tiles.total)


def _pixels(figures: Figures) -> Advice:
    coverage = figures.coverage
    own = coverage.ship_px / coverage.ship_tiles_px
    finding = (
        f"{percent(coverage.ship_px / coverage.all_px)} of all pixels are ship, and "
        f"{percent(own)} in the tiles that hold one: {1 / own:,.0f} pixels for each of a ship."
    )
    if own < 0.05:
        means = (
            "Cross-entropy alone is nearly minimal for an empty mask. Add a Dice or Tversky "
            "loss, train on crops around ships, and never report pixel accuracy."
        )
    else:
        means = "Masks are large enough for cross-entropy alone to learn from whole tiles."
    return Advice("Balance of pixels", finding, means)


def _shrink(figures: Figures) -> Advice:
    ships = figures.tiles.ships
    shares = [(shrink, shrink.thin / ships) for shrink in figures.shrinks]
    parts = [f"{percent(share)} at {shrink.side_px} px" for shrink, share in shares]
    finding = (
        f"Ships narrower than {THIN_PX:g} pixels: {', '.join(parts[:-1])} and {parts[-1]} "
        "tile width."
    )
    worst = next((shrink for shrink, share in shares[1:] if share > 0.1), None)
    if worst is None:
        means = "Tiles can be shrunk without losing many hulls."
    else:
        means = (
            f"Masks from tiles shrunk to {worst.side_px} px lose their small ships: train and "
            "predict the segmenter at full resolution on crops; only the gate may see less."
        )
    return Advice("Resolution", finding, means)


def _large_ships(figures: Figures) -> Advice | None:
    coverage, ships = figures.coverage, figures.tiles.ships
    small = coverage.size_classes[0]
    if coverage.top_tenth is None:
        return None
    finding = (
        f"The largest tenth of the ships holds {percent(coverage.top_tenth)} of all ship pixels; "
        f"ships under {small.most_px + 1 if small.most_px else 0} px are "
        f"{percent(small.ships / ships)} of the ships and "
        f"{percent(small.pixels / coverage.ship_px)} of their pixels."
    )
    means = (
        "A loss and a score over pixels follow the large ships. Watch recall by size class and "
        "the score per ship as well"
    )
    means += ", and draw crops by ship rather than by pixel." if coverage.top_tenth > 0.3 else "."
    return Advice("Sizes", finding, means)


def _crops(figures: Figures) -> Advice | None:
    side = figures.crop_px
    if figures.crop_hit is None or side >= min(figures.tiles.height_px, figures.tiles.width_px):
        return None
    finding = (
        f"A random crop of {side} px from a ship's tile touches that ship with a chance of "
        f"{percent(figures.crop_hit)}."
    )
    if figures.crop_hit < 0.5:
        means = (
            f"About {1 / figures.crop_hit:.0f} random crops are drawn for each that shows the "
            "ship: place crops around ships, and add empty ones on purpose."
        )
    else:
        means = "Random crops show ships often enough."
    return Advice("Crops", finding, means)


def _instances(figures: Figures) -> Advice:
    tiles = figures.tiles
    single = tiles.by_ships[1] / tiles.with_ships
    many = sum(tiles.by_ships[5:])
    finding = (
        f"{percent(single)} of the tiles with ships hold one ship; {many:,} hold five or more, "
        f"at most {len(tiles.by_ships) - 1}."
    )
    if many or single < 0.5:
        means = (
            "Scores over whole tiles count a harbour as much as a lone ship. Tiles with many "
            "ships are where ships touch: check there that instances are told apart."
        )
    else:
        means = "Telling ships apart matters little here: one mask per tile is mostly one ship."
    return Advice("Ships per tile", finding, means)


def _headings(figures: Figures) -> Advice | None:
    headings = figures.headings
    if headings.strength is None or headings.mean_deg is None or headings.ships < 30:
        return None
    finding = (
        f"Headings of {headings.ships:,} long ships: mean {headings.mean_deg:.0f}°, "
        f"strength {headings.strength:.2f} of 1."
    )
    if headings.strength < 0.1:
        means = "All directions are alike: flips and quarter turns are free extra data."
    else:
        means = (
            f"Ships along {headings.mean_deg:.0f}° are more frequent than others: flips and "
            "quarter turns even that out, so use them unless the scenes to come lean the same way."
        )
    return Advice("Directions", finding, means)


def _positions(figures: Figures) -> Advice | None:
    positions = figures.positions
    cells = len(positions.grid) ** 2
    if positions.unevenness is None or figures.tiles.ships < 2 * cells:
        return None
    finding = (
        f"Inside the rim, counts per cell vary {positions.unevenness:.1f} times as much as chance "
        f"alone makes them; a cell at the rim holds {positions.rim_to_inside:.2f} times the "
        "ships of one inside, for a hull cut by the edge has its centre further in."
    )
    if positions.unevenness < 3:
        means = "Tiles were cut without regard for ships: where a ship lies says nothing."
    else:
        means = (
            "Tiles were cut with an eye on ships: a network can learn where to look. Shift crops "
            "at random, and test on tiles cut in another way."
        )
    return Advice("Positions", finding, means)


def _edges(figures: Figures) -> Advice | None:
    cut, ships = figures.positions.cut, figures.tiles.ships
    if not cut:
        return None
    finding = f"{cut:,} ships, {percent(cut / ships)}, touch the edge of their tile."
    means = (
        "Their lengths and areas are lower bounds; length and width above leave them out. A model "
        "sees parts of hulls in training, and on a scene needs windows that overlap."
    )
    return Advice("Cut ships", finding, means)


def _faults(figures: Figures) -> Advice | None:
    if not figures.faults:
        return None
    return Advice(
        "Label faults",
        f"{figures.faults:,} rows of the table are faulty and set aside, and so are their tiles.",
        "All figures are without them. Correct the table before training: a mask that lacks a "
        "ship teaches the segmenter to overlook it.",
    )


def _looks(figures: Figures, looks: LookFigures | None) -> list[Advice]:
    if looks is None or not looks.tiles:
        return []
    return [
        advice
        for advice in (_brightness(looks), _unreadable(looks), _sizes(figures, looks))
        if advice is not None
    ]


def _brightness(looks: LookFigures) -> Advice | None:
    ships, without = looks.brightness.with_ships, looks.brightness.without
    if ships.median is None or without.median is None:
        return None
    gap = ships.median - without.median
    finding = (
        f"The median brightness is {ships.median:.0f} for tiles with ships and "
        f"{without.median:.0f} for those without; the sharpness "
        f"{looks.sharpness.with_ships.median:.0f} and {looks.sharpness.without.median:.0f}."
    )
    if abs(gap) > 15:
        means = (
            "A gate can guess from the brightness alone: vary brightness and contrast in training, "
            "and look at its mistakes on bright empty tiles and dark tiles with ships."
        )
    else:
        means = "Brightness alone tells little of whether there is a ship, as it should."
    return Advice("Light", finding, means)


def _unreadable(looks: LookFigures) -> Advice | None:
    if not looks.unreadable and not looks.missing:
        return None
    return Advice(
        "Files",
        f"{len(looks.unreadable):,} tiles cannot be read, and {looks.missing:,} have no file.",
        "Run shipseg audit and exclude them, or training will stop or skip there.",
    )


def _sizes(figures: Figures, looks: LookFigures) -> Advice | None:
    expected = f"{figures.tiles.height_px} × {figures.tiles.width_px}"
    odd = {size: count for size, count in looks.sizes.items() if size != expected}
    if not odd:
        return None
    named = ", ".join(f"{count:,} of {size} px" for size, count in list(odd.items())[:3])
    return Advice(
        "Tile sizes",
        f"Tiles of other sizes than {expected} px: {named}.",
        "Their masks do not fit their pixels: name the right --tile-size, or exclude them.",
    )
