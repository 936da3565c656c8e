"""`doit explain` as a person types it: each reason that a job or a step can have."""

from __future__ import annotations

import json
import re

import pytest

from tests.conftest import PATIENCE, Farm, await_that

STEPS = """
- {name: first, env: {WORD: old}, run: "echo first >> $LEDGER"}
- {name: second, needs: first, run: "exit 7"}
- {name: third, needs: second, run: "true"}
"""


@pytest.fixture
def failed(farm: Farm) -> tuple[Farm, str]:
    farm.pipeline(STEPS)
    job = farm.enqueue()
    assert farm.doit("build").returncode == 1
    return farm, job


def explain(farm: Farm, *words: str) -> str:
    done = farm.doit("explain", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_why_each_step_of_a_failed_job_ran_or_did_not(failed: tuple[Farm, str]) -> None:
    farm, job = failed
    text = explain(farm, job)
    assert text.startswith(f"job {job}: failed, attempt 1\nstep second: ")
    lines = {line.split()[0]: line for line in text.splitlines()[2:] if line.strip()}
    assert "ran: its first run for this job on this builder" in lines["first"]
    assert "up to date" in lines["first"]
    assert "failed" in lines["second"]
    assert "skipped" in lines["third"]
    assert "step second did not succeed" in lines["third"]
    told = json.loads(explain(farm, job, "--json"))
    assert [step["step"] for step in told["steps"]][:3] == ["git-checkout", "first", "second"]
    assert told["steps"][1] == {"step": "first", "state": "succeeded"}
    shown = farm.doit("status", "--job", job).stdout
    assert f"\nsecond: COMMAND_FAILED; log: {told['steps'][2]['log']}\n" in shown
    following = "doit enqueue --pipeline ledger --branch main"
    assert shown.endswith(f"\n  {following}\n")
    assert text.endswith(f"\n  {following}\n")
    assert (told["next"]["code"], told["next"]["command"]) == ("COMMAND_FAILED", following)
    judged = told["steps"][2]["code"], told["steps"][2]["retryable"]
    assert judged == ("COMMAND_FAILED", False)
    assert len(explain(farm, job, "--json").encode()) <= 2000


def test_a_parameter_that_the_job_leaves_to_its_default_has_not_changed(farm: Farm) -> None:
    farm.pipeline('- {name: first, run: "echo ${{ params.word }} >> $LEDGER"}\n')
    path = farm.folder / "pipelines.yaml"
    head, tail = path.read_text().split("    steps:\n", 1)
    path.write_text(f"{head}    params: {{word: {{default: x}}}}\n    steps:\n{tail}")
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    told = json.loads(explain(farm, job, "--json"))
    assert [step["reasons_to_run"] for step in told["steps"]][:2] == [[], []]


def test_the_step_tells_what_changed_and_from_what_to_what(failed: tuple[Farm, str]) -> None:
    farm, job = failed
    (farm.folder / "builder.yaml").write_text(
        (farm.folder / "builder.yaml").read_text().replace("env: {", "env: {LEVEL: high, ")
    )
    text = explain(farm, job, "first")
    assert "step first: succeeded" in text
    assert "log: " in text
    assert "LEVEL of the builder was not set, is set" in text
    assert farm.ran() == ["first"]
    assert "code" in explain(farm, job, "second")
    assert farm.doit("explain", job, "secnd").returncode == 3
    assert farm.doit("explain", "no-such-job").returncode == 3


def test_what_hangs_on_a_condition_or_on_another_result_is_not_foretold(farm: Farm) -> None:
    farm.pipeline("""
    - {name: first, run: "echo ${LEVEL:-low} > first.txt", outputs: [first.txt]}
    - {name: last, run: "cat first.txt", needs: [first]}
    - {name: repair, run: "true", needs: [first], when: failure}
    """)
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    assert "up to date, unless" not in explain(farm, job)
    (farm.folder / "builder.yaml").write_text(
        (farm.folder / "builder.yaml").read_text().replace("env: {", "env: {LEVEL: high, ")
    )
    told = {step["step"]: step for step in json.loads(explain(farm, job, "--json"))["steps"]}
    assert told["git-checkout"]["runs_after_change_in"] == []
    assert told["last"]["runs_after_change_in"] == ["git-checkout", "first"]
    assert told["repair"]["condition"] == "failure"
    text = " ".join(explain(farm, job).split())
    assert "runs if its condition is true (failure): its first run" in text
    assert "runs if its condition is true (failure):" in explain(farm, job, "repair")
    assert "(always)" not in text


def test_what_hinders_the_claim_of_queued_jobs(farm: Farm) -> None:
    free = farm.enqueue()
    labelled = farm.enqueue("--label", "arch=mips")
    after = farm.enqueue("--after", free)
    early = farm.doit(
        *("enqueue", "--pipeline", "ledger", "--branch", "main", "--after", "to-come")
    )
    assert early.returncode == 0
    assert "unknown job 'to-come'" in early.stderr
    told = {entry["id"]: entry["not_claimed"] for entry in json.loads(explain(farm, "--json"))}
    assert told[free] == ""
    assert told[labelled] == "missing label arch=mips"
    assert told[after] == f"its dependency {free} is queued"
    assert "to-come" in told[early.stdout.strip()]
    assert "this builder can claim it" in explain(farm)
    assert "no workspace" in explain(farm, free)


def test_who_holds_a_running_job_and_what_its_steps_wait_for(farm: Farm) -> None:
    farm.second("echo began >> $LEDGER; while [ ! -e $LEDGER.go ]; do sleep 0.05; done")
    job = farm.enqueue()
    process = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    await_that(lambda: farm.steps(job).get("second") == "running", "the record is sent")
    text = explain(farm, job)
    assert "held by builder build1: attempt 1, fencing token 1, lease of 5 min" in text
    assert "waits for second" in text
    shown = farm.doit("status", "--job", job).stdout
    assert re.search(
        r"\nsecond        running +since \d{4}-\d\d-\d\dT[\d:]+Z: its first run", shown
    )
    assert "\nfirst         running " not in shown
    assert "held by builder build1" in explain(farm)
    farm.ledger.with_name("ledger.go").touch()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
