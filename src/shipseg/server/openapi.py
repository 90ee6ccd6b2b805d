"""The description of the API: every answer, and every problem with its codes."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shipseg.server.forms import Form
from shipseg.server.intake import IMAGE_TYPES
from shipseg.server.problems import KINDS, MEDIA_TYPE
from shipseg.server.schemas import Prediction, ProblemDocument

_REF = "#/components/schemas/{model}"
_BINARY = {"type": "string", "format": "binary"}

PICTURE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The picture: JPEG, PNG, TIFF and GeoTIFF, WebP or BMP. Its bytes tell.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": _BINARY},
                    "additionalProperties": False,
                }
            },
            "application/octet-stream": {"schema": _BINARY},
            **{media: {"schema": _BINARY} for media in IMAGE_TYPES},
        },
    }
}
"""For `openapi_extra` of a route that reads the body itself."""


def ref(model: type[BaseModel]) -> dict[str, str]:
    """Refer to a schema."""
    return {"$ref": _REF.format(model=model.__name__)}


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Describe the responses of some problems, by status."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[KINDS[code].status].append(code)
    return {
        status: {
            "description": "; ".join(f"`{code}`: {KINDS[code].title}" for code in named) + ".",
            "content": {MEDIA_TYPE: {"schema": ref(ProblemDocument)}},
        }
        for status, named in by_status.items()
    }


def prediction_answers() -> dict[int | str, dict[str, Any]]:
    """Describe the answer about a picture in all its forms."""
    tagged = {"ETag": {"schema": {"type": "string"}, "description": "By content and settings."}}
    return {
        200: {
            "description": "What was found, in the form that Accept asks for.",
            "headers": tagged,
            "content": {
                Form.json.value: {"schema": ref(Prediction)},
                Form.geojson.value: {"schema": {"type": "object"}},
                Form.png.value: {"schema": _BINARY},
                Form.csv.value: {"schema": {"type": "string"}},
            },
        },
        304: {"description": "If-None-Match names the answer."},
    }


def describe(app: FastAPI, models: list[type[BaseModel]]) -> dict[str, Any]:
    """Make the whole document.

    Args:
        app: With its routes.
        models: That `ref` was called with.
    """
    found = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, definitions = models_json_schema(
        [(model, "serialization") for model in models], ref_template=_REF
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(definitions["$defs"])
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, operations in found["paths"].items():
        for operation in operations.values():
            if path.startswith("/v1/") or path == "/metrics":
                # Keys are asked for only where the operator set some.
                operation["security"] = [{}, {"bearer": []}, {"header": []}]
    return found
