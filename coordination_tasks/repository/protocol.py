"""What the coordination store needs: versions of a set of files, and one safe write.

Two implementations pass the same contract tests: one in memory, one on Git.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from coordination_tasks.domain.errors import Unavailable

Version = NewType("Version", str)
"""Names one state of all files; opaque."""

NOTHING = Version("")
"""The version of a repository that nobody has written to yet."""


@dataclass(frozen=True, slots=True)
class Note:
    """What its owner left beside the files, where it contends with nobody, until one takes it."""

    owner: str
    data: bytes
    mark: str
    """Names this note among all that the owner ever left; opaque."""


class Moved(Exception):
    """The write was refused, nothing was changed: a newer version, or a note that is taken."""


class Unanswered(Exception):
    """The write got no answer: `version` may be part of the repository or not.

    `left`: false when the remote was not even reached, so that it surely is not.
    """

    def __init__(self, version: Version, cause: str, *, left: bool = True) -> None:
        super().__init__(cause)
        self.version = version
        self.left = left


class Rewritten(Exception):
    """The newest version, `found`, does not build on `seen`: somebody rewrote the history.

    Nothing has been adopted yet: see Repository.adopt.
    """

    def __init__(self, seen: Version, found: Version) -> None:
        super().__init__(f"the history was rewritten: {found or 'nothing'} is not based on {seen}")
        self.seen = seen
        self.found = found


class VersionGone(Unavailable):
    """A version can't be read here any more (the local copy was damaged): fetch and repeat."""


class Versions(Protocol):
    """Versions that can be read."""

    def read(self, version: Version, path: str) -> bytes | None:
        """Content of a file; None when there is none. Raises VersionGone."""
        ...

    def names(self, version: Version, folder: str) -> tuple[str, ...]:
        """Sorted names of what is directly in a folder ("" is the top). Raises VersionGone."""
        ...


class Repository(Versions, Protocol):
    """Safe for several threads. All but `known` raise Unavailable or AccessDenied."""

    def known(self) -> Version | None:
        """The newest version known here, without asking; None before the first fetch."""
        ...

    def fetch(self) -> Version:
        """The newest version. Raises Rewritten when it does not build on the one known."""
        ...

    def adopt(self, found: Version) -> None:
        """Take the version named by Rewritten as the newest."""
        ...

    def push_if_unchanged(
        self,
        version: Version,
        changes: Mapping[str, bytes | None],
        message: str,
        takes: Sequence[Note] = (),
    ) -> Version:
        """Write files (None deletes) on top of `version`, all or none, if it still is the newest.

        The notes in `takes` are gone by the same write, or nothing is written when one of them has
        been taken already. Raises Moved, Unanswered, WriteRefused, VersionGone.
        """
        ...

    def fetch_notes(self) -> tuple[Note, ...]:
        """Fetch, and give the notes that lie there, sorted by owner. Raises Rewritten."""
        ...

    def leave_note(self, owner: str, data: bytes) -> None:
        """Leave a note in place of the owner's last one. Raises WriteRefused, Unanswered."""
        ...

    def withdraw_note(self, owner: str) -> bool:
        """Remove a note, so that nobody can take it any more; False when there was none."""
        ...

    def contains(self, version: Version, earlier: Version) -> bool:
        """Whether `version` builds on `earlier`, as far as is known here."""
        ...

    def close(self) -> None:
        """Let go of processes and files."""
        ...
