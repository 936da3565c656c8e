"""What a transaction reads and will write: the files of one version, with changes on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from coordination_tasks.repository.protocol import Mark, Note, Repository, Version


class Draft:
    """The argument of a transaction's function, which may run again with another one."""

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
        """Whether the version was fetched just now: only then is a refusal final."""
        self.notes = tuple(notes)
        """The notes beside this version, including our own."""
        self.takes: list[Note] = []
        """The notes that the write removes."""
        self.marks: list[Mark] = []
        """The names that the new version gets."""
        self.trailers: Mapping[str, str] = {}
        """Name and value of lines at the end of the message: who acts."""
        self._changes: dict[str, bytes | None] = {}
        self._told: list[str] = []

    @property
    def changes(self) -> dict[str, bytes | None]:
        """The changed files; None deletes a file."""
        return {
            path: data
            for path, data in self._changes.items()
            if data != self._repository.read(self._version, path)
        }

    @property
    def message(self) -> str:
        """The texts of `note`, and the trailers, as the message of the write."""
        told = self._told
        if len(told) > 1:
            # the first line, which a short log shows, is the final result
            told = [f"{told[-1]} (and {len(told) - 1} more)", "", *told]
        return with_trailers("\n".join(told), self.trailers if told else {})

    def read(self, path: str) -> bytes | None:
        """Content of a file with the changes so far; None when it does not exist."""
        if path in self._changes:
            return self._changes[path]
        return self._repository.read(self._version, path)

    def write(self, path: str, data: bytes) -> None:
        """Set the content of a file."""
        self._changes[path] = data

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._changes[path] = None

    def names(self, folder: str) -> tuple[str, ...]:
        """Sorted names in a folder ("" is the top) before any change."""
        return self._repository.names(self._version, folder)

    def note(self, line: str) -> None:
        """Add a line to the message of the write."""
        self._told.append(" ".join(line.split())[:200])

    def attempt(self) -> Draft:
        """A draft on top of this one, whose changes count only after `absorb`."""
        inner = Draft(self._repository, self._version, is_newest=self.is_newest)
        inner._changes = dict(self._changes)
        return inner

    def absorb(self, inner: Draft) -> None:
        """Add the changes of a draft from `attempt`."""
        self._changes = inner._changes
        self._told.extend(inner._told)
        self.marks.extend(inner.marks)


def with_trailers(message: str, trailers: Mapping[str, str]) -> str:
    """A message of a commit that ends with these lines, by name."""
    lines = [f"{name}: {value}" for name, value in trailers.items()]
    return "\n".join([message, "", *lines]) if lines else message
