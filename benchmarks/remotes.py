"""Bare repositories to measure on."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    """Output of a git command in `folder`."""
    command = ["git", "-c", "user.name=b", "-c", "user.email=b@localhost", *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def bare_repository(path: Path) -> Path:
    """A new empty one."""
    git(path.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
    return path


def commits_on_main(remote: Path) -> int:
    """How many commits main has."""
    return int(git(remote, "rev-list", "--count", "main"))
