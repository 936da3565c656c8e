"""`doit status`: the present and the past, whole documents beside broken ones."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Farm, git


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
