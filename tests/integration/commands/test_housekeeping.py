"""`doit housekeeping`, and the commands that find what it has put away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import git
from tests.support.doit.commands_here import QUEUE, Commands, farm_of_commands


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    with farm_of_commands(tmp_path) as made:
        yield made


def test_an_archived_job_is_found_by_commands(
    commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    over = {"id": "old", "pipeline": "ledger", "status": "completed", "completed_at": "2025-01-01"}
    commands.farm.write(QUEUE, json.dumps({"jobs": [over]}))

    def said(command: str) -> str:
        capfd.readouterr()
        assert commands.run(command) == 0
        out, err = capfd.readouterr()
        assert err == ""
        return out

    planned = json.loads(said("housekeeping --dry-run --json"))
    assert (planned["dry_run"], planned["jobs"]) == (True, ["old"])
    assert "1 jobs would be archived" in said("housekeeping --dry-run")
    assert "1 jobs archived" in said("housekeeping --as eve")
    newest = git("-C", str(commands.farm.coordination), "log", "-1", "--format=%B", "main")
    assert newest.endswith("Acting-Human: eve")
    assert json.loads(said("jobs --json")) == []
    assert json.loads(said("status --job old --json"))["state"] == "succeeded"
    assert "0 jobs archived" in said("housekeeping")


def test_what_is_broken_is_named_and_left(
    commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    commands.farm.write(QUEUE, "{")

    assert commands.run("housekeeping") == 1

    assert f"{QUEUE}:1:2: invalid JSON" in capfd.readouterr().err
    assert commands.farm.read(QUEUE) == "{"


def test_a_job_is_explained_and_built_again_from_the_archive(
    commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the plan that it was built with: the pipelines file has another one by now."""
    farm = commands.farm
    commands.run("enqueue --pipeline ledger --branch main --id built")
    assert commands.run("build") == 0
    queue = json.loads(farm.read(QUEUE))
    queue["jobs"][0]["completed_at"] = "2025-01-01T00:00:00Z"
    farm.write(QUEUE, json.dumps(queue))
    commands.run("housekeeping")
    assert json.loads(farm.read(QUEUE))["jobs"] == []
    farm.second("echo changed >> $LEDGER")
    capfd.readouterr()

    assert commands.run("status --job built --json") == 0
    told = json.loads(capfd.readouterr().out)
    assert {t["step"] for t in told["transitions"]} >= {"git-checkout", "first", "second"}
    assert commands.run("explain built second") == 0
    assert "step second: succeeded" in capfd.readouterr().out
    assert commands.run("explain built") == 0
    assert commands.run("rerun built --from second") == 0

    assert farm.ran() == ["first", "second", "third", "second", "third"]
    assert farm.job("built")["attempt"] == 2
    assert commands.run("fsck") == 0, capfd.readouterr()
