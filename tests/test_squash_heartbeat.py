"""`doit squash-heartbeat`: one commit is left, and the old ones if that is wanted."""

from __future__ import annotations

from tests.conftest import Farm, git


def test_an_old_branch_becomes_one_commit(farm: Farm) -> None:
    for text in ("1", "2", "3"):
        farm.write("build1/heartbeat.json", text)
    bare = str(farm.coordination)
    main = git("-C", bare, "rev-parse", "main")
    git("-C", bare, "branch", "heartbeat-build1", "main")

    done = farm.doit("squash-heartbeat", "--backup")

    assert done.returncode == 0, done.stderr
    assert git("-C", bare, "rev-list", "--count", "heartbeat-build1") == "1"
    assert git("-C", bare, "show", "heartbeat-build1:build1/heartbeat.json") == "3"
    backup = git("-C", bare, "branch", "--list", "--format=%(refname:short)", "backup/*")
    assert backup in done.stdout
    assert git("-C", bare, "rev-parse", backup) == git("-C", bare, "rev-parse", "main") == main
    again = farm.doit("squash-heartbeat", "--backup")
    assert again.stdout == "heartbeat-build1 is one commit\n"


def test_what_is_not_squashed(farm: Farm) -> None:
    farm.write("README", "x")
    refused = farm.doit("squash-heartbeat", "--branch", "main")
    assert (refused.returncode, "never squashed" in refused.stderr) == (3, True)
    absent = farm.doit("squash-heartbeat", "--branch", "heartbeat-x")
    assert (absent.returncode, "no branch heartbeat-x" in absent.stderr) == (3, True)
