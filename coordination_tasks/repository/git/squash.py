"""Reduces an old heartbeat branch to one commit, by a push of only that branch."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from coordination_tasks.domain.errors import (
    BadRequest,
    Conflict,
    NotFound,
    Unavailable,
    WriteRefused,
)
from coordination_tasks.domain.secret_scan import refuse_secrets
from coordination_tasks.repository.draft import with_trailers
from coordination_tasks.repository.git.process import GitResult, git_environment, make_repository
from coordination_tasks.repository.git.remote import GitRemote, fail
from coordination_tasks.repository.git.responses import Response, fetch_response, push_response, why
from coordination_tasks.repository.heartbeats import FACTS

_TIP = "refs/heads/squashed"


def squash(
    url: str,
    branch: str,
    *,
    author: str,
    at: datetime,
    backup: bool,
    timeout: float,
    trailers: Mapping[str, str],
) -> str | None:
    """Replace `branch` by one parentless commit of its last files; returns the backup's name.

    `trailers` name who acts, in the commit. Does nothing when it is one commit already. Raises
    BadRequest for main, NotFound, Conflict when a heartbeat came in between, SecretFound,
    Unavailable, AccessDenied, WriteRefused.
    """
    message = with_trailers(f"squashed at {at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", trailers)
    refuse_secrets("who acts", message)
    if branch == FACTS:
        raise BadRequest(f"cannot squash {FACTS}: it has the facts of the farm")
    remote = GitRemote(url, branch, timeout)
    with tempfile.TemporaryDirectory() as folder:
        git_dir = Path(folder) / "squash.git"
        made = make_repository(git_dir)
        if made.code != 0:
            raise Unavailable(f"git init {git_dir} failed: {why(made)}")
        tip = _fetched(remote, git_dir, branch)
        new = _parentless(git_dir, tip, author, at, message)
        if new is None:
            return None
        name = f"backup/{branch}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}" if backup else None
        if name:
            _check(GitRemote(url, name, timeout).push(git_dir, tip, expected="", takes={}), name)
        pushed = remote.push(git_dir, new, expected=tip, takes={})
        if push_response(pushed) is Response.MOVED:
            kept = f" (backup: {name})" if name else ""
            raise Conflict(f"branch {branch} has moved in the meantime{kept}. Try again.")
        _check(pushed, branch)
        return name


def _fetched(remote: GitRemote, git_dir: Path, branch: str) -> str:
    result = remote.fetch(git_dir, _TIP, "--depth=1")
    response = fetch_response(result)
    if response is Response.ABSENT:
        raise NotFound(f"unknown branch {branch}")
    if response is not Response.DONE:
        fail(response, result)
    return (git_dir / _TIP).read_text().strip()


def _parentless(git_dir: Path, tip: str, author: str, at: datetime, message: str) -> str | None:
    """Id of a new commit with the files of `tip`; None when `tip` has no parent itself."""
    from git import Actor, Commit, Repo  # noqa: PLC0415 - without git its import fails

    who = Actor(author, f"{author}@localhost")
    with Repo(git_dir) as repository:
        repository.git.update_environment(**git_environment(), GIT_DIR=str(git_dir))
        old = repository.commit(tip)
        if not old.parents:
            return None
        made = Commit.create_from_tree(
            repository,
            old.tree,
            message,
            [],
            author=who,
            committer=who,
            author_date=at,
            commit_date=at,
        )
        return made.hexsha


def _check(result: GitResult, branch: str) -> None:
    response = push_response(result)
    if response is Response.MOVED:
        raise Conflict(f"branch {branch} already exists. Try again.")
    if response is Response.REFUSED:
        raise WriteRefused(f"the coordination repository rejects {branch}: {why(result)}")
    if response is not Response.DONE:
        fail(response, result)
