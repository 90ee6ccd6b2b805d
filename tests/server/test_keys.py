"""Keys: who may call, how often, and that nothing gives a key away."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from shipseg.errors import ConfigError
from shipseg.server.app import create_app
from shipseg.server.keys import Keyring
from shipseg.server.model import Model
from shipseg.server.problems import Problem
from shipseg.server.settings import Settings, keys_from

from .pictures import encoded, harbour

KEY, OTHER = "k" * 20, "o" * 20


@pytest.mark.parametrize(
    "given",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY} "},
        {"x-api-key": KEY},
    ],
)
def test_a_known_key_has_an_owner(given: dict[str, str]) -> None:
    owner = Keyring((OTHER, KEY)).owner(Headers(given))
    assert owner
    assert owner != Keyring((OTHER, KEY)).owner(Headers({"x-api-key": OTHER}))
    assert KEY not in owner


@pytest.mark.parametrize(
    "given",
    [
        {}, {"x-api-key": ""}, {"x-api-key": KEY[:-1]}, {"x-api-key": KEY + "k"},
        {"authorization": f"Basic {KEY}"}, {"authorization": "Bearer"}, {"x-api-key": "\xff" * 20},
    ],
)  # fmt: skip
def test_anything_else_is_refused_alike(given: dict[str, str]) -> None:
    with pytest.raises(Problem) as caught:
        Keyring((KEY,)).owner(Headers(given))
    assert (caught.value.code, caught.value.status) == ("api-key", 401)
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}


def test_without_keys_everybody_may_call() -> None:
    assert Keyring(()).owner(Headers()) is None


def test_a_minutes_worth_may_come_at_once_and_comes_back() -> None:
    now = [0.0]
    ring = Keyring((KEY, OTHER), rate=3, clock=lambda: now[0])
    one, other = (ring.owner(Headers({"x-api-key": key})) for key in (KEY, OTHER))
    for _ in range(3):
        ring.spend(one)
    with pytest.raises(Problem) as caught:
        ring.spend(one)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "20")
    ring.spend(other)
    now[0] = 19.9
    with pytest.raises(Problem):
        ring.spend(one)
    now[0] = 20.0
    ring.spend(one)
    with pytest.raises(Problem):
        ring.spend(one)


def test_keys_come_from_the_environment() -> None:
    assert keys_from({}) == ()
    assert keys_from({"SHIPSEG_API_KEYS": f" {KEY}, {OTHER},{KEY},"}) == (KEY, OTHER)


@pytest.mark.parametrize(
    "text", ["", " , ", "short", f"{KEY},{'s' * 15}", "with space in it!", "ü" * 20]
)
def test_keys_that_protect_nothing_are_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        keys_from({"SHIPSEG_API_KEYS": text})
    assert not text.strip(" ,") or text not in caught.value.message


@pytest.fixture
def locked(model: Model, tmp_path: Path) -> TestClient:
    settings = Settings(state=tmp_path, keys=(KEY, OTHER), key_rate=2)
    return TestClient(create_app(model, settings), raise_server_exceptions=False)


def test_only_what_tells_nothing_is_open(locked: TestClient) -> None:
    job = f"/v1/jobs/{'0' * 32}"
    closed = [("POST", "/v1/predict"), ("POST", "/v1/jobs"), ("GET", job), ("DELETE", job)]
    closed += [("GET", f"{job}/result"), ("GET", "/v1/models"), ("GET", "/v1/sample")]
    closed += [("GET", "/metrics")]
    for method, path in closed:
        answer = locked.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (401, "api-key"), path
        assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/", "/docs", "/openapi.json", "/healthz"):
        assert locked.get(path).status_code == 200


def test_each_key_has_its_rate(locked: TestClient) -> None:
    body = encoded(harbour())
    codes = [
        locked.post("/v1/predict", content=body, headers={"X-API-Key": key}).status_code
        for key in (KEY, KEY, KEY, OTHER)
    ]
    assert codes == [200, 200, 429, 200]


def test_no_key_is_ever_answered(locked: TestClient) -> None:
    answer = locked.get("/v1/models", headers={"Authorization": f"Bearer {KEY}x"})
    assert KEY not in answer.text + str(answer.headers)
