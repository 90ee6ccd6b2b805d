"""The server under load: pictures a second against the detector's own speed, and what it refuses.

    python benchmarks/server_load.py [IMAGES] [--workers 2] [--seconds 10] [--rounds 3]
    python benchmarks/server_load.py --requests 10000      # does memory stay flat?

The load comes from wrk, over loopback: `apt-get install wrk` on Debian and Ubuntu. Detector and
server work on the same tiles, in turn, so that a machine whose speed drifts slows both alike; the
ratio is what to quote. The server's cache is off. Without IMAGES, synthetic tiles are drawn.

Then many more callers come than the queue has places for, who come again after the second that
Retry-After asks for, or at once. Somebody else asks for /healthz all the while, and hands in
pictures of his own.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

SCRIPT = Path(__file__).with_suffix(".lua")
QUEUE = 16


def main() -> None:
    """Parse the arguments, measure, print."""
    from shipseg.parallel import worker_count

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="?", type=Path, help="a folder of tiles")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--workers", type=int, default=worker_count(None))
    parser.add_argument("--seconds", type=int, default=10, help="of each part of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=0, help="watch memory over so many")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("the load comes from wrk, which is not installed: apt-get install wrk")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiles = chosen_tiles(options.images, folder)
        listed = folder / "tiles.txt"
        listed.write_text("".join(f"{path}\n" for path in tiles))
        with served(options, folder / "state") as url:
            if options.requests:
                watch_memory(url, listed, options)
                return
            compare(url, listed, [path.read_bytes() for path in tiles], options)
            for patience_ms in (1000, 0):
                overload(url, listed, tiles[0].read_bytes(), options, patience_ms)


def chosen_tiles(images: Path | None, folder: Path) -> list[Path]:
    """List the tiles, drawn where the user has none; a third with ships, as in real sets."""
    from shipseg.imaging.synthetic import write_synthetic_dataset
    from shipseg.inference.batch import find_images

    if images is None:
        write_synthetic_dataset(folder / "drawn", 30, ship_share=0.33)
        images = folder / "drawn" / "images"
    return [path.absolute() for path in find_images([images])]


@contextmanager
def served(options: argparse.Namespace, state: Path) -> Iterator[str]:
    """Run a server; give its address."""
    command = [sys.executable, "-m", "shipseg.cli.main", "serve", "--json", "--port", "0"]
    command += ["--state", str(state), "--cache-mb", "0", "--queue", str(QUEUE)]
    command += ["--workers", str(options.workers)]
    command += ["--bundle", str(options.bundle)] if options.bundle else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            text = "".join(itertools.takewhile(lambda line: line != "}\n", process.stdout))
            yield json.loads(text + "}")["url"].rstrip("/")
        finally:
            process.terminate()


def load(
    url: str, listed: Path, callers: int, seconds: int, patience_ms: int = 0
) -> dict[str, Any]:
    """Let callers come for a while, who wait after a refusal; give what wrk counted."""
    command = ["wrk", "-t", "1", "-c", str(callers), "-d", f"{seconds}s", "--timeout", "60s"]
    command += ["-s", str(SCRIPT), f"{url}/v1/predict", "--", str(listed), str(patience_ms)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def own_speed(
    detector: Any, bodies: list[bytes], workers: int, seconds: int
) -> tuple[float, float]:
    """Give pictures a second of the detector alone, and the processor's seconds for one."""
    turn, until = itertools.cycle(bodies), time.perf_counter() + seconds
    lock = threading.Lock()

    def work(_: int) -> int:
        count = 0
        while time.perf_counter() < until:
            with lock:
                body = next(turn)
            detector.predict(body)
            count += 1
        return count

    start, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(workers) as pool:
        count = sum(pool.map(work, range(workers)))
    return count / (time.perf_counter() - start), (time.process_time() - cpu) / count


def compare(url: str, listed: Path, bodies: list[bytes], options: argparse.Namespace) -> None:
    """Measure detector and server in turn; print rates, ratio and times."""
    from shipseg import Detector

    detector = Detector(options.bundle)
    callers = 2 * options.workers
    own_speed(detector, bodies, options.workers, 1)
    load(url, listed, callers, 1)
    own, runs, own_cpu, cpu = [], [], [], []
    for _ in range(options.rounds):
        speed, spent = own_speed(detector, bodies, options.workers, options.seconds)
        before = counters(url)["process_cpu_seconds_total"]
        runs.append(load(url, listed, callers, options.seconds))
        own.append(speed)
        own_cpu.append(spent)
        cpu.append((counters(url)["process_cpu_seconds_total"] - before) / runs[-1]["requests"])
    rates = [run["requests"] / run["seconds"] for run in runs]
    ratio = statistics.median(rate / speed for rate, speed in zip(rates, own, strict=True))
    middle = runs[rates.index(statistics.median_low(rates))]
    print(f"{len(bodies)} tiles, {options.workers} workers, {callers} callers")
    print(f"detector alone  {statistics.median(own):7.1f} pictures/s")
    print(f"server          {statistics.median(rates):7.1f} pictures/s")
    print(f"ratio           {ratio:7.2f}  (aim: 0.85 or more)")
    # What other programs on the machine take from both does not count here.
    cost = statistics.median(mine / its for mine, its in zip(own_cpu, cpu, strict=True))
    print(f"processor time  {1000 * statistics.median(own_cpu):7.1f} ms a picture alone, ", end="")
    print(f"{1000 * statistics.median(cpu):.1f} ms in the server; ratio {cost:.2f}")
    print(
        f"answered in     {middle['p50_ms']:7.1f} ms in the median, {middle['p99_ms']:.1f} ms p99"
    )
    print(f"answers         {counted(runs)}")


def counted(runs: list[dict[str, Any]]) -> str:
    """Add up answers by status, and errors by kind."""
    sums: dict[str, int] = {}
    for run in runs:
        for kind, count in (run["statuses"] | run["errors"]).items():
            sums[kind] = sums.get(kind, 0) + count
    return ", ".join(f"{kind}: {count}" for kind, count in sorted(sums.items()))


def overload(
    url: str, listed: Path, body: bytes, options: argparse.Namespace, patience_ms: int
) -> None:
    """Let far too many callers come; print how others fare meanwhile."""
    callers = options.workers + QUEUE + 50
    health: list[float] = []
    refused: list[float] = []
    ended = threading.Event()

    def ask_health() -> None:
        while not ended.wait(0.02):
            health.append(timed(f"{url}/healthz", None)[1])

    def ask_predict() -> None:
        while not ended.wait(0.02):
            status, spent = timed(f"{url}/v1/predict", body)
            if status == 503:
                refused.append(spent)

    with ThreadPoolExecutor(2) as others:
        others.submit(ask_health)
        others.submit(ask_predict)
        run = load(url, listed, callers, options.seconds, patience_ms)
        ended.set()
    patience = f"come again after {patience_ms} ms" if patience_ms else "come again at once"
    print(f"\n{callers} callers, {options.workers + QUEUE} places; who is refused {patience}")
    print(f"answers         {counted([run])}")
    if not patience_ms:
        # Nearly all answers are refusals then, so their median is one of those.
        print(f"the callers in  {run['p50_ms']:7.1f} ms in the median, {run['p99_ms']:.1f} ms p99")
    print(f"/healthz in     {times(health)}")
    print(f"503 in          {times(refused)}")


def timed(url: str, body: bytes | None) -> tuple[int, float]:
    """Ask on a connection of its own; give the status and the milliseconds."""
    request = Request(url, body, {"Content-Type": "application/octet-stream"})
    start = time.perf_counter()
    try:
        with urlopen(request, timeout=60) as answer:
            answer.read()
            status = answer.status
    except HTTPError as error:
        error.read()
        status = error.code
    return status, (time.perf_counter() - start) * 1000


def counters(url: str) -> dict[str, float]:
    """Read the server's counters."""
    with urlopen(f"{url}/metrics") as answer:
        lines = [line.rpartition(" ") for line in answer.read().decode().splitlines()]
    return {name: float(value) for name, _, value in lines if not name.startswith("#")}


def times(milliseconds: list[float]) -> str:
    """Give median and 99th percentile."""
    if not milliseconds:
        return "none"
    ordered = sorted(milliseconds)
    high = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return f"{statistics.median(ordered):7.1f} ms in the median, {high:.1f} ms p99 ({len(ordered)})"


def watch_memory(url: str, listed: Path, options: argparse.Namespace) -> None:
    """Print the server's memory as requests go by."""
    done = 0
    print("requests   resident MB   open files")
    while True:
        run = load(url, listed, 2 * options.workers, options.seconds)
        done += run["requests"]
        found = counters(url)
        memory, files = found["process_resident_memory_bytes"], found["process_open_fds"]
        print(f"{done:8d} {memory / 1e6:13.1f} {files:12.0f}   {counted([run])}", flush=True)
        if done >= options.requests:
            return


if __name__ == "__main__":
    main()
