"""The tags of a repository that concern a commit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pipelines.git.own_git_dir import local_git_environment
from pipelines.processes.capture import capture

_SECONDS = 600.0


def tags_of(commit: str, repository: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The result of `git describe` for the commit, if any, and a digest of the tags it considers.

    Empty when the repository is missing or does not have the commit.
    """
    if not repository.is_dir():
        return {}
    merged = ("for-each-ref", f"--merged={commit}", "--format=%(objectname) %(refname)")
    tags = _output(repository, env, *merged, "refs/tags")
    if tags is None:
        return {}
    described = _output(repository, env, "describe", "--tags", "--long", commit) if tags else None
    return {
        "described": (described or "no tag").strip(),
        "tags": hashlib.sha256(tags.encode(errors="surrogateescape")).hexdigest()[:40],
    }


def _output(repository: Path, env: Mapping[str, str], *arguments: str) -> str | None:
    done = capture(
        ("git", *arguments),
        cwd=repository,
        env={**local_git_environment(env), **_ANY_OWNER},
        timeout=_SECONDS,
    )
    return None if done.code else done.output


_ANY_OWNER = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.bareRepository",
    "GIT_CONFIG_VALUE_0": "all",
}
