"""The protocol that the coordination store needs: versions of a set of files, and a safe write.

Two implementations pass the same contract tests: one in memory, one on Git.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from coordination_tasks.domain.errors import Unavailable

Version = NewType("Version", str)
"""Identifies one state of all files; opaque."""

NOTHING = Version("")
"""The version of an empty repository."""


@dataclass(frozen=True, slots=True)
class Note:
    """A request that its owner left beside the files, until another writer takes it."""

    owner: str
    data: bytes
    mark: str
    """Identifies this note among all notes of the owner; opaque."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A name that a version keeps, with a text; see Marks for reading them."""

    name: str
    text: str


class Moved(Exception):
    """The write was rejected, nothing was changed: a newer version, or a note was taken."""


class Unanswered(Exception):
    """The write got no answer: `version` may or may not be part of the repository.

    `left`: false when the remote was not even reached, so that it certainly is not.
    """

    def __init__(self, version: Version, cause: str, *, left: bool = True) -> None:
        super().__init__(cause)
        self.version = version
        self.left = left


class Rewritten(Exception):
    """The newest version, `found`, does not build on `seen`: the history was rewritten.

    Nothing has been adopted yet: see Repository.adopt.
    """

    def __init__(self, seen: Version, found: Version) -> None:
        super().__init__(f"the history was rewritten: {found or 'nothing'} is not based on {seen}")
        self.seen = seen
        self.found = found


class VersionGone(Unavailable):
    """A version is no longer readable here (the local copy was damaged): fetch and repeat."""


class Versions(Protocol):
    """Readable versions."""

    def read(self, version: Version, path: str) -> bytes | None:
        """Content of a file; None when it does not exist. Raises VersionGone."""
        ...

    def names(self, version: Version, folder: str) -> tuple[str, ...]:
        """Sorted names of the entries directly in a folder ("" is the top). Raises VersionGone."""
        ...


class Repository(Versions, Protocol):
    """Safe for several threads. All but `known` raise Unavailable or AccessDenied."""

    def known(self) -> Version | None:
        """The newest version known here, without a fetch; None before the first one."""
        ...

    def fetch(self) -> Version:
        """The newest version. Raises Rewritten when it does not build on the one known."""
        ...

    def adopt(self, found: Version) -> None:
        """Accept the version named by Rewritten as the newest."""
        ...

    def push_if_unchanged(
        self,
        version: Version,
        changes: Mapping[str, bytes | None],
        message: str,
        takes: Sequence[Note] = (),
        marks: Sequence[Mark] = (),
    ) -> Version:
        """Write files (None deletes) on top of `version`, all or none, if it is still the newest.

        The same write removes the notes in `takes`; nothing is written if one of them was already
        taken. It gives the names of `marks` to the new version, unless they are in use or the
        remote allows none. Raises Moved, Unanswered, WriteRefused, VersionGone.
        """
        ...

    def fetch_notes(self) -> tuple[Note, ...]:
        """Fetch, and return the notes, sorted by owner. Raises Rewritten."""
        ...

    def leave_note(self, owner: str, data: bytes) -> None:
        """Replace the owner's note. Raises WriteRefused, Unanswered."""
        ...

    def withdraw_note(self, owner: str) -> bool:
        """Remove a note so that nobody can take it; False when there was none."""
        ...

    def contains(self, version: Version, earlier: Version) -> bool:
        """Whether `version` builds on `earlier`, as far as known here."""
        ...

    def close(self) -> None:
        """Release processes and files."""
        ...
