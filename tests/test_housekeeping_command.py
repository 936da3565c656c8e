"""`doit housekeeping`, and the commands that find what it has put away."""

from __future__ import annotations

import json

from tests.conftest import Farm


def test_an_archived_job_is_found_by_commands(farm: Farm) -> None:
    over = {"id": "old", "pipeline": "ledger", "status": "completed", "completed_at": "2025-01-01"}
    farm.write("coordination/jobs.json", json.dumps({"jobs": [over]}))

    planned = json.loads(farm.doit("housekeeping", "--dry-run", "--json").stdout)
    assert (planned["dry_run"], planned["jobs"]) == (True, ["old"])
    assert "1 jobs would be archived" in farm.doit("housekeeping", "--dry-run").stdout
    done = farm.doit("housekeeping")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 jobs archived" in done.stdout

    assert json.loads(farm.doit("jobs", "--json").stdout) == []
    assert json.loads(farm.doit("status", "--job", "old", "--json").stdout)["state"] == "succeeded"
    assert "0 jobs archived" in farm.doit("housekeeping").stdout


def test_what_is_broken_is_named_and_left(farm: Farm) -> None:
    farm.write("coordination/jobs.json", "{")

    done = farm.doit("housekeeping")

    assert done.returncode == 1
    assert "coordination/jobs.json:1:2: no valid JSON" in done.stderr
    assert farm.read("coordination/jobs.json") == "{"
