"""Marks on tags of a Git repository: annotated, so that each has a text of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from common.file_lock import file_lock
from coordination_tasks.domain.errors import CopyUnusable, WriteRefused
from coordination_tasks.repository.git.process import GitResult, make_repository, run_git
from coordination_tasks.repository.git.remote import FETCHED, GitRemote, fail
from coordination_tasks.repository.git.responses import Response, fetch_response, push_response, why
from coordination_tasks.repository.marks import Marked
from coordination_tasks.repository.protocol import Version

_END = "\x01"
_IF_ANNOTATED = "%(if)%(*objectname)%(then)"
_FORMAT = (
    f"%(refname)%00{_IF_ANNOTATED}%(*objectname)%(else)%(objectname)%(end)%00"
    f"{_IF_ANNOTATED}%(contents)%(end)%01"
)
"""Old programs make tags without annotation, which have no text."""
_LOCAL_SECONDS = 60.0


class GitMarks:
    """See Marks. `folder` is our own, a copy that may be lost."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        timeout: float = 60.0,
        on_push: Callable[[], None] = lambda: None,
    ) -> None:
        self._remote = GitRemote(url, "main", timeout)
        self._git_dir = folder / f"{self._remote.key}.git"
        self._on_push = on_push

    def named(self, prefix: str) -> tuple[Marked, ...]:
        """See Marks.named."""
        with self._opened():
            result = self._remote.list_tags(self._git_dir, prefix)
            if result.code == 0 and not result.output.strip():
                return ()
            if result.code == 0:
                result = self._remote.fetch_tags(self._git_dir, prefix)
            if (response := fetch_response(result)) is not Response.DONE:
                fail(response, result)
            found = self._local(["for-each-ref", f"--format={_FORMAT}", FETCHED])
        marks = []
        for entry in found.output.split(f"{_END}\n"):
            ref, commit, text = [*entry.split("\0", 2), "", ""][:3]
            name = ref.removeprefix(FETCHED)
            if name and name.startswith(prefix):
                marks.append(Marked(name, text.strip("\n"), Version(commit)))
        return tuple(sorted(marks, key=lambda mark: mark.name))

    def remove(self, names: Collection[str]) -> None:
        """See Marks.remove."""
        if not names:
            return
        with self._opened():
            self._on_push()
            result = self._remote.delete_tags(self._git_dir, names)
        response = push_response(result)
        if response in {Response.REFUSED, Response.MOVED}:
            raise WriteRefused(f"the remote rejects the removal of tags: {why(result)}")
        if response not in {Response.DONE, Response.ABSENT}:
            fail(response, result)

    def _local(self, words: list[str]) -> GitResult:
        result = run_git(words, git_dir=self._git_dir, timeout=_LOCAL_SECONDS)
        if result.code:
            raise CopyUnusable(f"cannot read {self._git_dir}: {why(result)}")
        return result

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """One process at a time."""
        self._git_dir.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(self._git_dir.with_suffix(".lock")):
            if not (self._git_dir / "HEAD").exists():
                result = make_repository(self._git_dir)
                if result.code:
                    raise CopyUnusable(f"git init {self._git_dir} failed: {why(result)}")
            yield
