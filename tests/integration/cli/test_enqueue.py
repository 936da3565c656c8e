"""`doit enqueue`: which jobs it makes, for whom, and what it refuses at once."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Farm, git


def test_several_branches_are_one_job_each_for_one_builder(farm: Farm) -> None:
    git("-C", str(farm.folder / "source.git"), "branch", "release", "main")
    both = ("--branch", "main", "--branch", "release", "--branch", "main")
    done = farm.doit(
        "enqueue", "--pipeline", "ledger", *both, "--on", "build2", "--type", "test", "--json"
    )
    assert done.returncode == 0, done.stderr
    jobs = json.loads(done.stdout)["jobs"]
    assert [job["branch"] for job in jobs] == ["main", "release"]
    for job in jobs:
        entry = farm.job(job["id"])
        assert (entry["type"], entry["wanted_builder"]) == ("test", "build2")
    assert farm.doit("build").returncode == 4
    assert farm.doit("build", builder="build2").returncode == 0


def test_a_branch_that_does_not_exist_is_refused_if_the_source_answers(farm: Farm) -> None:
    done = farm.doit("enqueue", "--pipeline", "ledger", "--branch", "main", "--branch", "mian")
    assert (done.returncode, done.stdout) == (3, "")
    assert "the source of pipeline ledger has no branch 'mian'" in done.stderr
    assert not git("-C", str(farm.coordination), "for-each-ref"), "nothing was queued"

    (farm.folder / "source.git").rename(farm.folder / "away.git")
    queued = farm.doit("enqueue", "--pipeline", "ledger", "--branch", "mian")
    assert queued.returncode == 0
    assert "cannot check whether branch 'mian' exists" in queued.stderr
    certain = farm.doit("enqueue", "--pipeline", "ledger", "--branch", "main", "--if-new")
    assert certain.returncode == 1


def test_if_new_queues_a_commit_once(farm: Farm) -> None:
    first, second = farm.enqueue("--if-new"), farm.enqueue("--if-new")
    assert first == second
    assert farm.job(first)["commit"] == git("-C", str(farm.source), "rev-parse", "HEAD")
    assert farm.doit("build").returncode == 0
    assert farm.enqueue("--if-new") == first
    assert farm.enqueue() != first, "without --if-new it is another request"
    (farm.source / "hello").write_text("changed\n")
    farm.commit_source("second")
    git("-C", str(farm.source), "push", "--quiet", str(farm.folder / "source.git"), "HEAD:main")
    assert farm.enqueue("--if-new") not in {first, second}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--branch main --branch x --commit " + "1" * 40, "several --branch exclude"),
        ("--branch main --branch x --id a", "several --branch exclude"),
        ("--branch main --type nightly", "--type expects one of build, test, deploy"),
        ("--branch main --on ../x", "invalid builder id"),
    ],
)
def test_usage(farm: Farm, line: str, words: str) -> None:
    done = farm.doit("enqueue", "--pipeline", "ledger", *line.split())
    assert done.returncode == 3
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
