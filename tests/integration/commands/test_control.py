"""A person acts from a third machine while two builders share one repository; real processes."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import PATIENCE, Farm, await_that, processes_of

LOOKS_EVERY = 1.0
"""`observe_every` of the farm's builders, seconds."""
MOST = LOOKS_EVERY + 10
"""Seconds within which a cancelled job's processes are gone."""
AT_ONCE = 20.0
"""Seconds, far less than `observe_every` of that test: nobody waits for the next check."""


def runs(farm: Farm, builder: str = "build1") -> subprocess.Popen[str]:
    """A build whose second step would take an hour, when that step runs."""
    farm.second("echo second >> $LEDGER; test -e $LEDGER.go || { sleep 3600 & sleep 3600; }")
    build = farm.start("build", builder=builder)
    await_that(lambda: "second" in farm.ran(), "the second step runs")
    return build


def sleeping(folder: Path) -> list[psutil.Process]:
    return [p for p in processes_of(folder) if p.info["name"] == "sleep"]


def test_a_job_that_hangs_is_cancelled_from_another_machine(farm: Farm) -> None:
    job = farm.enqueue()
    build = runs(farm)

    done = farm.doit("cancel", job, "--reason", "it hangs", "--as", "eve", builder="laptop")

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{job} cancelled: cancelled by eve: it hangs\n"
    _, err = build.communicate(timeout=MOST + PATIENCE)
    assert build.returncode == 5
    assert "cancelled by eve: it hangs" in err
    assert not sleeping(farm.folder)
    status = json.loads(farm.read("build1/status.json"))
    assert (status["status"], status["current_job"]) == ("idle", None)
    entry = farm.job(job)
    assert (entry["state"], entry["reason"]) == ("cancelled", "cancelled by eve: it hangs")
    steps = json.loads(farm.doit("explain", job, "--json").stdout)["steps"]
    assert {step["state"] for step in steps} <= {"succeeded", "cancelled", "skipped"}
    assert farm.doit("build").returncode == 4, "it does not come back by itself"

    Path(f"{farm.ledger}.go").touch()
    assert farm.doit("retry", job, "--on", "build2", builder="laptop").returncode == 0
    assert farm.doit("build", "--job", job).returncode == 4
    assert farm.doit("build", builder="build2").returncode == 0
    assert farm.job(job)["status"] == "completed"


def test_on_the_same_host_a_cancelled_job_ends_at_once(farm: Farm) -> None:
    builder = farm.folder / "builder.yaml"
    builder.write_text(builder.read_text().replace("observe_every: 1s", "observe_every: 150s"))
    job = farm.enqueue()
    build = runs(farm)
    assert farm.doit("cancel", job, builder="laptop").returncode == 0
    began = time.monotonic()
    build.wait(PATIENCE)
    assert time.monotonic() - began < AT_ONCE
    assert build.returncode == 5
    assert not sleeping(farm.folder)


def test_the_watch_of_a_killed_build_does_not_bring_a_cancelled_job_back(farm: Farm) -> None:
    job = farm.enqueue()
    build = runs(farm)
    build.kill()
    build.wait()
    assert sleeping(farm.folder)
    assert farm.doit("cancel", job, builder="laptop").returncode == 0
    watch = farm.start("watch")
    await_that(lambda: not sleeping(farm.folder), "the watch ends what the killed build left")
    watch.terminate()
    assert watch.wait(PATIENCE) == 0
    assert farm.job(job)["state"] == "cancelled"


def test_a_drained_builder_ends_its_job_and_takes_no_other(farm: Farm) -> None:
    first, second = farm.enqueue(), farm.enqueue()
    farm.second("echo second >> $LEDGER; until test -e $LEDGER.go; do sleep 0.1; done")
    build = farm.start("build")
    await_that(lambda: "second" in farm.ran(), "the second step runs")

    drained = farm.doit("drain", "build1", "--reason", "new disk", "--as", "eve", builder="laptop")
    assert (drained.returncode, drained.stderr) == (0, "")
    misspelt = farm.doit("drain", "buidl1", builder="laptop")
    assert "unknown builder 'buidl1'; did you mean 'build1'; this holds once" in misspelt.stderr
    Path(f"{farm.ledger}.go").touch()
    assert build.wait(PATIENCE) == 0
    assert farm.job(first)["status"] == "completed"

    refused = farm.doit("build")
    assert refused.returncode == 4
    assert "drained by eve" in refused.stderr
    assert "new disk" in refused.stderr
    [shown] = json.loads(farm.doit("status", "--json").stdout)["builders"]
    assert shown["drained"]["by"] == "eve"
    assert "this builder is drained by eve" in farm.doit("explain").stdout

    assert farm.doit("resume", "build1", builder="laptop").returncode == 0
    assert farm.doit("build").returncode == 0
    assert farm.job(second)["status"] == "completed"


def test_what_waits_is_built_as_it_was_set(farm: Farm) -> None:
    first, second = farm.enqueue(), farm.enqueue()
    assert farm.doit("set", first, "--hold", builder="laptop").returncode == 0
    moved = farm.doit("set", second, "--on", "build2", "--priority", "1", builder="laptop")
    assert moved.returncode == 0

    assert farm.doit("build").returncode == 4
    assert farm.doit("build", builder="build2").returncode == 0
    assert farm.job(second)["assigned_to"] == "build2"

    assert farm.doit("set", first, "--unhold", builder="laptop").returncode == 0
    assert farm.doit("drain", "--all", builder="laptop").returncode == 0
    assert [farm.doit("build", builder=b).returncode for b in ("build1", "build2")] == [4, 4]
    assert farm.doit("resume", "--all", builder="laptop").returncode == 0
    assert farm.doit("build").returncode == 0
    assert farm.job(first)["assigned_to"] == "build1"


@pytest.mark.parametrize(
    "line",
    ["cancel job_1", "retry job_1", "set job_1 --hold", "drain", "resume"],
)
def test_without_the_remote_nothing_is_done_and_that_is_said(farm: Farm, line: str) -> None:
    assert farm.doit("jobs").returncode == 0
    shutil.rmtree(farm.coordination)
    done = farm.doit(*line.split(), "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert json.loads(done.stderr)["exit_code"] == 1


def test_a_priority_of_zero_is_one_that_was_given(farm: Farm) -> None:
    job = farm.enqueue()
    done = farm.doit("set", job, "--priority", "0", "--hold")
    assert done.returncode == 3
    assert "priority" in done.stderr
    assert "held" not in farm.job(job)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cancel", "expected the id of at least one job"),
        ("cancel nope", "unknown job 'nope'"),
        ("retry --on build2", "expected the id of at least one job"),
        ("set job_1", "expected --priority, --on, --hold or --unhold"),
        ("set job_1 --hold --unhold", "--hold and --unhold exclude each other"),
        ("set job_1 --priority x", "--priority expects a number"),
        ("drain a b", "unexpected argument 'b'"),
        ("drain a --all", "unexpected argument 'a'"),
        ("drain ../x", "invalid builder id"),
        ("resume main", "invalid builder id 'main'"),
    ],
)
def test_usage(farm: Farm, line: str, words: str) -> None:
    done = farm.doit(*line.split())
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
