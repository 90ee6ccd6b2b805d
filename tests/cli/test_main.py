from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path

import pytest

import shipseg
from shipseg.cli import main as program
from shipseg.errors import BadInputError, MissingDependencyError, QualityGateError, ShipsegError

from .conftest import Run, save_tile

OURS = ("demo", "predict", "classify", "evaluate")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", list(program.COMMANDS))
def test_every_command_is_there(name: str) -> None:
    module, _, function = program.COMMANDS[name].partition(":")
    assert hasattr(import_module(module), function)


@pytest.mark.parametrize("name", OURS)
def test_every_command_has_help_with_an_example(run: Run, name: str) -> None:
    result = run(name, "--help")
    assert result.code == 0
    assert f"Example: shipseg {name} " in result.out


def test_the_program_lists_its_commands(run: Run) -> None:
    result = run("--help")
    assert result.code == 0
    assert all(f"\n  {name}  " in result.out for name in program.COMMANDS)


def test_the_version(run: Run) -> None:
    assert run("--version").out == f"shipseg {shipseg.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["demo", "--nonsense"], ["predict"], ["demo", "--seed", "-1"]]
)
def test_wrong_usage_is_2(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert "Error" in result.err


class BoomError(Exception):
    """Nothing that anyone expects."""


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BadInputError("row 3 is odd", hint="even it out"), 3, "Error: row 3 is odd\nHint: even"),
        (QualityGateError("F2 is 0.1"), 6, "Error: F2 is 0.1"),
        (MissingDependencyError.of_extra("torch", "train", "training"), 5, "shipseg[train]"),
        (ShipsegError("plain"), 1, "Error: plain"),
        (BoomError("x"), 1, "this is a bug in shipseg: BoomError: x"),
        (OSError(28, "No space left on device", "out/t.csv"), 1, "'out/t.csv': No space left"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_become_messages_and_exit_codes(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("shipseg.inference.detector.Detector", fail)
    result = run("demo", "-o", "never-made")
    assert result.code == code
    assert said in result.err
    assert "Traceback" not in result.err
    assert result.out == ""
    assert not Path("never-made").exists()


def test_debug_shows_where_it_happened(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise BoomError("x")

    monkeypatch.setattr("shipseg.inference.detector.Detector", fail)
    assert "Traceback" in run("--debug", "demo", "-o", "never-made").err


def test_messages_cannot_command_the_terminal(run: Run, tmp_path: Path) -> None:
    result = run("predict", tmp_path / "\x1b[31mred\u202e", "-o", tmp_path / "out")
    assert result.code == 2
    assert "\x1b" not in result.err
    assert "\u202e" not in result.err


def test_help_loads_no_library() -> None:
    done = python(
        """
        import sys
        from shipseg.cli.main import main
        main(["predict", "--help"])
        print(sorted({"numpy", "onnxruntime", "torch", "PIL", "scipy"} & set(sys.modules)))
        """
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_module_and_script_are_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shipseg", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"shipseg {shipseg.__version__}\n")


SLOW = """
    import sys, time
    sys.path.insert(0, {tests!r})
    from cli.fakes import FakeDetector
    import shipseg.inference.detector as home
    class Slow(FakeDetector):
        def predict(self, source, **options):
            time.sleep(0.05)
            return super().predict(source, **options)
    home.Detector = Slow
    from shipseg.cli.main import main
    sys.exit(main(sys.argv[1:]))
"""


def slow_program(*arguments: object) -> list[str]:
    code = textwrap.dedent(SLOW.format(tests=str(Path(__file__).parents[1])))
    return [sys.executable, "-c", code, *map(str, arguments)]


@pytest.mark.skipif(os.name != "posix", reason="signals of another kind")
def test_ctrl_c_keeps_finished_work(tmp_path: Path) -> None:
    tiles, out = tmp_path / "tiles", tmp_path / "out"
    tiles.mkdir()
    for i in range(200):
        save_tile(tiles / f"{i:03}.png", ships=1, size=64)
    program = subprocess.Popen(
        slow_program("predict", tiles, "-o", out, "--masks", "-j", 1),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores Ctrl-C, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not (out / "masks").is_dir() or len(list((out / "masks").glob("[0-9]*.png"))) < 3:
        assert program.poll() is None
    program.send_signal(signal.SIGINT)
    stdout, stderr = program.communicate(timeout=20)
    assert program.returncode == 130
    assert stdout == ""
    assert "interrupted: " in stderr
    assert "Traceback" not in stderr
    rows = (out / "tiles.csv").read_text().splitlines()[1:]
    assert 2 <= len(rows) < 200
    # A tile's pictures come first, so that every row's are there.
    assert all((out / "masks" / f"{row[:3]}.png").is_file() for row in rows)
    assert list(out.rglob(".*")) == []


@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals")
def test_a_bar_on_a_terminal_leaves_stdout_alone(tmp_path: Path) -> None:
    import pty

    tiles = tmp_path / "tiles"
    tiles.mkdir()
    for i in range(5):
        save_tile(tiles / f"{i}.png", ships=1, size=64)
    leader, follower = pty.openpty()
    done = subprocess.run(
        slow_program("classify", tiles),
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
        check=False,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(follower)
    assert len(done.stdout.splitlines()) == 6
    assert "\x1b" not in done.stdout
    assert b"asking the gate" in os.read(leader, 65536)
    os.close(leader)
