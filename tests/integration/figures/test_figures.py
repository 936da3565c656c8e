"""`doit predict` and `doit metrics` on a real farm, read by the parser of Prometheus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from coordination_tasks.documents.paths import JOBS, transitions_path
from tests.conftest import Farm

MODULES = [{"name": 'a"b\nc', "result": "success", "seconds": 12.5}, {"name": "torn"}]


def ended(number: int, state: str = "completed", branch: str = "main") -> dict[str, object]:
    return {
        "id": f"web-{number}", "pipeline": "ledger", "branch": branch, "status": state,
        "attempt": 1, "assigned_to": "build1", "created_at": f"2026-11-30T10:0{number}:00Z",
        "started_at": f"2026-11-30T10:0{number}:30Z", "duration_seconds": 60 * number,
        "completed_at": f"2026-11-30T11:0{number}:00Z",
    }  # fmt: skip


def step(job: str, name: str, to: str, details: object, seconds: float) -> str:
    moves: list[dict[str, object]] = [
        {"from": "queued", "to": "running", "details": {}},
        {"from": "running", "to": to, "details": details, "duration_seconds": seconds},
    ]
    lines = [
        {"id": f"{name}-{n}", "job": job, "attempt": 1, "token": 1, "builder": "build1",
         "step": name, "at": "2026-11-30T10:00:00Z", "reason": "x", "log": None} | move
        for n, move in enumerate(moves)
    ]  # fmt: skip
    return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.fixture
def busy(farm: Farm) -> Farm:
    jobs = [ended(1), ended(2), ended(3), ended(4, "failed"), ended(5, branch='x"\n')]
    farm.write(JOBS, json.dumps({"jobs": jobs}))
    first = step("web-1", "build", "succeeded", {"values": {"modules": MODULES}}, 50.0)
    farm.write(transitions_path("web-1", 1), first)
    last = step("web-4", "build", "failed", {"code": "TEST_FAILURE"}, 5.0)
    farm.write(transitions_path("web-4", 1), last)
    status = {"server": "build1", "status": "idle", "system": {"cpu_usage": 7.5}}
    farm.write("build1/status.json", json.dumps(status))
    return farm


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_figures_for_prometheus(busy: Farm, tmp_path: Path) -> None:
    done = busy.doit("metrics", "--textfile", str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.glob("farm*")] == ["farm.prom"]
    found = samples((tmp_path / "farm.prom").read_text())
    expected = {
        ("farm_reachable",): 1,
        ("farm_builder_cpu_percent", "build1"): 7.5,
        ("farm_jobs", "succeeded"): 4,
        ("farm_jobs", "failed"): 1,
        ("farm_build_duration_seconds", "ledger", "main", "0.5"): 120,
        ("farm_build_waiting_seconds", "ledger", "main", "0.9"): 30,
        ("farm_build_success_ratio", "ledger", "main"): 0.75,
        ("farm_last_build_succeeded", "ledger", "main"): 0,
        ("farm_last_build_succeeded", "ledger", 'x"\n'): 1,
        ("farm_step_duration_seconds", "ledger", "build", "0.5"): 50,
        ("farm_step_failures", "ledger", "build", "TEST_FAILURE"): 1,
        ("farm_module_duration_seconds", "ledger", 'a"b\nc', "0.5"): 12.5,
    }
    assert {key: found.get((key[0], *sorted(key[1:]))) for key in expected} == expected

    busy.coordination.rename(tmp_path / "away")
    away = busy.doit("metrics")
    assert (away.returncode, samples(away.stdout)[("farm_reachable",)]) == (1, 0)
    for words, message in (
        (("--textfile", "/no/where"), "/no/where is not a folder"),
        (("--textfile", str(tmp_path), "--json"), "exclude each other"),
    ):
        wrong = busy.doit("metrics", *words)
        assert (wrong.returncode, message in wrong.stderr) == (3, True)


def test_how_long_a_job_takes(busy: Farm) -> None:
    shown = busy.doit("predict", "ledger", "--branch", "main")
    assert shown.returncode == 0, shown.stderr
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[0] == "pipeline ledger, branch main"
    assert "any builder 2 min 00 s 1 min 12 s 2 min 48 s 3" in lines
    document = json.loads(busy.doit("predict", "web-2", "--json").stdout)
    assert (document["job"], document["left_seconds"]) == ("web-2", None)
    assert [each["builder"] for each in document["expected"]] == [None, "build1"]
    assert document["expected"][0]["typical"] == 120
    unknown = busy.doit("predict", "ledgr")
    assert unknown.returncode == 3
    assert "is called 'ledgr'; did you mean 'ledger'?" in unknown.stderr


def test_a_running_job_shows_what_is_left(busy: Farm) -> None:
    jobs = json.loads(busy.read(JOBS))["jobs"]
    soon = {"id": "web-9", "pipeline": "ledger", "branch": "main", "status": "running",
            "attempt": 1, "token": 1, "claim_id": "c", "assigned_to": "build1",
            "started_at": "2126-11-30T10:00:00Z"}  # fmt: skip
    busy.write(JOBS, json.dumps({"jobs": [*jobs, soon]}))
    assert "about 2 min left" in busy.doit("status").stdout
    assert "about 2 min left" in busy.doit("status", "web-9").stdout
    assert json.loads(busy.doit("status", "web-9", "--json").stdout)["left_seconds"] == 120
    assert "about 2 min left" in busy.doit("predict", "web-9").stdout
    pages = busy.folder / "pages"
    busy.doit("page", "--out", str(pages))
    assert "about 2 min left" in (pages / "index.html").read_text()
