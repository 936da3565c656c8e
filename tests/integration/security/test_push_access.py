"""Whoever can push to the coordination repository decides what is built, not what is run."""

from __future__ import annotations

import json
from typing import Any

from coordination_tasks.documents.paths import transitions_path
from coordination_tasks.store.plans import plan_digest
from tests.conftest import Farm


def pushed_plan(farm: Farm, plan: dict[str, Any]) -> str:
    """A pusher writes plan, transition and queued job, without any command of ours."""
    text = json.dumps(plan, sort_keys=True, separators=(",", ":")) + "\n"
    digest = plan_digest(text.encode())
    farm.write(f"coordination/plans/{digest[:2]}/{digest}.json", text)
    move = {
        "id": "m1",
        "job": "theirs",
        "attempt": 1,
        "token": 1,
        "builder": "build1",
        "step": "first",
        "from": "queued",
        "to": "running",
        "at": "2025-10-29T12:00:00Z",
        "reason": "",
        "details": {"plan": digest, "changed_since": None},
    }
    farm.write(transitions_path("theirs", 1), json.dumps(move) + "\n")
    entry = {
        "id": "theirs",
        "type": "build",
        "priority": 1,
        "branch": "main",
        "status": "queued",
        "pipeline": "ledger",
        "commit": farm.commit,
        "attempt": 1,
        "token": 2,
        "created_at": "2025-10-29T12:00:00Z",
    }
    queue = json.loads(farm.read("coordination/jobs.json"))
    queue["jobs"].append(entry)
    farm.write("coordination/jobs.json", json.dumps(queue, indent=2))
    return digest


def plan_of_a_job(farm: Farm) -> dict[str, Any]:
    """A plan that the pipelines file made, as the coordination repository shows it."""
    farm.enqueue()
    assert farm.doit("build").returncode == 0
    [path] = [path for path in farm.files() if path.startswith("coordination/plans/")]
    farm.ledger.unlink()
    return dict(json.loads(farm.read(path)))


def test_a_pushed_plan_is_not_run(farm: Farm) -> None:
    plan = plan_of_a_job(farm)
    for step in plan["steps"]:
        if step["uses"] == "run":
            step["options"] = {"script": "echo theirs >> $LEDGER"}
    digest = pushed_plan(farm, plan)

    found = farm.doit("fsck")
    assert found.returncode == 6
    assert f"queued job theirs: attempt 1 used plan {digest[:12]}" in found.stdout
    assert "doit retry theirs --replan" in found.stdout

    refused = farm.doit("build")
    assert refused.returncode == 1
    assert farm.ran() == []
    reason = farm.job("theirs")["reason"]
    assert reason == (
        f"attempt 1 used plan {digest[:12]}, which this builder's pipelines file never made."
        " Use the current file with `doit retry theirs --replan`."
    )
    explained = json.loads(farm.doit("explain", "theirs", "--json").stdout)
    assert digest[:12] in explained["plan_problem"]

    assert farm.doit("retry", "theirs", "--replan").returncode == 0
    assert farm.doit("fsck").returncode == 0
    done = farm.doit("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert farm.ran() == ["first", "second", "third"]


def test_an_older_plan_gets_no_secret_that_the_file_has_taken_away(farm: Farm) -> None:
    """The plan is one of our own; the secret is no longer the pipeline's."""
    secrets = farm.folder / "secrets.yaml"
    secrets.write_text("TOKEN: a-long-value\n")
    secrets.chmod(0o600)
    config = farm.folder / "builder.yaml"
    config.write_text(config.read_text() + "secrets_file: ./secrets.yaml\n")
    farm.pipeline('- {name: work, run: "echo $TOKEN >> $LEDGER; exit 1", env: {TOKEN: x}}\n')
    path = farm.folder / "pipelines.yaml"
    without = path.read_text()
    path.write_text(without.replace("    steps:\n", "    secrets: [TOKEN]\n    steps:\n", 1))
    job = farm.enqueue()
    assert farm.doit("build").returncode == 1
    farm.ledger.unlink()
    path.write_text(without)

    assert farm.doit("build", "--job", job).returncode == 1
    assert farm.ran() == []
    assert "its plan uses secret TOKEN" in farm.job(job)["reason"]


def test_a_retried_job_runs_again_from_a_step(farm: Farm) -> None:
    farm.second("echo second >> $LEDGER; [ -e $LEDGER.go ]")
    job = farm.enqueue()
    assert farm.doit("build").returncode == 1
    assert farm.ran() == ["first", "second"]
    (farm.folder / "ledger.go").touch()

    wrong = farm.doit("retry", job, "--from", "secnd")
    assert wrong.returncode == 3
    assert "unknown step 'secnd'" in wrong.stderr
    assert farm.doit("retry", job, "--from", "first").returncode == 0
    done = farm.doit("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert farm.ran() == ["first", "second", "first", "second", "third"]


def test_a_retried_job_whose_new_plan_lacks_the_step_fails_with_the_reason(farm: Farm) -> None:
    farm.second("exit 1")
    job = farm.enqueue()
    assert farm.doit("build").returncode == 1
    assert farm.doit("retry", job, "--replan", "--from", "forth").returncode == 0
    assert farm.doit("build").returncode == 1
    assert "unknown step 'forth' of pipeline ledger" in farm.job(job)["reason"]
