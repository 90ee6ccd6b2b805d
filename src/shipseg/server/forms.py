"""Forms of an answer, and which one a caller wants."""

from __future__ import annotations

from enum import StrEnum

from shipseg.server.problems import Problem


class Form(StrEnum):
    """The media types that an answer comes in; the first one is for who does not mind."""

    json = "application/json"
    geojson = "application/geo+json"
    png = "image/png"
    csv = "text/csv"


class Layer(StrEnum):
    """The pictures that `image/png` can be."""

    mask = "mask"
    overlay = "overlay"
    probability = "probability"
    picture = "picture"


def wanted_form(accept: str | None) -> Form:
    """Choose the form that an Accept header asks for (RFC 9110, 12.5.1).

    Args:
        accept: The header; None and empty mean that anything will do.

    Raises:
        Problem: None of the forms will do.
    """
    ranges = [_range(part) for part in (accept or "*/*").split(",") if part.strip()]
    best: tuple[float, Form] | None = None
    for form in Form:
        quality = _quality(form, ranges)
        if quality > 0 and (best is None or quality > best[0]):
            best = (quality, form)
    if best is None:
        raise Problem("not-acceptable", f"the Accept header allows none of {', '.join(Form)}")
    return best[1]


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = float(parameter[2:])
            except ValueError:
                quality = 0.0
            # NaN compares as False.
            return media, quality if 0 <= quality <= 1 else 0.0
    return media, 1.0


def _quality(form: Form, ranges: list[tuple[str, float]]) -> float:
    """Give the quality that the most specific range has for a form."""
    for pattern in (form.value, f"{form.value.partition('/')[0]}/*", "*/*"):
        for media, quality in ranges:
            if media == pattern:
                return quality
    return 0.0
