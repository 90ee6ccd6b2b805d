"""The container's files say what the server does: nothing here can build an image."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from shipseg.cli.main import app
from shipseg.server.settings import KEYS_VARIABLE, Settings

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """Instruction and argument of each logical line of the Dockerfile."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    logical = re.sub(r"\\\n", " ", text).splitlines()
    split = [line.split(maxsplit=1) for line in logical if line.strip()]
    return [(name, " ".join(rest.split())) for name, rest in split]


def values(name: str) -> list[str]:
    return [argument for found, argument in instructions() if found == name]


def serve_options() -> set[str]:
    group: Any = typer.main.get_command(app)
    serve = group.get_command(None, "serve")
    return {option for parameter in serve.params for option in parameter.opts}


def options_of(command: list[str]) -> set[str]:
    return {part for part in command if part.startswith("--")}


@pytest.fixture(scope="module")
def service() -> Any:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["services"]["shipseg"]


def test_the_base_is_pinned_and_one_for_both_stages() -> None:
    (argument,) = values("ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+\.\d+-slim-\w+", argument)
    assert values("FROM") == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]


def test_the_last_stage_is_not_root_and_says_when_it_is_well() -> None:
    last = instructions()
    last = last[max(i for i, (name, _) in enumerate(last) if name == "FROM") :]
    names = [name for name, _ in last]
    (user,) = [argument for name, argument in last if name == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert names.index("RUN") < names.index("USER") < names.index("ENTRYPOINT")
    (check,) = values("HEALTHCHECK")
    assert "/healthz" in check
    assert values("STOPSIGNAL") == ["SIGTERM"]


def test_only_the_extra_of_the_server_is_installed() -> None:
    (install,) = [line for line in values("RUN") if "pip install" in line]
    assert "'.[serve]'" in install
    assert "--no-cache-dir" in install


def test_what_is_copied_is_there_and_not_ignored() -> None:
    listed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    ignored = [line for line in listed if not line.startswith("#")]
    # Everything is left out but what is named.
    assert ignored[0] == "*"
    for argument in values("COPY"):
        if argument.startswith("--from"):
            continue
        for source in shlex.split(argument)[:-1]:
            assert (ROOT / source).exists()
            assert f"!{source.removeprefix('./')}" in ignored


def test_the_entry_point_is_a_command_of_this_version() -> None:
    (text,) = values("ENTRYPOINT")
    entry = json.loads(text)
    assert entry[:2] == ["shipseg", "serve"]
    assert options_of(entry) <= serve_options()
    assert entry[entry.index("--host") + 1] == "0.0.0.0"
    port, state = (entry[entry.index(name) + 1] for name in ("--port", "--state"))
    assert values("EXPOSE") == [port]
    assert values("VOLUME") == [state]
    assert f"127.0.0.1:{port}/" in values("HEALTHCHECK")[0]


def test_compose_needs_keys_and_gives_no_privilege(service: Any) -> None:
    assert service["environment"][KEYS_VARIABLE].startswith(f"${{{KEYS_VARIABLE}:?")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert options_of(service["command"]) <= serve_options()


def test_compose_waits_for_the_drain(service: Any, tmp_path: Path) -> None:
    grace = int(service["stop_grace_period"].removesuffix("s"))
    assert grace > Settings(state=tmp_path).drain_s
    assert int(service["command"][service["command"].index("--workers") + 1]) == service["cpus"]


def test_the_docs_name_only_options_that_there_are() -> None:
    for name in ("deploy.md", "serve.md"):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        lines = re.findall(r"shipseg serve ([^`\n]*)", text)
        assert lines
        for line in lines:
            assert options_of(line.split()) <= serve_options(), line
