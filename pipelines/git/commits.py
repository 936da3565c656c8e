"""The commits of a source between two others, from its mirror on this host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import RunningAttempt
from pipelines.git.own_git_dir import local_git_environment
from pipelines.processes.capture import capture

MOST_COMMITS = 500
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class SourceCommit:
    """A commit of a source."""

    commit: str
    subject: str
    touches: bool
    """Whether it changes one of the files in question."""


def commits_between(
    mirror: Path, since: str, until: str, files: Sequence[str], env: Mapping[str, str]
) -> tuple[SourceCommit, ...] | None:
    """The commits from `since` (excluded) to `until`, newest first, at most MOST_COMMITS.

    None when the mirror is not here, or lacks one of the two. `files` are patterns of git's `glob`
    form; paths and commit ids may be those that others wrote, so git never takes them for options.
    """
    if not mirror.is_dir():
        return None
    found = _log(mirror, since, until, (), env)
    if found is None:
        return None
    touching = _log(mirror, since, until, files, env) if files else ()
    ids = {commit for commit, _ in touching or ()}
    return tuple(SourceCommit(commit, subject, commit in ids) for commit, subject in found)


def comes_from(mirror: Path, attempt: RunningAttempt, patterns: Sequence[str]) -> bool:
    """Whether the job's branch matches one of the patterns, and contains its commit.

    Whoever queues a job can name any branch beside any commit that the source serves.
    """
    commit, branch = attempt.commit, attempt.branch
    if not commit or not branch or not mirror.is_dir():
        return False
    if not any(fnmatchcase(branch, pattern) for pattern in patterns):
        return False
    ask = ("git", "merge-base", "--is-ancestor", "--end-of-options", commit)
    try:
        got = capture(
            (*ask, f"refs/heads/{branch}"),
            cwd=mirror,
            env=local_git_environment(attempt.env),
            timeout=_SECONDS,
        )
    except StepFailed:
        return False
    return got.code == 0


def _log(
    mirror: Path, since: str, until: str, files: Sequence[str], env: Mapping[str, str]
) -> list[tuple[str, str]] | None:
    command = ("git", "log", "-z", f"--max-count={MOST_COMMITS}", "--no-show-signature")
    which = ("--format=%H %s", "--end-of-options", f"{since}..{until}", "--")
    paths = [f":(glob){file}" for file in files]
    try:
        got = capture(
            (*command, *which, *paths),
            cwd=mirror,
            env=local_git_environment(env),
            timeout=_SECONDS,
        )
    except StepFailed:
        return None
    if got.code:
        return None
    lines = (line.partition(" ") for line in got.output.split("\0") if line)
    return [(commit, subject) for commit, _, subject in lines]
