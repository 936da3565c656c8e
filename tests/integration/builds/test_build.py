"""`doit build` as a person runs it: real processes, real Git repositories, real signals."""

from __future__ import annotations

import ctypes
import json
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from tests.conftest import PATIENCE, Farm, await_that, git, processes_of

DONE = {"succeeded": 0, "up_to_date": 0}


def commits(farm: Farm) -> int:
    return int(git("-C", str(farm.coordination), "rev-list", "--count", "main"))


def test_a_job_is_built_and_everything_is_recorded(farm: Farm) -> None:
    job = farm.enqueue()
    before = commits(farm)
    done = farm.doit("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert commits(farm) - before <= 5
    assert farm.ran() == ["first", "second", "third"]
    folder = Path(done.stdout.splitlines()[-1].removeprefix("artifacts: "))
    assert (folder / "made.txt").read_text() == "hello\n"
    entry = farm.job(job)
    assert (entry["status"], entry["assigned_to"]) == ("completed", "build1")
    assert entry["commit"] == farm.commit
    assert set(farm.steps(job).values()) == {"succeeded"}
    assert len(farm.steps(job)) == 6
    for transition in farm.transitions(job):
        assert transition["job"] == job
        assert transition["builder"] == "build1"
        assert transition["reason"]
    status = json.loads(farm.read("build1/status.json"))
    assert status["status"] in ("success", "idle")
    assert status["last_build"]["artifacts"] == ["made.txt"]
    assert status["current_job"] is None
    assert json.loads(farm.read("build1/heartbeat.json"))["server"] == "build1"
    manifest = json.loads(farm.read(f"build1/logs/{job}-1-manifest.json"))
    assert manifest["commit"] == farm.commit
    assert manifest["artifacts"][0]["checksums"]["sha256"]


def test_each_step_has_a_running_and_an_end_with_its_log(farm: Farm) -> None:
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    second = [t for t in farm.transitions(job) if t["step"] == "second"]
    assert [(t["from"], t["to"]) for t in second] == [
        ("queued", "running"),
        ("running", "succeeded"),
    ]
    assert second[1]["duration_seconds"] >= 0
    assert "second" in Path(second[1]["log"]).read_text()


def test_a_second_build_of_the_job_repeats_nothing(farm: Farm) -> None:
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    again = farm.doit("build", "--job", job)
    assert again.returncode == 0, again.stdout + again.stderr
    assert farm.ran() == ["first", "second", "third"]
    states = farm.steps(job, attempt=2)
    assert states.pop("publish-status") == "succeeded"
    assert set(states.values()) == {"up_to_date"}


def test_no_job_publishes_the_manifest_of_another(farm: Farm) -> None:
    farm.pipeline("""
    - {name: first, run: "cp hello made.txt"}
    - {uses: artifact-manifest, with: {paths: [made.txt]}, when: "job.branch == 'main'"}
    """)
    git("-C", str(farm.folder / "source.git"), "branch", "release", "main")
    listed, other = farm.enqueue(), farm.enqueue("--branch", "release")
    for job in (listed, other):
        done = farm.doit("build", "--job", job)
        assert done.returncode == 0, done.stdout + done.stderr
    assert farm.steps(other)["artifact-manifest"] == "skipped"
    manifests = [name for name in farm.files() if name.endswith("manifest.json")]
    assert manifests == [f"build1/logs/{listed}-1-manifest.json"]


def test_a_failure_is_told_and_recorded_and_only_what_failed_is_done_again(farm: Farm) -> None:
    farm.second("echo the disk is on fire >&2; exit 7")
    job = farm.enqueue()
    failed = farm.doit("build")
    assert failed.returncode == 1
    assert "the disk is on fire" in failed.stdout
    assert "second.log" in failed.stdout
    assert farm.steps(job) == {
        "git-checkout": "succeeded",
        "first": "succeeded",
        "second": "failed",
        "third": "skipped",
        "artifact-manifest": "skipped",
        "publish-status": "succeeded",
    }
    entry = farm.job(job)
    assert entry["status"] == "failed"
    assert "second" in entry["reason"]
    skipped = next(t for t in farm.transitions(job) if t["to"] == "skipped")
    assert skipped["reason"] == "step second did not succeed"
    farm.second("echo second >> $LEDGER")
    assert farm.doit("build", "--replan", "--job", job).returncode == 0
    assert farm.ran() == ["first", "second", "third"]
    assert farm.job(job)["status"] == "completed"


def test_nothing_to_claim(farm: Farm) -> None:
    done = farm.doit("build")
    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_whole_tree_and_gives_the_job_back(farm: Farm, number: int) -> None:
    farm.second("echo began >> $LEDGER; setsid sleep 1000 & sleep 1000")
    job = farm.enqueue()
    process = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    process.send_signal(number)
    process.wait(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert processes_of(farm.folder) == []
    entry = farm.job(job)
    assert (entry["status"], entry["assigned_to"]) == ("queued", None)
    assert farm.steps(job)["second"] == "cancelled"
    assert farm.steps(job)["third"] == "skipped"
    farm.second("echo second >> $LEDGER")
    assert farm.doit("build", "--replan").returncode == 0
    assert farm.ran() == ["first", "began", "second", "third"]


def test_a_signal_that_another_thread_gets_ends_the_build(farm: Farm) -> None:
    """Which thread gets it is the kernel's choice; the main one waits for the others' results."""
    farm.second("echo began >> $LEDGER; sleep 1000")
    job = farm.enqueue()
    process = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    others = {thread.id for thread in psutil.Process(process.pid).threads()} - {process.pid}
    tgkill = ctypes.CDLL(None).tgkill
    assert any(tgkill(process.pid, other, signal.SIGTERM) == 0 for other in sorted(others))
    process.wait(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    assert farm.job(job)["status"] == "queued"


def test_a_signal_after_the_result_is_published_changes_nothing_of_it(farm: Farm) -> None:
    farm.pipeline('- {name: first, run: "echo first >> $LEDGER"}\n')
    with (farm.folder / "pipelines.yaml").open("a") as file:
        file.write('      - {name: after, run: "echo after >> $LEDGER; sleep 999"}\n')
    job = farm.enqueue()
    process = farm.start("build")
    await_that(lambda: "after" in farm.ran(), "the last step begins")
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE)
    assert "queued again" not in out + err
    assert (process.returncode, farm.job(job)["status"]) == (0, "completed")


def test_after_kill_9_the_job_goes_on_where_it_ended(farm: Farm) -> None:
    farm.second("echo began >> $LEDGER; setsid sleep 1000 & sleep 1000")
    job = farm.enqueue()
    process = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    process.kill()
    process.wait()
    assert farm.job(job)["status"] == "running"
    farm.second("echo second >> $LEDGER")
    again = farm.doit("build", "--replan")
    assert again.returncode == 0, again.stdout + again.stderr
    assert processes_of(farm.folder) == []
    assert farm.ran() == ["first", "began", "second", "third"]
    assert farm.steps(job, attempt=1)["second"] == "cancelled"
    assert farm.steps(job, attempt=2)["first"] == "up_to_date"


def test_the_build_goes_on_without_the_remote_and_is_published_later(farm: Farm) -> None:
    farm.without_sandbox()
    farm.second("mv $FARM/coordination.git $FARM/away; echo second >> $LEDGER")
    config = farm.folder / "builder.yaml"
    config.write_text(config.read_text().replace("env: {", f"env: {{FARM: {farm.folder}, "))
    job = farm.enqueue()
    done = farm.doit("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "outbox" in done.stdout
    shutil.move(farm.folder / "away", farm.coordination)
    assert farm.job(job)["status"] == "running"
    assert farm.doit("build").returncode == 4
    assert farm.job(job)["status"] == "completed"
    assert set(farm.steps(job).values()) == {"succeeded"}


def test_a_lost_claim_stops_the_work(farm: Farm) -> None:
    farm.second("echo began >> $LEDGER; sleep 1000")
    job = farm.enqueue()
    process = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    tree = farm.folder / "other"
    git("clone", "--quiet", str(farm.coordination), str(tree))
    path = tree / "coordination/jobs.json"
    document = json.loads(path.read_text())
    document["jobs"][0].update(assigned_to="build9", token=99, claim_id="another")
    path.write_text(json.dumps(document, indent=2))
    author = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    git(*author, "-C", str(tree), "commit", "--quiet", "--all", "--message", "mine")

    def pushed() -> bool:
        git("-C", str(tree), "pull", "--quiet", "--rebase")
        try:
            git("-C", str(tree), "push", "--quiet")
        except Exception:
            return False
        return True

    await_that(pushed, "the other's push lands")
    process.wait(timeout=PATIENCE)
    assert process.returncode == 5
    assert processes_of(farm.folder) == []
    assert farm.job(job)["assigned_to"] == "build9"


def test_two_builds_of_one_builder_do_not_meet(farm: Farm) -> None:
    farm.second("echo began >> $LEDGER; while [ ! -e $LEDGER.go ]; do sleep 0.05; done")
    farm.enqueue()
    process = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    other = farm.doit("build")
    assert other.returncode == 4
    assert "another doit build is running as builder build1" in other.stderr
    Path(f"{farm.ledger}.go").touch()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_the_list_claims_nothing(farm: Farm) -> None:
    job = farm.enqueue()
    done = farm.doit("list", "--all")
    assert done.returncode == 0, done.stderr
    for step in ("claim-job", "ledger:git-checkout", "ledger:publish-status"):
        assert step in done.stdout
    info = farm.doit("info", "ledger:second")
    assert "run a script" in info.stdout
    assert "the success record of second is valid" in info.stdout
    assert " object at 0x" not in info.stdout
    assert info.stderr == ""
    assert farm.job(job)["status"] == "queued"


def test_a_step_outside_of_a_build_is_refused(farm: Farm) -> None:
    done = farm.doit("run", "ledger:first")
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert farm.ran() == []


def test_a_step_that_ended_after_the_kill_is_not_repeated(farm: Farm) -> None:
    go = f"{farm.ledger}.go"
    wait = f"while [ ! -e {go} ]; do sleep 0.05; done"
    farm.second(f"echo began >> $LEDGER; {wait}; echo second >> $LEDGER")
    job = farm.enqueue()
    process = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    process.kill()
    process.wait()
    Path(go).touch()
    await_that(lambda: processes_of(farm.folder) == [], "the second step ends on its own")
    farm.pipeline("- {name: another, run: 'exit 1'}\n")  # the job has its plan already
    again = farm.doit("build")
    assert again.returncode == 0, again.stdout + again.stderr
    assert farm.ran() == ["first", "began", "second", "third"]
    assert farm.steps(job, attempt=1)["second"] == "succeeded"
    assert farm.steps(job, attempt=2)["second"] == "up_to_date"
