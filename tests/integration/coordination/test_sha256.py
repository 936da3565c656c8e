"""A coordination repository in SHA-256 format is refused by every command with one true line."""

from __future__ import annotations

import shutil

import pytest

from tests.conftest import Farm, git

LINES = (
    *("jobs", "status", "status --job x", "explain", "fsck", "locks", "messages", "housekeeping"),
    *("build", "rerun x", "enqueue --pipeline ledger --branch main"),
    *(
        "send --to all --subject hello",
        "cancel x",
        "retry x",
        "set x --hold",
        "drain",
        "resume",
        "logs x",
        "squash-heartbeat",
    ),
)


def made_as_sha256(farm: Farm) -> None:
    shutil.rmtree(farm.coordination)
    made = ("--bare", "--object-format=sha256", "--initial-branch=main")
    git("init", "--quiet", *made, str(farm.coordination))


def filled(farm: Farm) -> None:
    tree = farm.folder / "tree"
    git("init", "--quiet", "--object-format=sha256", "--initial-branch=main", str(tree))
    author = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    git(*author, "-C", str(tree), "commit", "--quiet", "--allow-empty", "-m", "first")
    git("-C", str(tree), "push", "--quiet", str(farm.coordination), "main")


@pytest.mark.parametrize("is_empty", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_every_command_names_the_format(farm: Farm, is_empty: bool) -> None:
    made_as_sha256(farm)
    if not is_empty:
        filled(farm)
    for line in LINES:
        done = farm.doit(*line.split())
        assert (done.returncode, done.stdout) == (3, ""), line
        assert done.stderr.count("\n") == 1, done.stderr
        assert "the coordination repository stores SHA-256 objects, expected SHA-1" in done.stderr
        assert "git init --bare --object-format=sha1" in done.stderr
    told = farm.doit("doctor").stdout
    assert "the coordination repository stores SHA-256 objects" in told
    assert "key" not in told.partition("SHA-256")[2].partition("\n\n")[0]


def test_doctor_names_a_repository_that_forbids_forced_pushes(farm: Farm) -> None:
    farm.enqueue()
    assert "forbids forced pushes" not in farm.doit("doctor").stdout
    git("-C", str(farm.coordination), "config", "receive.denyNonFastForwards", "true")
    told = farm.doit("doctor").stdout
    assert "forbids forced pushes: heartbeats go to main" in told
    assert "config receive.denyNonFastForwards false" in told
