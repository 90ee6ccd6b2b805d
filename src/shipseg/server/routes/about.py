"""What the server says of itself: models, a sample, health, metrics."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shipseg.imaging.synthetic import draw_scene
from shipseg.scenes.open import MODEL_GSD_M
from shipseg.server import metrics
from shipseg.server.answers import png
from shipseg.server.etags import matches
from shipseg.server.forms import Form, Layer
from shipseg.server.openapi import problems, ref
from shipseg.server.parameters import SampleParameters
from shipseg.server.pool import Ticket
from shipseg.server.problems import retry_later
from shipseg.server.routes.predict import gone
from shipseg.server.schemas import Health, Models, Readiness
from shipseg.server.service import Service, admit, owner_of, service_of

router = APIRouter(tags=["about"])


@router.get(
    "/v1/models",
    dependencies=[Depends(admit)],
    response_class=Response,
    responses={
        200: {
            "description": "Models and limits.",
            "content": {"application/json": {"schema": ref(Models)}},
        },
        **problems("bad-request", "api-key", "cross-site", "rate", "internal"),
    },
)
async def models(request: Request) -> Response:
    """List the models, and what one request may bring."""
    return JSONResponse(_models(service_of(request)), headers={"Cache-Control": "no-cache"})


def _models(service: Service) -> dict[str, Any]:
    model, settings = service.model, service.settings
    manifest, detector = model.detector.manifest, model.detector
    facts = {
        "name": model.name,
        "version": model.version,
        "created": manifest.created.isoformat(),
        "license": manifest.license,
        "training_data": manifest.provenance.training_data,
        "gsd_m": MODEL_GSD_M,
        "thresholds": {"gate": detector.gate_threshold, "ship": detector.threshold},
        "tile_px": manifest.gate.tile_size,
    }
    limits = {
        "max_bytes": settings.body_bytes,
        "request_pixels": settings.request_pixels,
        "job_bytes": settings.job_bytes,
        "queue": settings.queue,
    }
    return {"models": [facts], "limits": limits, "formats": list(Form), "layers": list(Layer)}


@router.get(
    "/v1/sample",
    dependencies=[Depends(admit)],
    response_class=Response,
    responses={
        200: {
            "description": "A drawn satellite picture of 768 × 768 px at 1.5 m per pixel.",
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "If-None-Match names it."},
        **problems(
            "bad-request",
            "api-key",
            "cross-site",
            "parameters",
            "rate",
            "internal",
            "busy",
            "stopping",
        ),
    },
)
async def sample(request: Request, parameters: Annotated[SampleParameters, Query()]) -> Response:
    """Draw a scene to try things on; nobody's picture, so anybody may have it."""
    service, owner = service_of(request), owner_of(request)
    tag = f'"sample-{parameters.seed}-{parameters.ships}-{service.model.key[:8]}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=3600"}
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)

    def work(ticket: Ticket) -> bytes:
        return png(draw_scene(parameters.seed, ships=parameters.ships).rgb)

    body = await service.pool.run(owner, work, lambda: gone(request))
    return Response(body, headers=headers, media_type="image/png")


@router.get(
    "/healthz", responses={200: {"model": Health}, **problems("internal")}, response_class=Response
)
async def health() -> Response:
    """Say that the process answers."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@router.get(
    "/readyz",
    responses={200: {"model": Readiness}, **problems("internal", "stopping")},
    response_class=Response,
)
async def readiness(request: Request) -> Response:
    """Say whether the server takes work."""
    service = service_of(request)
    if service.draining or service.pool.stopping or not service.runner.alive():
        raise retry_later("stopping", "the server takes no new work", 5)
    return JSONResponse({"status": "ready"}, headers={"Cache-Control": "no-store"})


@router.get(
    "/metrics",
    dependencies=[Depends(admit)],
    response_class=Response,
    responses={
        200: {
            "description": "Counters for Prometheus.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **problems("bad-request", "api-key", "cross-site", "rate", "internal"),
    },
)
async def counters(request: Request) -> Response:
    """Give the counters."""
    return Response(service_of(request).metrics.text(), media_type=metrics.CONTENT_TYPE)
