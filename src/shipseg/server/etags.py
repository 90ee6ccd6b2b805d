"""Entity tags: the same picture, model and settings give the same tag, before any work is done."""

from __future__ import annotations

import hashlib

from shipseg.server.analysis import Demand
from shipseg.server.forms import Form, Layer
from shipseg.server.intake import Upload
from shipseg.server.model import Model


def tag_of(upload: Upload, demand: Demand, model: Model, form: Form, layer: Layer) -> str:
    """Give the tag of an answer (RFC 9110, 8.8.3).

    JSON is tagged weakly, for it names the request and its times; pictures and tables are the same
    byte for byte.
    """
    named = "" if form is Form.png else upload.name
    of = (upload.sha256, upload.size, demand, model.key, form, layer, named)
    digest = hashlib.sha256(repr(of).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f'W/"{digest}"' if form is Form.json else f'"{digest}"'


def matches(header: str | None, tag: str) -> bool:
    """Tell whether an If-None-Match header names a tag, by the weak comparison.

    A star names every tag, and is not taken: what was sent may be no picture at all.
    """
    if header is None:
        return False
    named = {part.strip().removeprefix("W/") for part in header.split(",")}
    return tag.removeprefix("W/") in named
