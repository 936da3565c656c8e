"""What a transaction reads and means to write: one version's files, with changes on top."""

from __future__ import annotations

from collections.abc import Sequence

from coordination_tasks.repository.protocol import Note, Repository, Version


class Draft:
    """A function of a transaction gets one, and may be given another one: it must not keep it."""

    def __init__(
        self,
        repository: Repository,
        version: Version,
        *,
        is_newest: bool,
        notes: Sequence[Note] = (),
    ) -> None:
        self._repository = repository
        self._version = version
        self.is_newest = is_newest
        """Whether the version was fetched just now: only then is a refusal certain."""
        self.notes = tuple(notes)
        """What others left beside this version, and who makes the draft as well."""
        self.takes: list[Note] = []
        """Those of the notes that the write takes away."""
        self._changes: dict[str, bytes | None] = {}
        self._told: list[str] = []

    @property
    def changes(self) -> dict[str, bytes | None]:
        """What differs from the version that was read; None deletes the file."""
        return {
            path: data
            for path, data in self._changes.items()
            if data != self._repository.read(self._version, path)
        }

    @property
    def message(self) -> str:
        """What was told by `note`, as the message of the write."""
        if len(self._told) <= 1:
            return "".join(self._told)
        # who reads one line of a log reads how it ended
        return "\n".join([f"{self._told[-1]} (and {len(self._told) - 1} more)", "", *self._told])

    def read(self, path: str) -> bytes | None:
        """Content of a file with the changes made so far; None when there is none."""
        if path in self._changes:
            return self._changes[path]
        return self._repository.read(self._version, path)

    def write(self, path: str, data: bytes) -> None:
        """Make `data` the content of a file."""
        self._changes[path] = data

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._changes[path] = None

    def names(self, folder: str) -> tuple[str, ...]:
        """Sorted names of what was in a folder ("" is the top) before any change."""
        return self._repository.names(self._version, folder)

    def note(self, line: str) -> None:
        """Say in the write's message what is done, in one line."""
        self._told.append(" ".join(line.split())[:200])

    def attempt(self) -> Draft:
        """A draft on top of this one: its changes count only when they are taken by `absorb`."""
        inner = Draft(self._repository, self._version, is_newest=self.is_newest)
        inner._changes = dict(self._changes)
        return inner

    def absorb(self, inner: Draft) -> None:
        """Take the changes of a draft that `attempt` made."""
        self._changes = inner._changes
        self._told.extend(inner._told)
