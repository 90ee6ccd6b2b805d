"""Run folders: nothing is clobbered, one process at a time, and a failed start leaves nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shipseg.errors import BadInputError, OutputExistsError, UsageError
from shipseg.training.config import GateConfig, load_config, read_config
from shipseg.training.folder import RunFolder, open_run, read_environment, record_start

pytestmark = pytest.mark.train

# What another process does, without the seconds that torch takes to load.
_HOLD = """
import fcntl, sys
handle = open(sys.argv[1], "w")
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def config() -> GateConfig:
    return load_config(GateConfig, None, {"images": Path("i"), "labels": Path("l.csv")}, [])


@pytest.fixture
def finished(tmp_path, config) -> RunFolder:
    """A run that looks as if a training had ended."""
    with open_run(tmp_path / "run") as folder:
        record_start(folder, config, {})
        folder.samples.mkdir()
        folder.tensorboard.mkdir()
        (folder.tensorboard / "events.out.tfevents.1").touch()
        for path in (folder.checkpoint, folder.weights, folder.summary, folder.metrics):
            path.write_text("x")
    return folder


def test_a_folder_is_made_and_kept_once_the_start_is_recorded(tmp_path, config):
    root = tmp_path / "runs" / "gate"
    with open_run(root) as folder:
        record_start(folder, config, {"train": {"tiles": 3}})
    assert read_config(folder.config) == config
    environment = json.loads(folder.environment.read_text())
    assert environment["packages"]["torch"]
    assert environment["data"] == {"train": {"tiles": 3}}
    assert environment["command"]


def test_a_start_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="a typo"), open_run(tmp_path / "run"):
        raise ValueError("a typo")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_was_there_empty_may_be_used(tmp_path, config):
    (tmp_path / "run").mkdir()
    with open_run(tmp_path / "run") as folder:
        record_start(folder, config, {})
    assert folder.config.is_file()


def test_a_run_is_not_clobbered(finished):
    before = {path: path.read_bytes() for path in finished.root.rglob("*") if path.is_file()}
    with pytest.raises(OutputExistsError, match="already holds a run") as caught:
        open_run(finished.root).__enter__()
    assert "--resume" in str(caught.value.hint)
    assert "--overwrite" in str(caught.value.hint)
    assert {path: path.read_bytes() for path in before} == before


def test_a_folder_with_other_things_is_never_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(OutputExistsError, match="no run folder"):
            open_run(tmp_path, overwrite=overwrite).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_folder_s_place(tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(OutputExistsError, match="is a file"):
        open_run(tmp_path / "run", overwrite=True).__enter__()


def test_a_run_stays_until_the_one_that_replaces_it_starts(finished):
    with pytest.raises(ValueError, match="typo"), open_run(finished.root, overwrite=True):
        raise ValueError("typo")
    assert finished.checkpoint.read_text() == "x"


def test_clearing_takes_what_a_training_wrote_and_nothing_else(finished):
    (finished.root / "notes.txt").write_text("mine")
    finished.clear()
    left = {path.name for path in finished.root.rglob("*") if path.is_file()}
    assert left == {"notes.txt", ".lock"}


def test_there_must_be_something_to_resume(tmp_path):
    for root in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UsageError, match="no run to resume"):
            open_run(root, resume=True).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_resume_and_overwrite_do_not_go_together(finished):
    with pytest.raises(UsageError, match="not both"):
        open_run(finished.root, resume=True, overwrite=True).__enter__()


@pytest.mark.parametrize("options", [{"resume": True}, {"overwrite": True}])
def test_a_second_process_is_refused(finished, options):
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(finished.root / ".lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another process is training in"):
            open_run(finished.root, **options).__enter__()
        assert finished.checkpoint.exists()
        other.kill()
        other.wait()
        # The killed one has let go.
        with open_run(finished.root, **options) as folder:
            assert folder == finished


def test_torn_files_of_a_killed_process_are_swept_away(finished):
    torn = finished.root / ".last.abc123.tmp.ckpt"
    torn.write_bytes(b"half")
    with open_run(finished.root, resume=True):
        assert not torn.exists()
    assert finished.checkpoint.exists()


def test_a_resumed_run_remembers_its_earlier_starts(finished, config):
    first = read_environment(finished)
    for _ in range(2):
        record_start(finished, config, {})
    earlier = read_environment(finished)["earlier_starts"]
    assert len(earlier) == 2
    assert earlier[0] == {"started": first["started"], "command": first["command"]}


def test_an_environment_that_someone_broke(finished):
    finished.environment.write_text("{")
    with pytest.raises(BadInputError, match="is no JSON"):
        read_environment(finished)
