"""The description of the API is true: schemathesis sends what it allows, and what it does not."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from starlette.testclient import TestClient

from shipseg.server.problems import KINDS

from .pictures import encoded, harbour
from .process import Server

# More of them for a night: SHIPSEG_API_EXAMPLES=500.
EXAMPLES = int(os.environ.get("SHIPSEG_API_EXAMPLES", "10"))

# Random bytes are a string by the schema, and no picture: send pictures as well.
PICTURES = st.sampled_from([encoded(harbour(90, 120), kind) for kind in ("PNG", "JPEG", "BMP")])
schemathesis.openapi.format("binary", PICTURES)
for media in ("image/png", "image/jpeg", "image/bmp", "image/tiff", "image/webp"):
    schemathesis.openapi.media_type(media, PICTURES)
schemathesis.openapi.media_type("application/octet-stream", PICTURES)


@pytest.fixture(scope="module")
def api(server: Server) -> Any:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")


# Of the others nothing can be wrong.
TAKING = [
    "POST /v1/predict", "POST /v1/jobs", "GET /v1/jobs/{job_id}", "GET /v1/jobs/{job_id}/result",
    "DELETE /v1/jobs/{job_id}", "GET /v1/sample",
]  # fmt: skip
OTHERS = ["GET /v1/models", "GET /healthz", "GET /readyz", "GET /metrics"]


@pytest.mark.parametrize("operation", TAKING + OTHERS)
def test_what_is_allowed_is_answered_as_described(api: Any, operation: str) -> None:
    check(api, operation, GenerationMode.POSITIVE)


@pytest.mark.parametrize("operation", TAKING)
def test_what_is_not_allowed_is_refused_as_described(api: Any, operation: str) -> None:
    check(api, operation, GenerationMode.NEGATIVE)


def check(api: Any, operation: str, mode: GenerationMode) -> None:
    method, path = operation.split()

    @given(case=api[path][method].as_strategy(generation_mode=mode))
    @settings(
        # Scenes take a while to draw.
        max_examples=EXAMPLES if path != "/v1/sample" else EXAMPLES // 3,
        deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def answered(case: Any) -> None:
        case.call_and_validate()

    answered()


@pytest.fixture(scope="module")
def description(client: TestClient) -> Any:
    return client.get("/openapi.json").json()


def test_every_operation_is_checked(description: Any) -> None:
    described = [
        f"{method.upper()} {path}"
        for path, methods in description["paths"].items()
        for method in methods
    ]
    assert sorted(described) == sorted(TAKING + OTHERS)


def test_every_problem_is_described_with_its_status(description: Any) -> None:
    text = json.dumps(description["paths"])
    # A wrong address or method belongs to no operation.
    assert {code for code in KINDS if f"`{code}`" not in text} == {"not-found", "method"}
    for methods in description["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                for code in re.findall("`([a-z-]+)`: ", answer["description"]):
                    assert KINDS[code].status == int(status)


def test_every_problem_is_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
    missing = [c for c, kind in KINDS.items() if f"| `{c}` | {kind.status} | " not in page]
    assert not missing


def test_references_lead_somewhere(description: Any) -> None:
    found = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(description)))
    assert {"Prediction", "ProblemDocument", "JobFacts"} <= found
    assert found <= set(description["components"]["schemas"])
