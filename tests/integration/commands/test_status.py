"""`doit status`: the present and the past, whole documents beside broken ones."""

from __future__ import annotations

import json
import re
import signal
import socket
import time

import pytest

from tests.conftest import PATIENCE, Farm, git
from tests.support.coordination.loopback import git_daemon


def test_queue_builders_and_jobs_as_they_were(farm: Farm) -> None:
    job = farm.enqueue()
    queued = git("-C", str(farm.coordination), "rev-parse", "main")
    assert farm.doit("build").returncode == 0

    then = json.loads(farm.doit("status", "--at", queued, "--json").stdout)
    now = json.loads(farm.doit("status", "--json").stdout)
    assert (then["at"]["commit"], then["builders"]) == (queued, [])
    assert [entry["state"] for entry in then["jobs"]] == ["queued"]
    assert [entry["state"] for entry in now["jobs"]] == ["succeeded"]
    past = json.loads(farm.doit("status", "--job", job, "--at", queued[:9], "--json").stdout)
    assert (past["state"], past["transitions"]) == ("queued", [])
    assert f"commit {queued}" in farm.doit("status", "--at", queued).stdout


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2001-01-01", "its history starts at 20"),
        ("abcdef1234", "unknown commit abcdef1234"),
        ("noon", "expected a time such as 2025-10-29T12:00:00Z or a commit id"),
    ],
)
def test_a_moment_that_never_was(farm: Farm, at: str, expected: str) -> None:
    farm.write("README.md", "hello")
    done = farm.doit("status", "--at", at)
    assert done.returncode == 3
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_broken_document_is_named_and_the_others_are_shown(farm: Farm) -> None:
    job = farm.enqueue()
    farm.write("build7/status.json", '{"status": "idle"')
    farm.write("build8/status.json", '{"status": "idle"}')

    done = farm.doit("status", "--json")

    assert done.returncode == 1
    assert "build7/status.json:1:18: invalid JSON" in done.stderr
    assert "`doit fsck` shows the last valid version" in done.stderr
    report = json.loads(done.stdout)
    assert [builder["builder"] for builder in report["builders"]] == ["build8"]
    assert [entry["id"] for entry in report["jobs"]] == [job]


def test_a_job_is_named_without_an_option_and_shown_with_who_wants_it(farm: Farm) -> None:
    job = farm.enqueue("--description", "nightly")
    other = farm.enqueue("--priority", "1")
    shown = farm.doit("status", job).stdout
    assert shown == farm.doit("status", "--job", job).stdout
    assert shown.startswith(f"job {job}: queued\npipeline ledger, branch main\nqueued")
    assert "\ndescription: nightly\n" in shown
    both = farm.doit("status", job, "--job", other)
    assert (both.returncode, both.stderr.count("\n")) == (3, 1)
    assert farm.doit("build", job).returncode == 0
    assert farm.job(other)["status"] == "queued"
    forgotten = farm.doit("forget", job, "ledger:second")
    assert forgotten.stdout == f"forgot second of job {job}\n"
    assert farm.doit("clean", job, "ledger:git-checkout", "--dry-run").stdout


def test_the_page_has_builders_then_what_waits_then_what_ended(farm: Farm) -> None:
    built = farm.enqueue()
    farm.second("exit 7")
    assert farm.doit("build").returncode == 1
    late, urgent = farm.enqueue("--label", "os=plan9"), farm.enqueue("--priority", "1")
    blocks = [block.splitlines() for block in farm.doit("status").stdout.split("\n\n")]
    assert blocks[0][1].startswith("build1   idle")
    assert "failed" not in blocks[0][1]
    assert blocks[1] == ["0 running, 2 waiting, 1 ended"]
    assert [line.split()[0] for line in blocks[2][1:]] == [urgent, late]
    assert blocks[2][1].endswith("waits for a free builder")
    assert blocks[2][2].endswith("no builder has the label os=plan9")
    assert blocks[3][1].startswith(f"{built}  failed ")
    assert blocks[3][1].endswith("with exit code 7")

    only = farm.doit("status", "--state", "failed", "--limit", "1").stdout
    assert "0 running, 0 waiting, 1 ended" in only
    found = json.loads(farm.doit("jobs", "--state", "queued", "--json").stdout)
    assert [job["id"] for job in found] == [late, urgent]
    assert farm.doit("jobs", "--branch", "nothing").stdout == "no job matches\n"
    coloured = farm.start("jobs", "--state", "failed", environment={"FORCE_COLOR": "1"})
    assert coloured.communicate(timeout=PATIENCE)[0].count("\x1b[1;31m") == 1


def test_it_is_shown_again_and_again_until_ctrl_c(farm: Farm) -> None:
    process = farm.start("status", "--watch")
    assert process.stdout
    lines = iter(process.stdout)
    for _ in range(2):
        assert "0 running, 0 waiting, 0 ended\n" in lines
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, "doit status: interrupted\n")


def test_while_the_remote_is_away_what_this_host_read_last_is_shown(farm: Farm) -> None:
    away = farm.folder / "away"
    farm.coordination.rename(away)
    never = farm.doit("status")
    assert (never.returncode, never.stdout) == (1, "")
    away.rename(farm.coordination)
    job = farm.enqueue()
    assert farm.doit("jobs").returncode == 0
    watch = farm.start("watch")
    assert watch.stderr
    lines = iter(watch.stderr)
    assert "watching as builder build1" in next(lines)

    farm.coordination.rename(away)
    for command in ("status", "jobs", "explain"):
        done = farm.doit(command)
        assert done.returncode == 0, done.stderr
        moment = r"(\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\dZ?"
        heading = rf"as of {moment}, remote unreachable since {moment}\n\n"
        assert re.match(heading, done.stdout), done.stdout
        assert job in done.stdout
        assert "cannot reach the coordination repository" in done.stderr
        told = farm.doit(command, "--json")
        assert json.loads(told.stdout)
        assert json.loads(told.stderr).keys() == {"as_of", "since", "cause", "notice"}
    at = json.loads(farm.doit("status", job, "--json").stdout)["at"]
    assert at["as_of"] <= at["unreachable_since"]
    assert farm.doit("clean-workspaces").returncode == 1

    assert any("warning: cannot reach the coordination repository" in line for line in lines)
    away.rename(farm.coordination)
    back = next(line for line in lines if "answers again" in line)
    assert back.startswith("the coordination repository answers again, after ")
    watch.terminate()
    shown = farm.doit("status")
    assert not shown.stdout.startswith("as of")
    assert json.loads(farm.doit("status", "--json").stdout)["at"]["unreachable_since"] is None


def test_each_act_on_a_job_is_shown_with_who_did_it(farm: Farm) -> None:
    job = farm.enqueue("--as", "Ann")
    assert farm.doit("set", job, "--priority", "2", "--hold", "--as", "Bob").returncode == 0
    shown = farm.doit("status", job).stdout
    assert "\nset by Bob: priority 2, held\nheld by Bob\n" in shown
    assert re.search(r"\nqueued by Ann \S+Z, priority 2\n", shown)
    assert farm.doit("set", job, "--unhold", "--as", "Cid").returncode == 0
    assert farm.job(job)["reason"] == "set by Cid: released"
    assert farm.doit("build").returncode == 0
    assert farm.doit("rerun", job, "--as", "Dan").returncode == 0
    report = json.loads(farm.doit("status", job, "--json").stdout)
    assert report["queued_by"] == "Ann"
    claims = [t for t in report["transitions"] if t["to"] == "running" and t["step"] is None]
    assert [(t["reason"], t["details"].get("by")) for t in claims] == [
        ("claimed by build1", None),
        ("claimed by build1, requested by Dan", "Dan"),
    ]

    assert farm.doit("send", "--to", "build1", "--subject", "x", "--as", "Eve").returncode == 0
    assert "from build1 (Eve) to build1" in farm.doit("messages", "--all").stdout
    assert "build1 (Eve)" in farm.doit("locks", "--take", "x", "--as", "Eve").stdout


def test_a_remote_that_never_answers_does_not_keep_a_person_waiting(farm: Farm) -> None:
    job = farm.enqueue()
    settings = farm.folder / "builder.yaml"
    with git_daemon(farm.folder) as url:
        settings.write_text(
            settings.read_text().replace("./coordination.git", f"{url}/coordination.git")
        )
        assert job in farm.doit("jobs").stdout
    assert farm.doit("jobs").stdout.startswith("as of "), "its port is closed"
    with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))):
        began = time.monotonic()
        shown = farm.doit("jobs").stdout
    assert shown.startswith("as of ")
    assert job in shown
    assert time.monotonic() - began < 30, "a write waits for 60 s"
