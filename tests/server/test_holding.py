"""Load, slow and vanished callers, signals: what a real server does, over sockets.

Orders are asserted, not times: the clock of a busy machine says nothing.
"""

from __future__ import annotations

import json
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from .pictures import encoded, harbour
from .process import Server, serving

PNG = encoded(harbour())


def slow(tenths: int) -> bytes:
    """A picture that takes a while."""
    rgb = harbour()
    rgb[0, 0] = 0, 0, tenths
    return encoded(rgb)


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def read_answer(sock: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read one answer; with Content-Length, as all answers that the tests wait for have."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            raise EOFError(data)
        data += part
    top, _, body = data.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    while len(body) < int(fields.get("content-length", 0)):
        part = sock.recv(65536)
        if not part:
            raise EOFError(data)
        body += part
    return int(first.split()[1]), fields, body


def code_of(body: bytes) -> str:
    found: str = json.loads(body)["code"]
    return found


@contextmanager
def sent(server: Server, *parts: bytes) -> Iterator[socket.socket]:
    with server.connect() as sock:
        for part in parts:
            sock.sendall(part)
        yield sock


@pytest.mark.parametrize(("path", "most"), [("/v1/predict", 200_000), ("/v1/jobs", 400_000)])
def test_a_declared_body_over_the_limit_is_refused_before_it_comes(
    server: Server, path: str, most: int
) -> None:
    with sent(server, head(path, "Content-Length: 10000000000")) as sock:
        status, fields, body = read_answer(sock)
    assert (status, code_of(body), fields["connection"]) == (413, "body-too-large", "close")
    assert f"{most:,}" in json.loads(body)["detail"]


@pytest.mark.parametrize("kind", ["application/octet-stream", "multipart/form-data; boundary=b"])
def test_a_chunked_body_over_the_limit_is_cut_off(server: Server, kind: str) -> None:
    begin = head("/v1/predict", "Transfer-Encoding: chunked", f"Content-Type: {kind}")
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    piece = form.ljust(10_000, b"x")
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
    with sent(server, begin, *[chunk] * 40) as sock:
        status, _, body = read_answer(sock)
    assert (status, code_of(body)) == (413, "body-too-large")


def test_who_sends_it_all_first_still_gets_the_answer(server: Server) -> None:
    """The connection is not reset under an answer that nobody has read yet."""
    for path in ("/v1/predict", "/nothing"):
        with sent(server, head(path, "Content-Length: 3000000"), bytes(3_000_000)) as sock:
            status, _, body = read_answer(sock)
        assert status in (404, 413)
        assert json.loads(body)["request_id"]


def test_a_body_of_exactly_the_limit_is_read(server: Server) -> None:
    answer, _ = server.ask("POST", "/v1/predict", PNG.ljust(200_000, b"\0"))
    assert answer.status == 200
    answer, _ = server.ask("POST", "/v1/predict", PNG.ljust(200_001, b"\0"))
    assert answer.status == 413


def test_a_slow_body_is_given_up_and_others_are_served(server: Server) -> None:
    with sent(server, head("/v1/predict", "Content-Length: 50000"), b"x") as sock:
        server.wait_for(uploads=1)
        assert server.ask("POST", "/v1/predict", PNG)[0].status == 200
        status, fields, body = read_answer(sock)
    assert (status, code_of(body), fields["connection"]) == (408, "slow", "close")
    server.wait_for(uploads=0, waiting=0, running=0)


@pytest.mark.parametrize("part", [b"", b"POST /v1/pre", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_never_ends_is_given_up(server: Server, part: bytes) -> None:
    with sent(server, part) as sock:
        assert sock.recv(1) == b""


def test_an_idle_connection_is_kept_for_its_next_request(server: Server) -> None:
    """Longer than a head may take: proxies come back on it."""
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with sent(server, request) as kept, sent(server, request) as begun:
        for sock in (kept, begun):
            assert read_answer(sock)[0] == 200
        begun.sendall(request[:10])
        assert begun.recv(1) == b""  # Given up.
        kept.sendall(request)
        assert read_answer(kept)[0] == 200


def test_a_thousand_idle_callers_do_not_keep_others_out(server: Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2000 if hard == resource.RLIM_INFINITY else min(2000, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        with ExitStack() as stack:
            for n in range(1000):
                idle = stack.enter_context(server.connect())
                if n % 2:
                    idle.sendall(b"POST /v1/predict HTTP/1.1\r\n")
            assert server.ask("GET", "/healthz")[0].status == 200
            assert server.ask("POST", "/v1/predict", PNG)[0].status == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTPP/1.1\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000,
    ],
    ids=["TLS", "version", "NUL", "negative length", "a header of 100 kB"],
)
def test_what_is_no_request_is_refused_as_a_problem(server: Server, request_: bytes) -> None:
    with sent(server, request_) as sock:
        data = b""
        try:
            while part := sock.recv(65536):
                data += part
        except ConnectionResetError:  # With more on its way than was read.
            pass
    assert data.startswith(b"HTTP/1.1 400 ")
    assert code_of(data.partition(b"\r\n\r\n")[2]) == "bad-request"


def was_closed(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


class Caller(threading.Thread):
    """Somebody who sends a picture and waits."""

    def __init__(self, server: Server, body: bytes) -> None:
        super().__init__()
        self.server, self.body, self.status = server, body, 0
        self.start()

    def run(self) -> None:
        self.status = self.server.ask("POST", "/v1/predict", self.body)[0].status


def fill(server: Server, tenths: int) -> list[Caller]:
    """Let one picture be in work for a while, and two wait behind it."""
    callers = [Caller(server, slow(tenths))]
    server.wait_for(running=1)
    callers += [Caller(server, slow(1)) for _ in range(2)]
    server.wait_for(running=1, waiting=2)
    return callers


def test_what_finds_no_place_is_told_before_its_body_comes(server: Server) -> None:
    server.wait_for(waiting=0, running=0)
    callers = fill(server, 25)
    # No byte of this body ever comes.
    with sent(server, head("/v1/predict", "Content-Length: 1000")) as sock:
        status, fields, body = read_answer(sock)
    assert (status, code_of(body)) == (503, "busy")
    assert 1 <= int(fields["retry-after"]) <= 60
    for path in ("/healthz", "/readyz", "/", "/docs", "/v1/models"):
        assert server.ask("GET", path)[0].status in (200, 307)
    # All of that before the first picture was done.
    assert server.counters()["shipseg_running"] == 1
    assert [caller.is_alive() for caller in callers] == [True] * 3
    for caller in callers:
        caller.join()
    assert [caller.status for caller in callers] == [200] * 3
    assert server.ask("POST", "/v1/predict", PNG)[0].status == 200


def test_a_caller_who_left_makes_room(server: Server) -> None:
    server.wait_for(waiting=0, running=0)
    gone = server.counters()["shipseg_callers_gone_total"]

    def request(tenths: int) -> bytes:
        body = slow(tenths)
        return head("/v1/predict", f"Content-Length: {len(body)}") + body

    with ExitStack() as stack:
        first = stack.enter_context(sent(server, request(25)))
        server.wait_for(running=1)
        second = stack.enter_context(sent(server, request(1)))
        third = stack.enter_context(sent(server, request(1)))
        server.wait_for(running=1, waiting=2)
        second.close()
        # Its place is free while the first picture is still in work.
        server.wait_for(running=1, waiting=1)
        caller = Caller(server, PNG)
        server.wait_for(running=1, waiting=2)
        first.close()
        assert read_answer(third)[0] == 200
        caller.join()
    assert caller.status == 200
    server.wait_for(waiting=0, running=0)
    assert server.counters()["shipseg_callers_gone_total"] == gone + 2


def test_memory_and_files_stay_flat(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    body = encoded(harbour(512, 512), "JPEG")

    def ask(count: int) -> tuple[float, float]:
        for n in range(count):
            form = ("application/json", "image/png", "text/csv")[n % 3]
            connection.request("POST", "/v1/predict", body, {"Accept": form})
            answer = connection.getresponse()
            assert (answer.status, len(answer.read()) > 0) == (200, True)
        counters = server.counters()
        return counters["process_resident_memory_bytes"], counters["process_open_fds"]

    memory, files = ask(30)
    memory_later, files_later = ask(150)
    connection.close()
    # A picture takes 0.8 MB and its maps 1.8 MB: were they kept, it would be 400 MB.
    assert memory_later - memory < 20e6
    assert files_later <= files + 2


@pytest.fixture
def own(pixel_bundle: Path, tmp_path: Path) -> Iterator[Server]:
    """A server for tests that end it."""
    with serving(pixel_bundle, tmp_path / "state", workers=1, queue=4, drain_s=20) as found:
        yield found


def test_sigterm_answers_what_runs_and_takes_nothing_new(own: Server) -> None:
    callers = fill(own, 15)
    own.process.send_signal(signal.SIGTERM)
    for caller in callers:
        caller.join()
    assert [caller.status for caller in callers] == [200] * 3
    assert own.process.wait(30) == 0
    with pytest.raises(ConnectionRefusedError):
        own.connect()
    assert own.log.read_text() == ""


def test_idle_callers_do_not_hold_up_the_end(own: Server) -> None:
    with own.connect() as idle, own.connect() as half:
        half.sendall(b"POST /v1/predict HTTP/1.1\r\n")
        own.ask("GET", "/healthz")
        own.process.send_signal(signal.SIGTERM)
        assert own.process.wait(15) == 0
        assert idle.recv(1) == half.recv(1) == b""


def test_kill_9_loses_no_job(own: Server, pixel_bundle: Path, tmp_path: Path) -> None:
    jobs = [json.loads(own.ask("POST", "/v1/jobs", slow(50))[1])["id"] for _ in range(2)]
    while json.loads(own.ask("GET", f"/v1/jobs/{jobs[0]}")[1])["status"] != "running":
        time.sleep(0.01)
    own.process.kill()
    own.process.wait()
    with serving(pixel_bundle, tmp_path / "state") as again:
        found = [json.loads(again.ask("GET", f"/v1/jobs/{job}")[1])["status"] for job in jobs]
        assert set(found) <= {"queued", "running"}
        assert again.ask("DELETE", f"/v1/jobs/{jobs[0]}")[0].status == 204


def test_too_many_uploads_and_connections_are_refused(pixel_bundle: Path, tmp_path: Path) -> None:
    limits: dict[str, Any] = {"uploads": 2, "connections": 6}
    with serving(pixel_bundle, tmp_path / "state", **limits) as server, ExitStack() as stack:
        begin = head("/v1/predict", "Content-Length: 1000")
        for _ in range(2):
            stack.enter_context(sent(server, begin))
        server.wait_for(uploads=2)
        with sent(server, begin) as sock:
            status, fields, body = read_answer(sock)
        assert (status, code_of(body), fields["retry-after"]) == (503, "busy", "2")
        held = [stack.enter_context(server.connect()) for _ in range(4)]
        with server.connect() as sock:
            assert was_closed(sock)
        held.pop().close()
        server.wait_for(uploads=2)
