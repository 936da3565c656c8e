"""The coordination repository on Git: compare-and-swap pushes from a disposable bare clone.

A write is blobs, trees and one commit in the clone's object database, then one
`git push --force-with-lease` that names the commit it was built on: the remote itself decides who
was first. Nothing is ever merged, and there is no work tree. (git itself pushes because pygit2 lost
acknowledged writes on file remotes, and GitPython's `Remote.push` does not raise on a rejection.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType

from coordination_tasks.domain.errors import (
    AccessDenied,
    CopyUnusable,
    Unavailable,
    WriteRefused,
)
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.repository.git.clone import CloneFolder, Contact, GitClone
from coordination_tasks.repository.git.object_reader import MissingObject
from coordination_tasks.repository.git.objects import GitObjects
from coordination_tasks.repository.git.process import GitResult, run_git
from coordination_tasks.repository.git.remote import GitRemote, fail, fetch_ref
from coordination_tasks.repository.git.responses import (
    Response,
    fetch_response,
    never_left,
    push_response,
    why,
)
from coordination_tasks.repository.protocol import (
    NOTHING,
    Mark,
    Moved,
    Note,
    Rewritten,
    Unanswered,
    Version,
    VersionGone,
)

_LOCAL_SECONDS = 60.0
_SHALLOW = "--depth=1"
_NOTE_FILE = "note"
_REFUSES_TAGS = frozenset({Response.REFUSED, Response.ABSENT, Response.LOCAL})
"""Answers to a push with a tag that is refused, in use, or has a name that the remote refuses."""


class GitRepository:
    """See Repository. `url` is any that git accepts, or a path; `cache` is a folder of our own.

    `author` (a builder's id) is the author of the commits; `timeout` (seconds) limits each command
    to the remote; `on_push` is called before each push. The next `fetch` replaces a damaged clone.
    """

    def __init__(
        self,
        url: str,
        cache: Path,
        *,
        author: str,
        branch: str = "main",
        timeout: float = 60.0,
        clock: Callable[[], datetime] = utc_now,
        on_push: Callable[[], None] = lambda: None,
    ) -> None:
        self._remote = GitRemote(url, branch, timeout)
        self._folder = CloneFolder(cache.resolve() / self._remote.key)
        self._author = author
        self._clock = clock
        self._on_push = on_push
        self._clone: GitClone | None = None
        self._objects: GitObjects | None = None
        self._known: Version | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> GitRepository:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """See Repository.close."""
        with self._lock:
            if self._objects:
                self._objects.close()
            if self._clone:
                self._clone.close()
            self._objects = self._clone = None

    def known(self) -> Version | None:
        """See Repository.known."""
        with self._guarded():
            if self._known is None:
                clone = self._open()
                tip = clone.tip() if clone else None
                self._known = Version(tip) if tip else None
            return self._known

    def fetch(self) -> Version:
        """See Repository.fetch."""
        try:
            with self._guarded():
                version = self._fetched()
        except (AccessDenied, CopyUnusable, VersionGone):
            raise
        except Unavailable:
            self._folder.note_contact(reached=False)
            raise
        self._folder.note_contact(reached=True)
        return version

    def contact(self) -> Contact:
        """When the remote last answered a fetch of this host, and since when it has not."""
        return self._folder.contact()

    def adopt(self, found: Version) -> None:
        """See Repository.adopt."""
        with self._guarded():
            clone = self._open()
            if clone and found:
                clone.remember(found)
            elif clone:
                self._discard()
            self._known = found

    def read(self, version: Version, path: str) -> bytes | None:
        """See Repository.read."""
        with self._guarded():
            return self._opened()[1].read(version, path) if version else None

    def names(self, version: Version, folder: str) -> tuple[str, ...]:
        """See Repository.names."""
        with self._guarded():
            entries = self._opened()[1].folder(version, folder) if version else {}
            return tuple(sorted(name.decode("utf-8", "replace") for name in entries))

    def push_if_unchanged(
        self,
        version: Version,
        changes: Mapping[str, bytes | None],
        message: str,
        takes: Sequence[Note] = (),
        marks: Sequence[Mark] = (),
    ) -> Version:
        """See Repository.push_if_unchanged."""
        with self._guarded():
            clone, objects = self._opened()
            commit = objects.commit(
                version or None, changes, author=self._author, at=self._clock(), message=message
            )
            made = Version(commit)
            notes = {note.owner: note.mark for note in takes}
            tags = {
                mark.name: objects.tag(
                    commit, mark.name, mark.text, author=self._author, at=self._clock()
                )
                for mark in marks
            }
            if not version:
                self._remote.check_is_default(clone.git_dir)

            def push(tags: Mapping[str, str]) -> GitResult:
                self._on_push()
                return self._remote.push(
                    clone.git_dir, made, expected=version, takes=notes, tags=tags
                )

            result = push(tags)
            if tags and push_response(result) in _REFUSES_TAGS:
                result = push({})  # the record matters more than its tag
            self._check(result, made)
            clone.remember(made)
            self._known = made
        self._folder.note_contact(reached=True)
        return made

    def contains(self, version: Version, earlier: Version) -> bool:
        """See Repository.contains."""
        if earlier in {NOTHING, version}:
            return True
        if version == NOTHING:
            return False
        with self._guarded():
            question = ["merge-base", "--is-ancestor", earlier, version]
            git_dir = self._opened()[0].git_dir
            return run_git(question, git_dir=git_dir, timeout=_LOCAL_SECONDS).code == 0

    def fetch_notes(self) -> tuple[Note, ...]:
        """See Repository.fetch_notes."""
        with self._guarded():
            if self._open() is None:
                self.fetch()
            clone, objects = self._opened()
            self._update(clone, with_notes=True)
            found = clone.notes()
            read = {owner: objects.read(commit, _NOTE_FILE) for owner, commit in found.items()}
            return tuple(Note(o, data, found[o]) for o, data in read.items() if data is not None)

    def leave_note(self, owner: str, data: bytes) -> None:
        """See Repository.leave_note."""
        with self._guarded():
            clone, objects = self._opened()
            commit = objects.commit(
                None, {_NOTE_FILE: data}, author=self._author, at=self._clock(), message="note"
            )
            self._on_push()
            self._check(self._remote.push_note(clone.git_dir, owner, commit), Version(commit))

    def withdraw_note(self, owner: str) -> bool:
        """See Repository.withdraw_note."""
        with self._guarded():
            if self._open() is None:
                self.fetch()
            self._on_push()
            result = self._remote.delete_note(self._opened()[0].git_dir, owner)
            response = push_response(result)
            if response in {Response.ABSENT, Response.MOVED}:
                return False
            if response is Response.NO_ANSWER:
                fail(response, result)
            self._check(result, NOTHING)
            return True

    def _fetched(self) -> Version:
        clone = self._open()
        if clone is None:
            return self._renew()
        try:
            return self._update(clone)
        except VersionGone:
            return self._renew()

    def _check(self, result: GitResult, made: Version) -> None:
        """Raise the error that the answer to the push of `made` means, unless it succeeded."""
        response = push_response(result)
        if response is Response.MOVED:
            raise Moved
        if response is Response.REFUSED:
            raise WriteRefused(f"the coordination repository rejects the write: {why(result)}")
        if response is Response.NO_ANSWER:
            raise Unanswered(made, why(result), left=not never_left(result))
        if response is Response.LOCAL:
            raise self._discard(why(result))
        if response is not Response.DONE:
            fail(response, result)

    def _update(self, clone: GitClone, *, with_notes: bool = False) -> Version:
        """Update the clone, and replace it when it has too many loose objects."""
        before = self.known() or NOTHING
        result = self._fetch(clone, with_notes=with_notes)
        response = fetch_response(result)
        if response is Response.LOCAL:
            # another process of ours may have moved the ref at the same moment
            result = self._fetch(clone, with_notes=with_notes)
            response = fetch_response(result)
        if response is Response.LOCAL:
            raise self._discard(why(result))
        if response is Response.REWRITTEN:
            raise Rewritten(before, self._rewritten_tip(clone))
        if response is Response.ABSENT and before:
            raise Rewritten(before, NOTHING)
        if response not in {Response.DONE, Response.ABSENT}:
            fail(response, result)
        self._known = Version(clone.tip() or NOTHING)
        if clone.is_worn() and not with_notes:
            self._replace(clone.git_dir)
        return self._known

    def _fetch(self, clone: GitClone, *, with_notes: bool) -> GitResult:
        if with_notes:
            return self._remote.fetch_with_notes(clone.git_dir, GitClone.TIP, GitClone.NOTES)
        return self._remote.fetch(clone.git_dir, GitClone.TIP)

    def _rewritten_tip(self, clone: GitClone) -> Version:
        result = self._remote.fetch(clone.git_dir, f"+{GitClone.REWRITTEN}")
        response = fetch_response(result)
        if response is not Response.DONE:
            fail(response, result)
        return Version(clone.rewritten() or NOTHING)

    def _renew(self) -> Version:
        """A new clone from the remote; whether it builds on the known version is unknown."""
        clone = self._folder.create()
        result = self._remote.fetch(clone.git_dir, GitClone.TIP, _SHALLOW)
        response = fetch_response(result)
        if response not in {Response.DONE, Response.ABSENT}:
            clone.close()
            fail(response, result)
        self._use(clone)
        self._known = Version(clone.tip() or NOTHING)
        return self._known

    def _replace(self, source: Path) -> None:
        """A new clone from the old one, without the remote."""
        clone = self._folder.create()
        tip = GitClone.TIP
        result = fetch_ref(clone.git_dir, str(source), tip, tip, _SHALLOW, timeout=_LOCAL_SECONDS)
        if result.code != 0:
            clone.close()
            if fetch_response(result) is Response.NO_ANSWER:
                return  # git was killed, or took too long: the old clone is as good as before
            raise self._discard(why(result))
        self._use(clone)

    def _use(self, clone: GitClone) -> None:
        self.close()
        self._clone, self._objects = clone, GitObjects(clone.git_dir)
        self._folder.make_current(clone)

    def _open(self) -> GitClone | None:
        if self._clone is None:
            self._clone = self._folder.open()
            self._objects = GitObjects(self._clone.git_dir) if self._clone else None
        return self._clone

    def _opened(self) -> tuple[GitClone, GitObjects]:
        clone = self._open()
        if clone is None or self._objects is None:
            raise VersionGone("the local copy of the coordination repository is missing")
        return clone, self._objects

    def _discard(self, cause: str = "") -> VersionGone:
        """Stop using this clone; returns the error to raise."""
        if self._clone:
            self._folder.discard(self._clone.git_dir)
        self.close()
        return VersionGone(f"the local copy of the coordination repository was damaged: {cause}")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """One thread at a time; errors of the local disk become CopyUnusable."""
        with self._lock:
            try:
                yield
            except (MissingObject, FileNotFoundError) as error:
                raise self._discard(str(error)) from error
            except OSError as error:
                raise CopyUnusable(f"cannot use the local copy: {error}") from error
