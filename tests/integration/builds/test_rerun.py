"""`doit rerun`, `doit forget` and `doit clean` as a person types them."""

from __future__ import annotations

import json
import signal

import pytest

from tests.conftest import PATIENCE, Farm, await_that, git, is_gone, sleeping

ALL = ["first", "second", "third"]


@pytest.fixture
def built(farm: Farm) -> tuple[Farm, str]:
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    farm.ledger.unlink()
    return farm, job


def test_rerun_from_a_step(built: tuple[Farm, str]) -> None:
    farm, job = built
    done = farm.doit("rerun", job, "--from", "second", "--as", "eve", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert farm.ran() == ["second", "third"]
    assert farm.steps(job, attempt=2)["first"] == "up_to_date"
    told = json.loads(done.stdout)
    assert (told["job"], told["attempt"], told["exit_code"]) == (job, 2, 0)
    assert {step["step"]: step["state"] for step in told["steps"]} == farm.steps(job, attempt=2)
    claim = git(
        *("-C", str(farm.coordination), "log", "-1", "--format=%B"),
        *("--grep", f"claim {job}, attempt 2", "main"),
    )
    assert claim.endswith("Acting-Human: eve")
    assert "claimed by build1, requested by eve" in str(farm.transitions(job))


def test_a_failed_rerun_is_a_document_with_the_next_step(built: tuple[Farm, str]) -> None:
    farm, job = built
    farm.second("echo bad; exit 3")
    done = farm.doit("rerun", job, "--replan", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert (told["exit_code"], told["state"]) == (1, "failed")
    assert told["next"]["command"].startswith("doit ")
    [failed] = [step for step in told["steps"] if step["state"] == "failed"]
    assert (failed["step"], failed["details"]["code"]) == ("second", "COMMAND_FAILED")
    refused = farm.doit("rerun", "nope", "--json")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert json.loads(refused.stderr)["exit_code"] == 3


def test_rerun_of_everything_takes_nothing_from_another_job(farm: Farm) -> None:
    made = "run: echo made >> $LEDGER; cp hello made.txt, inputs: [hello], outputs: [made.txt]"
    farm.pipeline(f"- {{name: make, {made}}}\n")
    farm.enqueue()
    assert farm.doit("build").returncode == 0
    farm.ledger.unlink()
    other = farm.enqueue()
    assert farm.doit("build").returncode == 0
    assert farm.steps(other)["make"] == "up_to_date"
    assert farm.ran() == []
    done = farm.doit("rerun", other, "--clean")
    assert done.returncode == 0, done.stdout + done.stderr
    assert farm.ran() == ["made"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_rerun_leaves_the_job_as_it_was(
    built: tuple[Farm, str], number: signal.Signals
) -> None:
    farm, job = built
    before = farm.job(job)
    farm.second("echo again >> $LEDGER; sleep 3600")
    process = farm.start("rerun", job, "--from", "second", "--replan")
    await_that(lambda: "again" in farm.ran(), "the second step runs again")
    process.send_signal(number)
    out, _ = process.communicate(timeout=PATIENCE)
    told = farm.doit("build")  # ends what a killed one left
    assert told.returncode == 4, "it is not queued"
    after = farm.job(job)
    assert after["status"] == "completed"
    assert {key for key in before if before[key] != after[key]} <= {
        *("attempt", "token", "claim_id", "duration_seconds", "exact_duration_seconds")
    }
    assert f"{'the job' if number is signal.SIGTERM else f'job {job} of a killed build'} stays" in (
        out + told.stdout
    )


def test_rerun_of_one_step_alone_leaves_the_rest_and_says_so(built: tuple[Farm, str]) -> None:
    farm, job = built
    done = farm.doit("rerun", job, "--only", "second")
    assert done.returncode == 1
    assert farm.ran() == ["second"]
    assert farm.steps(job, attempt=2)["third"] == "skipped"
    assert f"doit rerun {job}" in farm.job(job)["reason"]
    assert farm.doit("rerun", job).returncode == 0
    assert farm.ran() == ["second", "third"]
    assert farm.job(job)["status"] == "completed"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "expected the id of one job"),
        (("{job}", "--from", "secnd"), "second"),
        (("{job}", "--from", "first", "--clean"), "exclude each other"),
        (("no-such-job",), "no-such-job"),
    ],
)
def test_rerun_of_what_is_not_there(
    built: tuple[Farm, str], arguments: tuple[str, ...], said: str
) -> None:
    farm, job = built
    done = farm.doit("rerun", *(word.replace("{job}", job) for word in arguments))
    assert done.returncode == 3
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert farm.job(job)["status"] == "completed"


def test_what_was_forgotten_runs_again(built: tuple[Farm, str]) -> None:
    farm, job = built
    done = farm.doit("forget", "ledger:second")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"forgot second of job {job}\n"
    assert farm.doit("build", "--job", job).returncode == 0
    assert farm.ran() == ["second", "third"]


def test_what_was_cleaned_is_gone_and_is_made_again(built: tuple[Farm, str]) -> None:
    farm, job = built
    tried = farm.doit("clean", "--dry-run", "ledger:git-checkout")
    assert "would remove" in tried.stdout
    done = farm.doit("clean", "ledger:git-checkout")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("build/source")
    assert farm.doit("build", "--job", job).returncode == 0
    assert farm.ran() == ALL


def test_nothing_is_forgotten_or_cleaned_by_accident(built: tuple[Farm, str]) -> None:
    farm, _ = built
    for arguments in (
        *(("forget",), ("clean",), ("forget", "ledger:secnd")),
        *(("forget", "--all", "--job", "nojob"), ("clean", "--clean-all", "--job", "nojob")),
    ):
        done = farm.doit(*arguments)
        assert done.returncode == 3
        assert len(done.stderr.strip().splitlines()) == 1


def test_records_of_a_running_build_are_left_alone(farm: Farm) -> None:
    farm.second("echo began >> $LEDGER; while [ ! -e $LEDGER.go ]; do sleep 0.05; done")
    job = farm.enqueue()
    process = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    for arguments in (("forget", "--all"), ("clean", "--clean-all")):
        done = farm.doit(*arguments)
        assert done.returncode == 3
        assert "a doit build is running" in done.stderr
    assert farm.doit("rerun", job, "--clean").returncode == 4
    farm.ledger.with_name("ledger.go").touch()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_what_a_killed_build_left_running_does_not_outlive_a_clean(farm: Farm) -> None:
    farm.second("exec -a $LEDGER.left sleep 600")
    farm.enqueue()
    process = farm.start("build")
    await_that(lambda: bool(sleeping(farm.folder)), "the second step runs")
    [left] = sleeping(farm.folder)
    process.kill()
    process.wait()

    assert farm.doit("clean", "ledger:git-checkout", "--dry-run").returncode == 0
    assert not is_gone(left)
    assert farm.doit("clean", "ledger:git-checkout").returncode == 0
    assert is_gone(left)


def test_a_rerun_keeps_the_plan_unless_it_is_told_otherwise(built: tuple[Farm, str]) -> None:
    farm, job = built
    before = farm.ran()
    farm.second("echo another >> $LEDGER")
    assert farm.doit("rerun", job, "--from", "second").returncode == 0
    assert farm.ran() == [*before, "second", "third"]
    done = farm.doit("rerun", job, "--from", "second", "--replan")
    assert done.returncode == 0, done.stdout + done.stderr
    assert farm.ran()[-2:] == ["another", "third"]


def test_the_reason_tells_why_there_is_no_success_to_go_by(farm: Farm) -> None:
    farm.pipeline("""
    - {name: copy, run: "cp hello copy.txt", inputs: [hello], outputs: [copy.txt]}
    - {name: check, run: "test -e $LEDGER", needs: copy, outputs: [copy.txt]}
    """)
    first = farm.enqueue()
    failed = farm.doit("build")
    assert failed.returncode == 1
    assert "[copy] running: its first run for this job on this builder\n" in failed.stdout
    assert failed.stdout.endswith("\n  doit enqueue --pipeline ledger --branch main\n")

    farm.ledger.touch()
    again = farm.doit("build", "--job", first)
    assert "[check] running: it did not succeed in attempt 1\n" in again.stdout
    assert farm.doit("forget", "ledger:copy").returncode == 0
    explained = farm.doit("explain", first).stdout
    assert "runs: a new run was requested (rerun, forget or clean)" in explained
    assert "runs: step copy has no recorded result now (was " in explained
    assert farm.doit("build", "--job", first).returncode == 0

    before = git("-C", str(farm.source), "rev-parse", "HEAD:hello")[:12]
    (farm.source / "hello").write_text("changed\n")
    farm.commit_source("change hello")
    git("-C", str(farm.source), "push", "--quiet", str(farm.folder / "source.git"), "main")
    after = git("-C", str(farm.source), "rev-parse", "HEAD:hello")[:12]
    farm.enqueue()
    other = farm.doit("build")
    assert (
        "[copy] running: its first run for this job on this builder; "
        f"since job {first}, files: hello was {before}, is {after}\n"
    ) in other.stdout


def test_of_reruns_at_once_one_at_a_time_runs_and_the_others_leave_in_a_line(
    built: tuple[Farm, str],
) -> None:
    farm, job = built
    started = [farm.start("rerun", job, "--from", "second") for _ in range(3)]
    ends = [(process, *process.communicate(timeout=PATIENCE)) for process in started]

    refused = [err for process, _, err in ends if process.returncode == 4]
    assert [process.returncode for process, *_ in ends].count(0) == len(ends) - len(refused) > 0
    assert all(err.count("\n") == 1 and "another doit build is running" in err for err in refused)
    assert farm.ran() == ["second", "third"] * (len(ends) - len(refused))
    assert farm.doit("build", "--job", job).returncode == 0
    assert farm.ran() == ["second", "third"] * (len(ends) - len(refused))
