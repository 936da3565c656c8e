"""A pipelines file with an error, or none: only commands that act on pipelines need it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PIPELINES, await_that
from tests.support.doit.commands_here import READING, Commands, farm_of_commands

TALKING = (
    "messages --mark-read",
    "send --to all --subject s --body b",
    "locks --take config_update",
    "locks --free config_update",
    "locks --free-expired",
    "outbox --send",
    "housekeeping",
    "fsck",
)
NEEDING = (
    "enqueue --pipeline ledger --branch main",
    "build",
    "rerun built",
    "plan ledger",
    "graph ledger",
    "validate",
    "list",
    "forget --all",
    "clean --clean-all",
)


@pytest.fixture(scope="module", params=["error", "missing"])
def commands(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Commands]:
    with farm_of_commands(tmp_path_factory.mktemp("farm")) as made:
        made.fill()
        made.run("enqueue --pipeline ledger --branch main --id waits")
        file = pipelines_file(made)
        if request.param == "error":
            file.write_text(f"oops: 1\n{PIPELINES}")
        else:
            file.unlink()
        yield made


def pipelines_file(commands: Commands) -> Path:
    return commands.farm.folder / "pipelines.yaml"


@pytest.fixture(autouse=True)
def quick_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's tools take seconds, and are no document."""
    monkeypatch.setattr("pipelines.tasks.machine.check_tools", lambda _env: iter(()))


@pytest.mark.parametrize("command", [*(c for c in READING if c != "doctor"), *TALKING])
def test_a_command_that_only_reads_or_talks_works(
    command: str, commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    assert commands.run(command) == 0, capfd.readouterr()


@pytest.mark.parametrize("command", NEEDING)
def test_a_command_that_acts_on_pipelines_names_the_place(
    command: str, commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    assert commands.run(command) == 3
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert f"{pipelines_file(commands)}:1:1: " in err


def test_doctor_reports_the_file_beside_all_it_looks_at(
    commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    assert commands.run("doctor --json") == 1
    checks = {check["check"]: check for check in json.loads(capfd.readouterr().out)}
    assert not checks["pipelines"]["ok"]
    assert checks["pipelines"]["found"].startswith(f"{pipelines_file(commands)}:1:1: ")
    assert "doit validate" in checks["pipelines"]["remedy"]
    assert {"disk", "outbox", "coordination repository", "clock"} <= checks.keys()


def test_explain_shows_what_the_stored_plan_knows(
    commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    assert commands.run("explain built --json") == 0
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert told["plan_problem"] is None
    assert {step["step"] for step in told["steps"]} >= {"first", "second", "third"}
    assert err == ""


def test_explain_says_what_it_cannot_show_of_a_job_that_waits(
    commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    assert commands.run("explain waits --json") == 0
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert told["plan_problem"].startswith(f"{pipelines_file(commands)}:1:1: ")
    assert told["not_claimed"] == "this builder can claim nothing: its pipelines file has errors"
    assert told["steps"] == []
    assert f"{pipelines_file(commands)}:1:1: " in err


def test_fsck_says_what_it_leaves_out(
    commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    assert commands.run("fsck") == 0
    assert "queued jobs are not compared with the pipelines" in capfd.readouterr().err


def test_heartbeats_are_sent_and_squashed(commands: Commands) -> None:
    watch = commands.farm.start("watch")
    branches = commands.farm.coordination / "refs" / "heads"
    try:
        await_that((branches / "heartbeat-build1").exists, "the first heartbeat")
    finally:
        watch.send_signal(signal.SIGTERM)
        _, err = watch.communicate(timeout=60)
    assert watch.returncode == 0, err
    assert "watching as builder build1" in err
    assert commands.run("squash-heartbeat") == 0
