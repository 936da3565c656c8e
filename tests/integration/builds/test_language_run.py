"""What the language says happens when a job is built: real processes, real repositories."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

from pipelines.execution.resource_locks import held
from tests.conftest import PATIENCE, PIPELINES, Farm, git
from tests.integration.commands.test_bad_input import one_line


def configure(farm: Farm, text: str) -> None:
    path = farm.folder / "builder.yaml"
    path.write_text(path.read_text() + f"lock_dir: {farm.folder}/locks\n" + text)


def declare(farm: Farm, steps: str, **keys: str) -> None:
    """A pipeline with these steps, and these keys beside them."""
    farm.pipeline(dedent(steps))
    path = farm.folder / "pipelines.yaml"
    lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    path.write_text(path.read_text().replace("    steps:\n", f"{lines}    steps:\n", 1))


def end_of(farm: Farm, job: str, step: str, attempt: int = 1) -> dict[str, Any]:
    """The last transition of a step."""
    found = [t for t in farm.transitions(job) if t["step"] == step and t["attempt"] == attempt]
    return found[-1]


def test_values_params_conditions_retries_and_artifacts(farm: Farm) -> None:
    configure(farm, "")
    declare(
        farm,
        """
        - name: make
          run: |
            echo "version=$(cat hello) $LEVEL" | tr -d '\\n' >> $STEP_OUTPUT
            mkdir sub; echo made > sub/made.txt; echo "${{ params.word }}" >> $LEDGER
          env: {LEVEL: "${{ params.level }}"}
          values: [version]
          artifacts: ["sub/*.txt"]
        - name: shaky
          run: |
            echo try >> $LEDGER; [ $(grep -c try $LEDGER) -ge 2 ]
          retries: {count: 2, backoff: 1s, on: [COMMAND_FAILED]}
          dir: sub
        - {name: optional, run: "exit 4", allow_failure: true}
        - name: use
          env: {GOT: "${{ steps.make.outputs.version }}"}
          run: echo "$GOT" >> $LEDGER
        - {name: repair, run: "echo repair >> $LEDGER", when: failure}
        - {name: deploy, run: "echo deploy >> $LEDGER", when: "job.branch == 'release'"}
        - {name: docs, run: "echo docs >> $LEDGER", when: "changed('docs/**')"}
        - {uses: artifact-manifest}
        """,
        params='{level: {type: integer, default: 3}, word: {default: "$(x) y"}}',
    )
    job = farm.enqueue()
    done = farm.doit("build")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = farm.ledger.read_text().splitlines()
    assert lines == ["$(x) y", "try", "try", "hello 3", "docs"]
    states = farm.steps(job)
    assert states["optional"] == "failed"
    assert (states["repair"], states["deploy"]) == ("skipped", "skipped")
    assert end_of(farm, job, "deploy")["reason"] == (
        "its condition is false: job.branch == 'release' (job.branch is 'main')"
    )
    assert end_of(farm, job, "repair")["reason"] == "no earlier step failed"
    tries = end_of(farm, job, "shaky")["details"]["tries"]
    assert [(one["code"], one["reason"]) for one in tries] == [
        ("COMMAND_FAILED", "the script failed with exit code 1")
    ]
    assert "(after 2 tries)" in end_of(farm, job, "shaky")["reason"]
    manifest = json.loads(farm.read(f"build1/logs/{job}-1-manifest.json"))
    assert [artifact["name"] for artifact in manifest["artifacts"]] == ["made.txt"]
    entry = farm.job(job)
    assert (entry["status"], entry["reason"]) == ("completed", "allowed failures: optional")

    # the next commit touches no docs
    (farm.source / "hello").write_text("hello again\n")
    farm.commit_source("second")
    git("-C", str(farm.source), "push", "--quiet", str(farm.folder / "source.git"), "main")
    second = farm.enqueue()
    assert farm.doit("build").returncode == 0
    assert farm.steps(second)["docs"] == "skipped"
    assert "changed('docs/**')" in end_of(farm, second, "docs")["reason"]


def test_a_failure_runs_what_waits_for_it_and_time_limits_end_steps(farm: Farm) -> None:
    declare(
        farm,
        """
        - {name: silent, run: "echo word; sleep 999", silent_timeout: 1s, needs: git-checkout}
        - {name: slow, run: "while :; do echo x; sleep 0.2; done", timeout: 1s, needs: git-checkout}
        - {name: repair, run: "echo repair >> $LEDGER", when: failure, needs: [silent, slow]}
        - {name: after, run: "echo after >> $LEDGER", needs: [silent]}
        """,
    )
    job = farm.enqueue()
    assert farm.doit("build", "-n", "2").returncode == 1
    assert farm.ran() == ["repair"]
    states = farm.steps(job)
    assert (states["silent"], states["slow"], states["after"]) == (
        "timed_out",
        "timed_out",
        "skipped",
    )
    assert end_of(farm, job, "silent")["details"]["code"] == "SILENT"
    assert end_of(farm, job, "slow")["details"]["code"] == "TIMEOUT"
    assert farm.job(job)["state"] == "timed_out"


def test_a_step_without_a_timeout_has_that_of_the_builder(farm: Farm) -> None:
    configure(farm, "default_timeout: 5s\n")
    declare(
        farm,
        """
        - {name: slow, run: "sleep 999"}
        """,
    )
    job = farm.enqueue()
    assert farm.doit("build").returncode == 1
    end = end_of(farm, job, "slow")
    assert (end["to"], end["details"]["code"]) == ("timed_out", "TIMEOUT")
    assert end["reason"].endswith("it has no `timeout`, and default_timeout (5 s) expired")


def test_the_time_of_the_pipeline_is_up(farm: Farm) -> None:
    configure(farm, "")
    steps = """
    - {name: slow, run: "sleep 999"}
    - {name: waits, needs: [], run: "true", resources: [db]}
    """
    declare(farm, steps, timeout="3s", max_attempts="2")
    job = farm.enqueue()
    with held(farm.folder / "locks", ["db"], lambda: None, print):
        assert farm.doit("build", "-n", "2").returncode == 1
    assert (
        end_of(farm, job, "waits")["reason"] == "not started: the pipeline's timeout of 3 s expired"
    )
    assert "the pipeline's timeout of 3 s expired" in end_of(farm, job, "slow")["reason"]
    assert farm.job(job)["state"] == "timed_out"
    assert farm.job(job)["max_attempts"] == 2
    assert farm.steps(job)["publish-status"] == "succeeded"


def test_two_builders_of_a_host_never_hold_a_resource_at_once(farm: Farm) -> None:
    configure(farm, "")
    alone = "mkdir $LEDGER.lock && sleep 1 && rmdir $LEDGER.lock && echo alone >> $LEDGER"
    declare(farm, f'- {{name: alone, run: "{alone}", resources: [db]}}\n')
    jobs = [farm.enqueue(), farm.enqueue("--id", "other")]
    builds = [farm.start("build", builder=name) for name in ("build1", "build2")]
    for build in builds:
        out, err = build.communicate(timeout=PATIENCE)
        assert build.returncode == 0, out + err
    assert farm.ran() == ["alone", "alone"]
    assert {farm.job(job)["assigned_to"] for job in jobs} == {"build1", "build2"}


TELL = """
- name: tell
  env: {TOKEN: "${{ secrets.TOKEN }}"}
  run: |
    echo "token is $TOKEN" | tee -a $LEDGER
    exit 3
- {name: other, when: always, run: "cat $LEDGER; printenv TOKEN || echo none"}
"""


def test_a_secret_reaches_its_step_and_nothing_else(farm: Farm) -> None:
    secret = farm.folder / "secrets.yaml"
    secret.write_text("TOKEN: hunter2-hunter2\n")
    secret.chmod(0o600)
    declare(farm, TELL, secrets="[TOKEN]")
    job = farm.enqueue()
    lacking = farm.doit("build")
    assert lacking.returncode == 4
    assert "missing secret TOKEN: set it in" in one_line(lacking.stderr)
    assert farm.job(job)["status"] == "queued"
    configure(farm, "secrets_file: secrets.yaml\n")
    done = farm.doit("build", "--verbose")
    assert done.returncode == 1
    assert "token is hunter2-hunter2" in farm.ledger.read_text()
    assert "token is ***" in done.stdout
    for text in (done.stdout, done.stderr):
        assert "hunter2" not in text
    for step in ("tell", "other"):
        log = Path(end_of(farm, job, step)["log"]).read_text()
        assert "token is ***" in log
        assert "hunter2" not in log
    assert "none" in log
    history = git("-C", str(farm.coordination), "log", "-p", "main")
    assert "hunter2" not in history
    secret.chmod(0o644)
    refused = farm.doit("build")
    assert refused.returncode == 3
    assert "mode 644" in one_line(refused.stderr)


def test_a_job_keeps_its_plan_until_somebody_says_replan(farm: Farm) -> None:
    declare(farm, '- {name: work, run: "echo first >> $LEDGER; exit 1"}\n')
    job = farm.enqueue()
    assert farm.doit("build").returncode == 1
    plans = [path for path in farm.files() if path.startswith("coordination/plans/")]
    assert len(plans) == 1
    commits = int(git("-C", str(farm.coordination), "rev-list", "--count", "main"))
    declare(farm, '- {name: other, run: "echo second >> $LEDGER"}\n')
    assert farm.doit("build", "--job", job).returncode == 1
    assert farm.ran() == ["first", "first"]
    assert "other" not in farm.steps(job, attempt=2)
    assert [path for path in farm.files() if path.startswith("coordination/plans/")] == plans
    assert int(git("-C", str(farm.coordination), "rev-list", "--count", "main")) > commits
    replanned = farm.doit("build", "--job", job, "--replan")
    assert replanned.returncode == 0, replanned.stdout + replanned.stderr
    assert farm.ran() == ["first", "first", "second"]
    assert farm.job(job)["status"] == "completed"


def test_bad_parameters_fail_the_job_before_its_first_step(farm: Farm) -> None:
    farm.pipeline("- {name: work, run: 'echo work >> $LEDGER'}\n")
    job = farm.enqueue()
    declare(farm, "- {name: work, run: 'echo work >> $LEDGER'}\n", params="{level: {}}")
    done = farm.doit("build")
    assert done.returncode == 1
    assert "missing parameter 'level'" in done.stdout
    assert farm.ran() == []
    assert farm.job(job)["status"] == "failed"
    assert "missing parameter 'level'" in farm.job(job)["reason"]


def test_a_job_that_names_no_pipeline_goes_to_the_one_that_takes_it(farm: Farm) -> None:
    text = PIPELINES.replace("{second}", "true").replace(
        "    source:", "    for: {branches: ['ma*']}\n    labels: [gpu]\n    source:"
    )
    (farm.folder / "pipelines.yaml").write_text(text)
    job = farm.enqueue()
    tree = farm.folder / "old-program"
    git("clone", "--quiet", str(farm.coordination), str(tree))
    path = tree / "coordination/jobs.json"
    document = json.loads(path.read_text())
    document["jobs"][0].pop("pipeline")
    path.write_text(json.dumps(document, indent=2))
    author = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    git(*author, "-C", str(tree), "commit", "--quiet", "--all", "--message", "x")
    git("-C", str(tree), "push", "--quiet")
    refused = farm.doit("build")
    assert refused.returncode == 4
    assert "missing label gpu" in refused.stderr
    configure(farm, "labels: {gpu: yes}\n")
    assert farm.doit("build").returncode == 0
    assert farm.job(job)["pipeline"] == "ledger"
