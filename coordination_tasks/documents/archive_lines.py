"""Files of the archive that hold one entry a line, in parts that Git hosts bear."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from coordination_tasks.documents import json_edit as documents
from coordination_tasks.repository.draft import Draft

MOST_BYTES = 1_000_000
"""Of one part (DESIGN.md, section 4)."""

Parts = Callable[[int], str]
"""The path of each part; they are numbered from 1."""


class Files(Protocol):
    """One version's files: a Draft, or a Snapshot."""

    def read(self, path: str) -> bytes | None:
        """Content of a file; None when there is none."""
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """Sorted names of what is directly in a folder."""
        ...


def append_line(draft: Draft, entry: Mapping[str, object], parts: Parts) -> None:
    """Add an entry to the last part that has room for it."""
    line = documents.dump_line(entry).encode("utf-8") + b"\n"
    part = 1
    while (data := draft.read(parts(part))) and len(data) + len(line) > MOST_BYTES:
        part += 1
    draft.write(parts(part), (data or b"") + line)


def lines(files: Files, parts: Parts) -> Iterator[tuple[str, int, bytes]]:
    """Path, line number and content of each line, in the order in which they were added."""
    part = 1
    while (data := files.read(path := parts(part))) is not None:
        for number, line in enumerate(data.split(b"\n"), 1):
            if line:
                yield path, number, line
        part += 1
