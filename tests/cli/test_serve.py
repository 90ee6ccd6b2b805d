"""`shipseg serve` as a command: what it refuses, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from inference.pixels import write_pixel_bundle

from .conftest import Run


def test_an_address_in_use_is_a_wrong_call(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", port)
    assert result.code == 2
    assert f"port {port} of '127.0.0.1'" in result.err
    assert "--port" in result.err


def test_an_address_of_another_machine_is_a_wrong_call(run: Run) -> None:
    result = run("serve", "--host", "192.0.2.1", "--port", 0)
    assert result.code == 2
    assert "192.0.2.1" in result.err


@pytest.mark.parametrize("keys", ["", "short"])
def test_keys_that_protect_nothing_are_a_wrong_call(
    run: Run, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("SHIPSEG_API_KEYS", keys)
    result = run("serve", "--port", 0)
    assert result.code == 2
    assert "SHIPSEG_API_KEYS" in result.err


def test_without_the_extra_the_install_line_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run("serve")
    assert result.code == 5
    assert 'pip install "shipseg[serve]"' in result.err


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pixel_bundle(tmp_path_factory.mktemp("bundle") / "pixels")


def start(bundle: Path, state: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "shipseg.cli.main", "serve", "--port", "0", "--json"]
    command += ["--bundle", str(bundle), "--state", str(state), *options]
    pipe = subprocess.PIPE
    fields = os.environ | environment
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=fields)


def document_of(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            break
    found: dict[str, str] = json.loads(text)
    return found


@pytest.mark.parametrize(
    ("stop", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "Ctrl-C"]
)
def test_it_says_where_it_is_and_ends_in_order(
    bundle: Path, tmp_path: Path, stop: signal.Signals, code: int
) -> None:
    wide = ["--host", "0.0.0.0"] if stop is signal.SIGTERM else []
    with start(bundle, tmp_path / "state", "--workers", "2", *wide) as process:
        document = document_of(process)
        assert document["workers"] == 2
        assert urlopen(document["url"] + "readyz", timeout=30).status == 200
        process.send_signal(stop)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert f"{document['url']} is open" in errors
    assert ("everybody who can reach port" in errors) is bool(wide)
    assert "Traceback" not in errors


def test_keys_close_it_and_no_warning_is_needed(bundle: Path, tmp_path: Path) -> None:
    keys = {"SHIPSEG_API_KEYS": "k" * 20}
    with start(bundle, tmp_path / "state", "--host", "0.0.0.0", **keys) as process:
        port = int(document_of(process)["url"].rpartition(":")[2].strip("/"))
        with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
            sock.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 401 ")
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert "everybody" not in errors
    assert "k" * 20 not in errors


def test_a_second_server_on_one_folder_is_refused(bundle: Path, tmp_path: Path) -> None:
    with start(bundle, tmp_path / "state") as first:
        document_of(first)
        with start(bundle, tmp_path / "state") as second:
            _, errors = second.communicate(timeout=60)
        first.terminate()
    assert second.returncode == 2
    assert "another server works with the folder" in errors
