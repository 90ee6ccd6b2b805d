"""The application: routes, problems, the page, and what happens at start and end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles

from shipseg import __version__
from shipseg.server import schemas
from shipseg.server.guard import Guard
from shipseg.server.linger import Linger
from shipseg.server.model import Model
from shipseg.server.openapi import describe
from shipseg.server.problems import Problem
from shipseg.server.reference import render_reference
from shipseg.server.routes import about, jobs, predict
from shipseg.server.service import Service, make_service
from shipseg.server.settings import Settings

STATIC = Path(__file__).parent / "static"
_STYLE = Path(__file__).parent / "reference.css"
_MODELS: list[type[BaseModel]] = [
    schemas.Prediction, schemas.ProblemDocument, schemas.JobFacts, schemas.Models,
]  # fmt: skip
_ROUTERS = (predict.router, jobs.router, about.router)
_FRESH = {"Cache-Control": "no-cache"}
_BY_STATUS = {404: "not-found", 405: "method", 413: "body-too-large"}
_DESCRIPTION = (
    "Finds every ship in optical satellite images. Errors are `application/problem+json` "
    "(RFC 9457) with a stable `code`."
)


def create_app(model: Model, settings: Settings) -> FastAPI:
    """Make an application.

    Args:
        model: That answers.
        settings: What it may use.

    Raises:
        UsageError: The state folder is in use or cannot be written.
    """
    service = make_service(model, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            service.close()

    app = FastAPI(
        title="shipseg", version=__version__, description=_DESCRIPTION, lifespan=lifespan,
        docs_url=None, redoc_url=None, separate_input_output_schemas=False,
    )  # fmt: skip
    app.state.service, app.state.pool = service, service.pool
    for router in _ROUTERS:
        app.include_router(router)
    _add_pages(app)
    _add_problems(app, service)
    return app


def _add_problems(app: FastAPI, service: Service) -> None:
    def describe_once() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app, _MODELS)
        return app.openapi_schema

    app.openapi = describe_once  # type: ignore[method-assign]
    app.add_exception_handler(HTTPException, _raise_http)
    app.add_exception_handler(RequestValidationError, _raise_validation)
    app.add_middleware(Guard, metrics=service.metrics)
    # Outermost: what the guard refuses shall arrive as well.
    app.add_middleware(Linger)


async def _raise_http(request: Request, error: Exception) -> Response:
    """Turn what the framework refuses into a problem; the guard answers."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    code = _BY_STATUS.get(error.status_code, "bad-request")
    if code == "method":
        allowed = ", ".join(_methods(request))
        headers["Allow"] = allowed
        raise Problem(code, f"this address takes {allowed}", headers=headers) from error
    detail = {"not-found": "no address of this server"}.get(code, "it is malformed")
    raise Problem(code, detail, headers=headers) from error


def _methods(request: Request) -> list[str]:
    """List the methods of an address, over all its routes."""
    methods: set[str] = set()
    routes = [route for router in (request.app, *_ROUTERS) for route in router.routes]
    for route in routes:
        # What has none is a router of many routes, or files, which are found before they are not.
        taken: set[str] | None = getattr(route, "methods", None)
        if taken and route.matches(request.scope)[0] is not Match.NONE:
            methods |= taken
    return sorted(methods or {"GET", "HEAD"})


async def _raise_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Pydantic's messages are about the rule; the value itself is not repeated.
    errors = [
        {"name": str(fault["loc"][1] if fault["loc"][1:] else "")[:80], "message": fault["msg"]}
        for fault in error.errors()
    ]
    names = ", ".join(sorted({fault["name"] for fault in errors}))
    raise Problem("parameters", f"wrong: {names}", errors=errors[:20]) from error


class _Files(StaticFiles):
    """Files that browsers ask after each time: another version may lie here by then."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        """Give a file, or 304."""
        response = super().file_response(*args, **options)
        response.headers["Cache-Control"] = _FRESH["Cache-Control"]
        return response


def _add_pages(app: FastAPI) -> None:
    """Add the page and the reference; all of it lies in the package."""

    async def page(request: Request) -> Response:
        index = STATIC / "index.html"
        if not index.is_file():
            return RedirectResponse("docs")
        return FileResponse(index, headers=_FRESH)

    async def reference(request: Request) -> Response:
        return Response(render_reference(app.openapi()), media_type="text/html")

    async def style(request: Request) -> Response:
        return FileResponse(_STYLE, headers=_FRESH)

    app.add_route("/", page, include_in_schema=False)
    app.add_route("/docs", reference, include_in_schema=False)
    app.add_route("/docs/style.css", style, include_in_schema=False)
    app.mount("/static", _Files(directory=STATIC), name="static")
