"""`/v1/jobs`: scenes too long for one request."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from shipseg.server.etags import matches
from shipseg.server.forms import Form, wanted_form
from shipseg.server.jobs.store import Job
from shipseg.server.jobs.work import result_file
from shipseg.server.openapi import PICTURE_BODY, prediction_answers, problems, ref
from shipseg.server.parameters import PredictParameters, ResultParameters
from shipseg.server.problems import Problem, retry_later
from shipseg.server.routes.predict import PICTURE_PROBLEMS
from shipseg.server.schemas import JobFacts
from shipseg.server.service import Service, address, admit, owner_of, service_of

router = APIRouter(tags=["jobs"], dependencies=[Depends(admit)])

JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As POST /v1/jobs gave it.")]
_COMMON = ("bad-request", "api-key", "cross-site", "job-unknown", "parameters", "rate", "internal")


def _facts(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": ref(JobFacts)}}}


@router.post(
    "/v1/jobs",
    status_code=202,
    response_class=Response,
    responses={
        202: _facts("The job was taken; Location says where it is.")
        | {"headers": {"Location": {"schema": {"type": "string"}}}},
        **problems(*PICTURE_PROBLEMS, "jobs-full"),
    },
    openapi_extra=PICTURE_BODY,
)
async def begin(request: Request, parameters: Annotated[PredictParameters, Query()]) -> Response:
    """Hand in a scene of any size; what it holds is found out in the background.

    The job is on the disk once this answers, and survives a restart of the server.
    """
    service, owner = service_of(request), owner_of(request)
    if service.draining:
        raise retry_later("stopping", "the server takes no new work", 5)
    service.store.check_room(owner)
    upload = await service.intake.read(request, service.settings.job_bytes, parameters.name)
    try:
        job = await asyncio.get_running_loop().run_in_executor(
            service.disk, service.store.add, upload.file, upload.name, owner, parameters.demand()
        )
    finally:
        upload.close()
    service.runner.wake()
    headers = {"Location": address(request, f"/v1/jobs/{job.id}"), "Cache-Control": "no-store"}
    return JSONResponse(_describe(service, job), 202, headers)


@router.get(
    "/v1/jobs/{job_id}",
    response_class=Response,
    responses={200: _facts("How far it is."), **problems(*_COMMON)},
)
async def look(request: Request, job_id: JobId) -> Response:
    """Say how far a job is."""
    service = service_of(request)
    job = service.store.get(job_id, owner_of(request))
    return JSONResponse(_describe(service, job), headers={"Cache-Control": "no-store"})


@router.get(
    "/v1/jobs/{job_id}/result",
    response_class=Response,
    responses=prediction_answers()
    | problems(*_COMMON, "job-unfinished", "layer-missing", "not-acceptable"),
)
async def result(
    request: Request, job_id: JobId, parameters: Annotated[ResultParameters, Query()]
) -> Response:
    """Give the result of a finished job, in the forms of /v1/predict.

    Layers of a scene of more than 24 million pixels are shrunk to 4,096 px a side, and there is no
    probability map of one that was looked at in windows; its `ship_probability` is then the highest
    score of its ships.
    """
    service = service_of(request)
    form = wanted_form(",".join(request.headers.getlist("accept")))
    job = service.store.get(job_id, owner_of(request))
    if job.status != "done":
        raise Problem("job-unfinished", f"the job is {job.status}", hint="GET the job to see why")
    name = result_file(form, parameters.layer)
    # A job is done once: its name and the form's say all.
    tag = f'"{job.id}-{name}"'
    headers = {"ETag": tag, "Vary": "Accept", "Cache-Control": "private, no-cache"}
    path = service.store.place(job.id) / name
    if not path.is_file():
        raise Problem("layer-missing", "no probability map is kept of a scene of this size")
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    media = f"{form}; charset=utf-8" if form is Form.csv else form.value
    return FileResponse(path, headers=headers, media_type=media)


@router.delete(
    "/v1/jobs/{job_id}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is gone."}, **problems(*_COMMON)},
)
async def drop(request: Request, job_id: JobId) -> Response:
    """Stop a job, if it is not finished, and take it away with its result."""
    service = service_of(request)
    job = service.store.get(job_id, owner_of(request))
    await asyncio.get_running_loop().run_in_executor(service.disk, service.runner.drop, job)
    return Response(status_code=204)


def _describe(service: Service, job: Job) -> dict[str, Any]:
    progress = service.runner.progress(job)
    created = datetime.fromtimestamp(job.created, UTC)
    return {
        "id": job.id,
        "status": job.status,
        "name": job.name,
        "progress": None if progress is None else round(progress, 4),
        "created": created.isoformat(timespec="seconds"),
        "error": job.error,
    }
