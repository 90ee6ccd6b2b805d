"""Jobs: taken, done, kept through a restart, stopped, and never another owner's."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from shipseg.errors import UsageError
from shipseg.server import schemas
from shipseg.server.analysis import Demand
from shipseg.server.app import create_app
from shipseg.server.jobs import runner, store
from shipseg.server.jobs.store import Job, JobStore
from shipseg.server.model import Model
from shipseg.server.problems import Problem
from shipseg.server.settings import Settings

from .pictures import SECOND, SHIP, encoded, geotiff, harbour, opened

PNG = encoded(harbour())
FORMS = ("application/json", "application/geo+json", "text/csv", "image/png")


@contextmanager
def serving(model: Model, state: Path, **settings: Any) -> Iterator[TestClient]:
    app = create_app(model, Settings(state=state, **settings))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def hand_in(client: TestClient, body: bytes = PNG, query: str = "", **headers: str) -> Any:
    answer = client.post(f"/v1/jobs{query}", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    schemas.JobFacts.model_validate(answer.json())
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    return answer.json()


def ended(client: TestClient, job: Any, **headers: str) -> Any:
    """Wait for a job's end."""
    for _ in range(2000):
        answer = client.get(f"/v1/jobs/{job['id']}", headers=headers).json()
        schemas.JobFacts.model_validate(answer)
        if answer["status"] in ("done", "failed"):
            return answer
        time.sleep(0.01)
    raise AssertionError(answer)


def result(client: TestClient, job: Any, accept: str = FORMS[0], query: str = "") -> Any:
    return client.get(f"/v1/jobs/{job['id']}/result{query}", headers={"Accept": accept})


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Jobs wait in their work until they are stopped or what this gives is called."""
    free: list[bool] = []

    def work_on(*_: Any, ticket: Any, **__: Any) -> None:
        while not free:
            ticket.check()
            time.sleep(0.005)

    monkeypatch.setattr(runner, "work_on", work_on)
    return lambda: free.append(True)


def test_a_job_gives_what_a_request_gives(client: TestClient) -> None:
    job = ended(client, hand_in(client, query="?name=harbour.png"))
    assert (job["status"], job["progress"], job["name"]) == ("done", 1.0, "harbour.png")
    for form in FORMS:
        answer = client.post("/v1/predict?name=harbour.png", content=PNG, headers={"Accept": form})
        mine = result(client, job, form)
        assert mine.headers["content-type"] == answer.headers["content-type"]
        if form == "application/json":
            ours, theirs = mine.json(), answer.json()
            assert ours.pop("request_id") == f"job-{job['id']}"
            for document in (ours, theirs):
                document.pop("timings_ms")
            assert ours == {k: v for k, v in theirs.items() if k != "request_id"}
        else:
            assert mine.content == answer.content
    for layer in ("picture", "overlay", "probability"):
        assert opened(result(client, job, "image/png", f"?layer={layer}").content).shape[0] == 768


def test_results_are_asked_for_by_tag(client: TestClient) -> None:
    job = ended(client, hand_in(client))
    tag = result(client, job).headers["etag"]
    answer = client.get(f"/v1/jobs/{job['id']}/result", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_scene_in_windows_has_the_ships_of_the_whole(model: Model, tmp_path: Path) -> None:
    scene = geotiff(harbour(1400, 1600))
    with serving(model, tmp_path, request_pixels=500_000) as client:
        answer = client.post("/v1/predict", content=scene)
        assert (answer.status_code, answer.json()["code"]) == (413, "image-too-large")
        assert "/v1/jobs" in answer.json()["hint"]
        job = ended(client, hand_in(client, scene))
        document = result(client, job).json()
        schemas.Prediction.model_validate(document)
        assert [ship["box"] for ship in document["ships"]] == [list(SECOND), list(SHIP)]
        assert document["ships"][1]["length_m"] == pytest.approx(60, rel=0.05)
        assert opened(result(client, job, "image/png").content).sum() == 255 * (480 + 800)
        missing = result(client, job, "image/png", "?layer=probability")
        assert (missing.status_code, missing.json()["code"]) == (404, "layer-missing")
        assert not list(tmp_path.rglob("journal"))
        assert not list(tmp_path.rglob("input"))


def test_parameters_reach_the_job(client: TestClient) -> None:
    job = ended(client, hand_in(client, query="?min_score=1&gate=off&threshold=0.7"))
    document = result(client, job).json()
    assert document["thresholds"] == {"gate": 0.5, "ship": 0.7}
    assert client.post("/v1/jobs?threshold=nan", content=PNG).status_code == 422


def test_a_picture_that_cannot_be_read_fails_by_itself(client: TestClient) -> None:
    job = ended(client, hand_in(client, PNG[: len(PNG) // 2], "?name=half.png"))
    assert (job["status"], job["error"]["code"]) == ("failed", "image")
    assert "half.png" in job["error"]["detail"]
    assert "/" not in job["error"]["detail"]
    answer = result(client, job)
    assert (answer.status_code, answer.json()["code"]) == (409, "job-unfinished")
    assert ended(client, hand_in(client))["status"] == "done"


def test_a_bug_is_not_told(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret of the server")

    monkeypatch.setattr(runner, "work_on", broken)
    with serving(model, tmp_path) as client:
        job = ended(client, hand_in(client))
    assert job["error"]["code"] == "internal"
    assert "secret" not in json.dumps(job)


def test_jobs_survive_a_restart(
    model: Model, tmp_path: Path, held: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(model, tmp_path) as client:
        jobs = [hand_in(client, query=f"?name={n}.png") for n in range(3)]
    monkeypatch.undo()
    with serving(model, tmp_path) as client:
        assert [ended(client, job)["status"] for job in jobs] == ["done"] * 3
        names = [result(client, job).json()["image"]["name"] for job in jobs]
        assert names == ["0.png", "1.png", "2.png"]
    with serving(model, tmp_path) as client:  # And results survive another.
        assert len(result(client, jobs[2]).json()["ships"]) == 2


def test_an_orderly_stop_is_no_attempt(
    model: Model, tmp_path: Path, held: Callable[[], None]
) -> None:
    for _ in range(4):
        with serving(model, tmp_path) as client:
            if not list(tmp_path.glob("jobs/*")):
                job = hand_in(client)
            while client.get(f"/v1/jobs/{job['id']}").json()["status"] != "running":
                time.sleep(0.005)
    held()
    with serving(model, tmp_path) as client:
        assert ended(client, job)["status"] == "done"


def test_what_ends_the_process_three_times_is_given_up(tmp_path: Path) -> None:
    jobs = JobStore(tmp_path, 5, 60)
    job = jobs.add(io.BytesIO(PNG), "a.png", None, Demand())
    for attempt in range(1, 4):
        jobs.change(job.id, status="running", attempts=attempt)
        jobs.close()  # As a kill would leave it.
        jobs = JobStore(tmp_path, 5, 60)
        assert jobs.get(job.id, None).status == ("failed" if attempt == 3 else "queued")
    assert jobs.get(job.id, None).error


def test_a_running_job_is_stopped(
    model: Model, tmp_path: Path, held: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(model, tmp_path) as client:
        running, waiting = hand_in(client), hand_in(client)
        while client.get(f"/v1/jobs/{running['id']}").json()["status"] != "running":
            time.sleep(0.005)
        for job in (running, waiting):
            assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
            assert client.get(f"/v1/jobs/{job['id']}").status_code == 404
            assert client.delete(f"/v1/jobs/{job['id']}").json()["code"] == "job-unknown"
        held()
        assert ended(client, hand_in(client))["status"] == "done"
    assert len(list(tmp_path.glob("jobs/*"))) == 1


def test_jobs_belong_to_their_key(model: Model, tmp_path: Path) -> None:
    keys = ("a" * 16, "b" * 16)
    mine, other = ({"X-API-Key": key} for key in keys)
    with serving(model, tmp_path, keys=keys) as client:
        job = hand_in(client, **mine)
        for path in (f"/v1/jobs/{job['id']}", f"/v1/jobs/{job['id']}/result"):
            assert client.get(path, headers=other).json()["code"] == "job-unknown"
        assert client.delete(f"/v1/jobs/{job['id']}", headers=other).status_code == 404
        assert ended(client, job, **mine)["status"] == "done"


def test_more_jobs_than_may_wait_are_refused(
    model: Model, tmp_path: Path, held: Callable[[], None]
) -> None:
    keys = ("a" * 16, "b" * 16)
    mine, other = ({"X-API-Key": key} for key in keys)
    with serving(model, tmp_path, jobs=3, keys=keys, key_share=0.5) as client:
        for _ in range(2):
            hand_in(client, **mine)
        answer = client.post("/v1/jobs", content=PNG, headers=mine)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate")
        hand_in(client, **other)
        answer = client.post("/v1/jobs", content=PNG, headers=other)
        assert (answer.status_code, answer.json()["code"]) == (503, "jobs-full")
        assert int(answer.headers["retry-after"]) > 0


def test_finished_jobs_go_after_their_time(tmp_path: Path) -> None:
    jobs = JobStore(tmp_path, 5, keep_s=60)
    old, new, open_ = (jobs.add(io.BytesIO(b"x"), n, None, Demand()) for n in "abc")
    jobs.change(old.id, status="done", finished=time.time() - 61)
    jobs.change(new.id, status="done", finished=time.time() - 59)
    jobs.purge()
    assert {job.id for job in jobs.all()} == {new.id, open_.id}
    assert {path.name for path in (tmp_path / "jobs").iterdir()} == {new.id, open_.id}


def test_one_server_a_folder(tmp_path: Path) -> None:
    first = JobStore(tmp_path, 5, 60)
    with pytest.raises(UsageError, match="another server"):
        JobStore(tmp_path, 5, 60)
    first.close()
    JobStore(tmp_path, 5, 60).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        JobStore(tmp_path / "file", 5, 60)


def test_drafts_and_strange_folders_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "jobs" / ".draft").mkdir(parents=True)
    (tmp_path / "jobs" / "strange").mkdir()
    (tmp_path / "jobs" / "strange" / "job.json").write_text('{"id": 3}')
    assert JobStore(tmp_path, 5, 60).all() == []
    assert {path.name for path in (tmp_path / "jobs").iterdir()} == {"strange"}


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = JobStore(tmp_path, 5, 60)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "atomic_write_text", full)
    with pytest.raises(OSError, match="No space"):
        jobs.add(io.BytesIO(PNG), "a.png", None, Demand())
    assert not list((tmp_path / "jobs").iterdir())
    assert jobs.all() == []


def test_a_full_disk_is_told_as_such(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with serving(model, tmp_path) as client:
        monkeypatch.setattr(store, "atomic_write_text", full)
        answer = client.post("/v1/jobs", content=PNG)
        assert (answer.status_code, answer.json()["code"]) == (507, "storage")


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    jobs = JobStore(tmp_path, 5, 60)
    demand = Demand(threshold=0.25, gsd_m=0.3, gated=False)
    job = jobs.add(io.BytesIO(b"picture"), "ü\u202e.tif", "owner", demand)
    jobs.close()
    again = JobStore(tmp_path, 5, 60)
    assert (
        again.get(job.id, "owner")
        == job
        == Job(job.id, job.name, "owner", demand, created=job.created)
    )
    assert again.input(job.id).read_bytes() == b"picture"
    with pytest.raises(Problem):
        again.get(job.id, None)


def test_a_stopping_server_takes_no_job(model: Model, tmp_path: Path) -> None:
    with serving(model, tmp_path) as client:
        client.app.state.service.draining = True  # type: ignore[attr-defined]
        for answer in (client.post("/v1/jobs", content=PNG), client.get("/readyz")):
            assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
        assert client.get("/healthz").status_code == 200
