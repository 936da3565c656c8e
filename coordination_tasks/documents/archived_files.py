"""Small files in the archive: many in one file, each a line.

A remote that takes a push looks at each folder and file that its newest version has, so what nobody
reads any more must be few of them: a year of files as they were made a write take three times as
long.

A line is `{"path": where it was, "text": what it held}`, or `base64` for what is no UTF-8.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from coordination_tasks.documents.archive_lines import Files, Parts, append_line, lines
from coordination_tasks.documents.paths import archived_files_path
from coordination_tasks.repository.draft import Draft

MOST_BYTES_OF_A_LINE = 100_000
"""Of a file that is put here; larger ones are stored as they are."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file as it was when it was archived."""

    path: str
    """The file of the archive that holds it."""
    data: bytes


def put(draft: Draft, month: str, group: str, path: str, data: bytes) -> None:
    """Archive the file that was at `path`; what has one `group` is found together."""
    append_line(draft, {"path": path, **_as_json(data)}, _parts(month, group))


class ArchivedFiles:
    """The archived files of one version; each file of the archive is read once."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._known: dict[str, dict[str, list[ArchivedFile]]] = {}

    def find(self, month: str, group: str, begin: str) -> Iterator[tuple[str, ArchivedFile]]:
        """Where they were, and the files of a group whose paths begin so, the oldest first.

        A path can be there more than once.
        """
        for path, found in self._of(month, group).items():
            if path.startswith(begin):
                yield from ((path, file) for file in found)

    def _of(self, month: str, group: str) -> Mapping[str, list[ArchivedFile]]:
        parts = _parts(month, group)
        known = self._known.get(parts(1))
        if known is None:
            known = self._known[parts(1)] = {}
            for place, _, line in lines(self.files, parts):
                entry = _entry(line)
                if entry:
                    known.setdefault(entry[0], []).append(ArchivedFile(place, entry[1]))
        return known


def _entry(line: bytes) -> tuple[str, bytes] | None:
    """Path and content; None for what is not ours: `doit fsck` tells of it, the others count."""
    try:
        entry = json.loads(line)
        return str(entry["path"]), _data(entry)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _parts(month: str, group: str) -> Parts:
    return lambda part: archived_files_path(month, group, part)


def _as_json(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def _data(entry: dict[str, str]) -> bytes:
    if "base64" in entry:
        return base64.b64decode(entry["base64"], validate=True)
    return entry["text"].encode("utf-8")
