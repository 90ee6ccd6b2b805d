"""Runs of `predict --engine ray` in a process of their own, with workers that die on purpose.

What is defined here goes to the workers by value, because this is their driver's `__main__`. The
names of pictures say what happens when a worker looks at them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shipseg.cli import scene_engines, tile_engines
from shipseg.cli.main import main
from shipseg.errors import BundleError
from shipseg.inference.batch import Outcome
from shipseg.inference.ray_parts import Parts

LOG = Path(sys.argv[1])


class Mortal:
    """A worker's detector that notes what it is asked, and may die of it."""

    def __init__(self, detector: Any) -> None:
        self._detector = detector
        note("loaded")
        die_after_writing()

    def predict(self, picture: Any, *, gated: bool, name: str) -> Any:
        note(name)
        if "kill" in name:
            die_once(name)
        if "hostile" in name:
            die()
        if "slow" in name:
            time.sleep(600)
        return self._detector.predict(picture, gated=gated, name=name)


class MortalOnScenes:
    """A worker's detector that dies once in the middle of a scene."""

    def __init__(self, detector: Any) -> None:
        self._detector, self._glances = detector, 0
        note("loaded")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._detector, name)

    def glance(self, picture: Any) -> Any:
        self._glances += 1
        if self._glances == 3:
            die_once("scene")
        return self._detector.glance(picture)


class MortalSettings:
    """Settings of a worker that makes such a detector."""

    def __init__(self, settings: Any) -> None:
        self._settings, self.device = settings, settings.device

    def make(self) -> Any:
        return MortalOnScenes(self._settings.make())


def note(what: str) -> None:
    with LOG.open("a", errors="replace") as file:
        file.write(f"{os.getpid()} {what}\n")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(why: str) -> None:
    try:
        LOG.with_name(f"died-{why}").touch(exist_ok=False)
    except FileExistsError:
        return
    die()


def die_after_writing() -> None:
    """Die once when the work is done and nobody knows of it yet."""
    write = Parts.write

    def write_and_die(self: Parts, number: int, outcomes: list[Outcome]) -> None:
        write(self, number, outcomes)
        if any("written" in outcome.name for outcome in outcomes):
            die_once("written")

    Parts.write = write_and_die  # type: ignore[method-assign]


def mortal(make: Callable[[], Any]) -> Any:
    return Mortal(make())


def nothing(make: Callable[[], Any]) -> Any:
    raise BundleError("there is no bundle on this machine", hint="copy it there")


def interrupt_after(parts: int, folder: Path) -> None:
    """Press Ctrl-C as soon as so many parts are written."""
    while len(list(folder.glob(".shipseg-parts-*/*.json"))) < parts:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)


def run(arguments: list[str], *, loads: bool = True, interrupt: int = 0) -> int:
    on_ray, for_ray = tile_engines.on_ray, scene_engines.for_ray
    scene_engines.for_ray = lambda settings: MortalSettings(for_ray(settings))
    wrap = mortal if loads else nothing
    tile_engines.on_ray = lambda make, **options: on_ray(lambda: wrap(make), **options)
    if interrupt:
        out = Path(arguments[arguments.index("-o") + 1])
        threading.Thread(target=interrupt_after, args=(interrupt, out), daemon=True).start()
    try:
        return main(arguments)
    finally:
        tile_engines.on_ray, scene_engines.for_ray = on_ray, for_ray


if __name__ == "__main__":
    runs = json.loads(sys.argv[2])
    if len(runs) > 1:
        # Joined by each run, and left running by it.
        from shipseg.inference.ray_cluster import set_environment

        set_environment(own=True)
        import ray

        ray.init(num_cpus=2, include_dashboard=False, logging_level="error", log_to_driver=False)
    codes = []
    for options in runs:
        print(f"--- {len(codes)}", file=sys.stderr, flush=True)
        codes.append(run(**options))
    # Not on stdout, where Ray says goodbye.
    LOG.with_name("codes").write_text(json.dumps(codes))
