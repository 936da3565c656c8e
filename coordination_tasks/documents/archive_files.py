"""Archive files with many entries, one per line, in parts that Git hosts accept.

Small files are archived in such files, too: a remote that receives a push checks every folder and
file of its newest version, so a year of unpacked files would make a push take three times as long.
Their lines are `{"path": former path, "text": content}`, with `base64` for content that is not
UTF-8.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from coordination_tasks.documents import json_edit
from coordination_tasks.documents.paths import archived_files_path
from coordination_tasks.domain.secret_scan import note, rule_of, withhold
from coordination_tasks.repository.draft import Draft

MOST_BYTES = 1_000_000
"""Bytes of one part: Git hosts limit the size of a file."""

Parts = Callable[[int], str]
"""The path of each part, numbered from 1."""


class Files(Protocol):
    """One version's files: a Draft, or a Snapshot."""

    def read(self, path: str) -> bytes | None:
        """Content of a file; None when it does not exist."""
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """Sorted names of the entries directly in a folder."""
        ...


def append_line(draft: Draft, entry: Mapping[str, object], parts: Parts) -> None:
    """Add an entry to the last part, or to a new one when that is full.

    What looks like a secret in it is withheld: others wrote it, and it must not block the rest.
    """
    line = _harmless_line(entry).encode("utf-8") + b"\n"
    part = 1
    while (data := draft.read(parts(part))) and len(data) + len(line) > MOST_BYTES:
        part += 1
    draft.write(parts(part), (data or b"") + line)


def _harmless_line(entry: Mapping[str, object]) -> str:
    line = json_edit.dump_line(entry)
    if not rule_of(line):
        return line
    return json_edit.dump_line({key: _harmless(value) for key, value in entry.items()})


def _harmless(value: object) -> object:
    """The value without lines that look like a secret; as a whole, if its name makes it one."""
    if isinstance(value, str):
        return withhold(value)
    rule = rule_of(json_edit.dump_line({"value": value}))
    return note(rule) if rule else value


def lines(files: Files, parts: Parts) -> Iterator[tuple[str, int, bytes]]:
    """Path, line number and content of each line, in the order of addition."""
    part = 1
    while (data := files.read(path := parts(part))) is not None:
        for number, line in enumerate(data.split(b"\n"), 1):
            if line:
                yield path, number, line
        part += 1


MOST_BYTES_OF_A_LINE = 100_000
"""Maximum size of a file to pack; larger ones are stored unpacked."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file as it was when it was archived."""

    path: str
    """The archive file that contains it."""
    data: bytes


def put(draft: Draft, month: str, group: str, path: str, data: bytes) -> None:
    """Archive the file that was at `path`; files of one `group` are found together."""
    append_line(draft, {"path": path, **_as_json(data)}, _parts(month, group))


class ArchivedFiles:
    """The archived files of one version; each file of the archive is read once."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._known: dict[str, dict[str, list[ArchivedFile]]] = {}

    def find(self, month: str, group: str, begin: str) -> Iterator[tuple[str, ArchivedFile]]:
        """Former paths and files of a group whose paths start like this, oldest first.

        A path can occur more than once.
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
                entry = archived_entry(line)
                if entry:
                    known.setdefault(entry[0], []).append(ArchivedFile(place, entry[1]))
        return known


def archived_entry(line: bytes) -> tuple[str, bytes] | None:
    """Former path and content of a packed file; None for a line that `doit fsck` reports."""
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
