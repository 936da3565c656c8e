"""`doit squash-heartbeat`: one commit is left, and the old ones if that is wanted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import Farm, git


def test_an_old_branch_becomes_one_commit(farm: Farm) -> None:
    for text in ("1", "2", "3"):
        farm.write("build1/heartbeat.json", text)
    bare = str(farm.coordination)
    main = git("-C", bare, "rev-parse", "main")
    git("-C", bare, "branch", "heartbeat-build1", "main")

    done = farm.doit("squash-heartbeat", "--backup", "--as", "eve")

    assert done.returncode == 0, done.stderr
    made = git("-C", bare, "log", "-1", "--format=%B", "heartbeat-build1")
    assert made.endswith("Acting-Human: eve")
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
    assert (refused.returncode, "cannot squash main" in refused.stderr) == (3, True)
    absent = farm.doit("squash-heartbeat", "--branch", "heartbeat-x")
    assert (absent.returncode, "unknown branch heartbeat-x" in absent.stderr) == (3, True)


def test_a_heartbeat_that_comes_in_between_is_not_lost(
    farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading and pushing somebody else pushes to the branch."""
    for text in ("1", "2", "3"):
        farm.write("build1/heartbeat.json", text)
    bare = str(farm.coordination)
    git("-C", bare, "branch", "heartbeat-build1", "main~1")
    newest = git("-C", bare, "rev-parse", "main")
    real = shutil.which("git")
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\n"{real}" "$@" || exit\n'
        'for word in "$@"; do [ "$word" != fetch ] || break; done\n'
        f'[ "$word" != fetch ] || "{real}" --git-dir={bare} branch -f heartbeat-build1 {newest}\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")

    done = farm.doit("squash-heartbeat", "--backup")

    assert done.returncode == 3
    backup = git("-C", bare, "branch", "--list", "--format=%(refname:short)", "backup/*")
    assert done.stderr == (
        "doit squash-heartbeat: branch heartbeat-build1 has moved in the meantime "
        f"(backup: {backup}). Try again.\n"
    )
    assert git("-C", bare, "rev-parse", "heartbeat-build1") == newest
