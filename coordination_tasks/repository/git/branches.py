"""Branches of the coordination repository beside main, each one commit without parents.

Main does not grow with them, and what they held is gone when they are removed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from common.file_lock import file_lock
from coordination_tasks.domain.errors import Conflict, CopyUnusable, NotFound, WriteRefused
from coordination_tasks.repository.git.object_reader import MissingObject
from coordination_tasks.repository.git.objects import GitObjects
from coordination_tasks.repository.git.process import GitResult, make_repository
from coordination_tasks.repository.git.remote import GitRemote, fail
from coordination_tasks.repository.git.responses import Response, fetch_response, push_response, why


class GitBranches:
    """`folder` is our own, a copy that may be lost. All raise Unavailable, AccessDenied."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        author: str,
        timeout: float = 60.0,
        on_push: Callable[[], None] = lambda: None,
    ) -> None:
        self._remote = GitRemote(url, "main", timeout)
        self._git_dir = folder / f"{self._remote.key}.git"
        self._author = author
        self._on_push = on_push

    def named(self, names: Collection[str]) -> Mapping[str, str]:
        """The commit of each branch that is there; names may contain `*`."""
        with self._opened():
            result = self._remote.list(self._git_dir, names)
        if (response := fetch_response(result)) is not Response.DONE:
            fail(response, result)
        lines = (line.split("\t") for line in result.output.splitlines())
        return {ref.removeprefix("refs/heads/"): commit for commit, ref in lines}

    def read(self, branch: str, path: str) -> bytes:
        """Content of a file. Raises NotFound."""
        found = self.read_all(branch, path)
        if branch not in found:
            raise NotFound(f"branch {branch} has no file {path}")
        return found[branch]

    def read_all(self, names: str, path: str) -> Mapping[str, bytes]:
        """Content of a file in each branch that has it; `names` may contain `*`."""
        there = self.named([names])
        with self._opened():
            if there:
                result = self._remote.fetch_branches(self._git_dir, sorted(there))
                if (response := fetch_response(result)) is not Response.DONE:
                    fail(response, result)
            objects = GitObjects(self._git_dir)
            try:
                found = {name: objects.read(commit, path) for name, commit in there.items()}
            except MissingObject as error:
                raise CopyUnusable(f"cannot read branches {names}: {error}") from error
            finally:
                objects.close()
        return {name: data for name, data in found.items() if data is not None}

    def add(self, branch: str, files: Mapping[str, bytes], message: str, at: datetime) -> None:
        """Make a branch with these files. Raises Conflict if it is there, WriteRefused."""
        with self._opened():
            objects = GitObjects(self._git_dir)
            try:
                commit = objects.commit(None, files, author=self._author, at=at, message=message)
            finally:
                objects.close()
            self._push({branch: (commit, "")})

    def remove(self, commits: Mapping[str, str]) -> None:
        """Remove branches that are still at these commits, all or none.

        Raises Conflict, WriteRefused.
        """
        if commits:
            with self._opened():
                self._push({branch: ("", commit) for branch, commit in commits.items()})

    def rename(self, names: Mapping[str, str]) -> None:
        """Give branches their new names, all or none; without effect for those that are not there.

        Raises Conflict if a new name is taken, WriteRefused.
        """
        there = self.named(names)
        if there:
            with self._opened():
                result = self._remote.fetch_branches(self._git_dir, sorted(there))
                if (response := fetch_response(result)) is not Response.DONE:
                    fail(response, result)
                added = {names[old]: (commit, "") for old, commit in there.items()}
                self._push(added | {old: ("", commit) for old, commit in there.items()})

    def _push(self, changes: Mapping[str, tuple[str, str]]) -> None:
        self._on_push()
        result = self._remote.push_branches(self._git_dir, changes)
        response = push_response(result)
        if response is Response.MOVED:
            raise Conflict(f"{', '.join(changes)} changed in the meantime. Try again.")
        if response is Response.REFUSED:
            raise WriteRefused(f"the remote rejects changes of {', '.join(changes)}: {why(result)}")
        if response is not Response.DONE:
            fail(response, result)

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """One process at a time."""
        self._git_dir.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(self._git_dir.with_suffix(".lock")):
            if not (self._git_dir / "HEAD").exists():
                _check(make_repository(self._git_dir))
            yield


def _check(result: GitResult) -> None:
    if result.code:
        raise CopyUnusable(f"git init failed: {why(result)}")
