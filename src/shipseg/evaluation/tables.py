"""Tables of figures for the terminal."""

from __future__ import annotations

from rich.table import Table

from shipseg.evaluation.estimates import Estimate


def figures_table(title: str, first: str, *others: str) -> Table:
    """Begin a table: names at the left, figures at the right.

    Args:
        title: Stands above it.
        first: Header of the names.
        others: Headers of the figures.
    """
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def show_estimate(estimate: Estimate, form: str = "{:.3f}") -> str:
    """Write a figure with its interval, where it has one; a dash where it is undefined.

    Args:
        estimate: The figure.
        form: How each number is written.

    Examples:
        >>> show_estimate(Estimate(0.5, 0.25, 1.0))
        '0.500 [0.250, 1.000]'
        >>> show_estimate(Estimate(None))
        '–'
    """
    if estimate.value is None:
        return "–"
    value = form.format(estimate.value)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{form.format(estimate.low)}, {form.format(estimate.high)}]"
