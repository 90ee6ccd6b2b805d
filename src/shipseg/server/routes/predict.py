"""`POST /v1/predict`: the ships of one picture, answered at once."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from shipseg.server.analysis import analyse
from shipseg.server.answers import render
from shipseg.server.etags import matches, tag_of
from shipseg.server.forms import Form, wanted_form
from shipseg.server.guard import request_id_of
from shipseg.server.intake import Upload
from shipseg.server.openapi import PICTURE_BODY, prediction_answers, problems
from shipseg.server.parameters import LayeredParameters
from shipseg.server.pool import Ticket
from shipseg.server.service import Service, admit, owner_of, service_of

router = APIRouter(tags=["prediction"], dependencies=[Depends(admit)])

PICTURE_PROBLEMS = (
    *(
        "bad-request",
        "multipart",
        "api-key",
        "cross-site",
        "slow",
        "body-too-large",
        "image-too-large",
    ),
    *("media-type", "image-unsupported", "parameters", "no-image", "image", "bad-input"),
    *("rate", "internal", "busy", "stopping", "storage"),
)


@router.post(
    "/v1/predict",
    response_class=Response,
    responses=prediction_answers() | problems(*PICTURE_PROBLEMS, "not-acceptable"),
    openapi_extra=PICTURE_BODY,
)
async def predict(request: Request, parameters: Annotated[LayeredParameters, Query()]) -> Response:
    """Find the ships of one picture.

    The form of the answer follows the Accept header: JSON, GeoJSON, a layer as PNG, or Kaggle's
    CSV. GeoTIFFs with a CRS get longitude, latitude and metres.
    """
    service, owner = service_of(request), owner_of(request)
    form = wanted_form(",".join(request.headers.getlist("accept")))
    service.pool.check(owner)
    upload = await service.intake.read(request, service.settings.body_bytes, parameters.name)
    try:
        tag = tag_of(upload, parameters.demand(), service.model, form, parameters.layer)
        headers = {"ETag": tag, "Vary": "Accept", "Cache-Control": "private, no-cache"}
        if matches(request.headers.get("if-none-match"), tag):
            return Response(status_code=304, headers=headers)
        work = _Work(service, upload, parameters, form, request_id_of(request))
        body = await service.pool.run(owner, work, lambda: gone(request))
    finally:
        upload.close()
    headers["Server-Timing"] = work.server_timing()
    media = f"{form}; charset=utf-8" if form is Form.csv else form.value
    return Response(body, headers=headers, media_type=media)


class _Work:
    """What a thread of the pool does for one request."""

    def __init__(
        self,
        service: Service,
        upload: Upload,
        parameters: LayeredParameters,
        form: Form,
        request_id: str,
    ) -> None:
        self._service, self._upload, self._form = service, upload, form
        self._parameters, self._request_id = parameters, request_id
        self._timings: dict[str, float] = {}
        self._asked = time.perf_counter()

    def __call__(self, ticket: Ticket) -> bytes:
        start = time.perf_counter()
        service, upload, demand = self._service, self._upload, self._parameters.demand()
        self._timings["wait"] = (start - self._asked) * 1000
        key = (upload.sha256, demand)
        analysis = service.cache.get(key)
        service.metrics.cache.labels("no" if analysis is None else "yes").inc()
        if analysis is None:
            analysis = analyse(
                service.model.detector, upload.read(), upload.name, demand,
                most_pixels=service.settings.request_pixels, ticket=ticket,
            )  # fmt: skip
            service.cache.put(key, analysis)
            service.metrics.analysed(analysis.timings_ms, len(analysis.ships))
            self._timings |= analysis.timings_ms
        ticket.check()
        before = time.perf_counter()
        body = render(
            analysis, self._form, self._parameters.layer,
            name=upload.name, model=service.model, request_id=self._request_id,
        )  # fmt: skip
        self._timings["encode"] = (time.perf_counter() - before) * 1000
        self._timings["total"] = (time.perf_counter() - self._asked) * 1000
        return body

    def server_timing(self) -> str:
        """Give the header's text (W3C, Server Timing)."""
        return ", ".join(f"{stage};dur={ms:.2f}" for stage, ms in self._timings.items())


async def gone(request: Request) -> None:
    """Wait until the caller has gone; its body has been read whole."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
