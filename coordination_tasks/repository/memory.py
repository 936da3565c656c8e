"""Repository, heartbeats and logs in memory: for tests, and to use a store without a remote."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.step_log import LogLimits, PublishedLog, remaining
from coordination_tasks.repository.heartbeats import AUTO_PREFIX, FACTS
from coordination_tasks.repository.marks import Marked
from coordination_tasks.repository.protocol import (
    NOTHING,
    Mark,
    Moved,
    Note,
    Rewritten,
    Version,
    VersionGone,
)

_Files = Mapping[str, bytes]


@dataclass
class MemoryRemote:
    """The state that several MemoryRepository objects share."""

    tip: Version = NOTHING
    files: dict[Version, _Files] = field(default_factory=lambda: {NOTHING: {}})
    parents: dict[Version, Version] = field(default_factory=dict)
    messages: dict[Version, str] = field(default_factory=dict)
    beats: dict[str, tuple[int, _Files]] = field(default_factory=dict)
    """For each place: the number of its heartbeats, and the last content."""
    notes: dict[str, Note] = field(default_factory=dict)
    logs: dict[str, dict[PublishedLog, bytes]] = field(default_factory=dict)
    """By builder."""
    marks: dict[str, Marked] = field(default_factory=dict)
    """By name."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def is_based_on(self, version: Version, earlier: Version) -> bool:
        """Whether `earlier` is `version` or an ancestor of it."""
        current: Version | None = version
        while current is not None and current != earlier:
            current = self.parents.get(current)
        return current == earlier


class MemoryRepository:
    """One user's view of a MemoryRemote."""

    def __init__(self, remote: MemoryRemote) -> None:
        self._remote = remote
        self._known: Version | None = None

    def known(self) -> Version | None:
        """See Repository.known."""
        return self._known

    def fetch(self) -> Version:
        """See Repository.fetch."""
        tip = self._remote.tip
        if self._known is not None and not self._remote.is_based_on(tip, self._known):
            raise Rewritten(self._known, tip)
        self._known = tip
        return tip

    def adopt(self, found: Version) -> None:
        """See Repository.adopt."""
        self._known = found

    def read(self, version: Version, path: str) -> bytes | None:
        """See Repository.read."""
        return self._files(version).get(path)

    def names(self, version: Version, folder: str) -> tuple[str, ...]:
        """See Repository.names."""
        start = f"{folder}/" if folder else ""
        inside = (path[len(start) :] for path in self._files(version) if path.startswith(start))
        return tuple(sorted({rest.partition("/")[0] for rest in inside}))

    def push_if_unchanged(
        self,
        version: Version,
        changes: Mapping[str, bytes | None],
        message: str,
        takes: Sequence[Note] = (),
        marks: Sequence[Mark] = (),
    ) -> Version:
        """See Repository.push_if_unchanged."""
        files = {**self._files(version), **changes}
        kept = {path: data for path, data in files.items() if data is not None}
        _check_folders(kept)
        with self._remote.lock:
            taken = any(self._remote.notes.get(note.owner) != note for note in takes)
            if self._remote.tip != version or taken:
                raise Moved
            for note in takes:
                del self._remote.notes[note.owner]
            made = Version(f"v{next(self._remote.numbers)}")
            self._remote.files[made] = kept
            self._remote.parents[made] = version
            self._remote.messages[made] = message
            self._remote.tip = made
            for mark in marks:
                self._remote.marks.setdefault(mark.name, Marked(mark.name, mark.text, made))
        self._known = made
        return made

    def fetch_notes(self) -> tuple[Note, ...]:
        """See Repository.fetch_notes."""
        self.fetch()
        with self._remote.lock:
            return tuple(note for _, note in sorted(self._remote.notes.items()))

    def leave_note(self, owner: str, data: bytes) -> None:
        """See Repository.leave_note."""
        with self._remote.lock:
            mark = f"n{next(self._remote.numbers)}"
            self._remote.notes[owner] = Note(owner, data, mark)

    def withdraw_note(self, owner: str) -> bool:
        """See Repository.withdraw_note."""
        with self._remote.lock:
            return self._remote.notes.pop(owner, None) is not None

    def contains(self, version: Version, earlier: Version) -> bool:
        """See Repository.contains."""
        return self._remote.is_based_on(version, earlier)

    def close(self) -> None:
        """See Repository.close."""

    def _files(self, version: Version) -> _Files:
        try:
            return self._remote.files[version]
        except KeyError as error:
            raise VersionGone(f"unknown version {version}") from error


def _check_folders(files: _Files) -> None:
    for path in files:
        parent = path.rpartition("/")[0]
        while parent:
            if parent in files:
                raise BrokenDocument(f"{parent} is a file, but {path} needs a folder")
            parent = parent.rpartition("/")[0]


class MemoryMarks:
    """The marks of a MemoryRemote. See Marks."""

    def __init__(self, remote: MemoryRemote) -> None:
        self._remote = remote

    def named(self, prefix: str) -> tuple[Marked, ...]:
        """See Marks.named."""
        marks = sorted(self._remote.marks.items())
        return tuple(mark for name, mark in marks if name.startswith(prefix))

    def remove(self, names: Collection[str]) -> None:
        """See Marks.remove."""
        for name in names:
            self._remote.marks.pop(name, None)


class MemoryHeartbeats:
    """One builder's view of a MemoryRemote. See Heartbeats."""

    def __init__(self, remote: MemoryRemote, place: str) -> None:
        self._remote = remote
        self._place = place

    def beat(self, files: Mapping[str, bytes]) -> None:
        """See Heartbeats.beat."""
        count, _ = self._remote.beats.get(self._place, (0, {}))
        self._remote.beats[self._place] = (count + 1, dict(files))

    def signs(self, others: Collection[str] = ()) -> Mapping[str, str]:
        """See Heartbeats.signs."""
        seen = {
            place: str(count)
            for place, (count, _) in self._remote.beats.items()
            if place.startswith(AUTO_PREFIX) or place in others
        }
        return seen | ({FACTS: self._remote.tip} if self._remote.tip else {})

    def read(
        self,
        paths: Mapping[str, str],
        signs: Mapping[str, str] = MappingProxyType({}),  # noqa: ARG002 - here all is at hand
    ) -> Mapping[str, bytes]:
        """See Heartbeats.read."""
        found = {p: self._remote.beats.get(p, (0, {}))[1].get(path) for p, path in paths.items()}
        return {place: data for place, data in found.items() if data is not None}


class MemoryStepLogs:
    """One builder's view of a MemoryRemote. See StepLogs."""

    def __init__(self, remote: MemoryRemote, builder: str) -> None:
        self._remote = remote
        self._builder = builder
        self._kept: dict[PublishedLog, bytes] = dict(remote.logs.get(builder, {}))
        self._unsent = False

    def keep(self, logs: Mapping[PublishedLog, bytes], limits: LogLimits, now: datetime) -> None:
        """See StepLogs.keep."""
        known = {log.key for log in logs}
        texts = {log: text for log, text in self._kept.items() if log.key not in known}
        texts |= {replace(log, size=len(text)): text for log, text in logs.items()}
        self._kept = {log: texts[log] for log in remaining(texts, limits, now)}
        self._unsent = True

    def unsent(self) -> bool:
        """See StepLogs.unsent."""
        return self._unsent

    def send(self) -> None:
        """See StepLogs.send."""
        self._remote.logs[self._builder] = dict(self._kept)
        self._unsent = False

    def published(self, builder: str) -> tuple[PublishedLog, ...]:
        """See StepLogs.published."""
        return tuple(self._remote.logs.get(builder, {}))

    def text(self, builder: str, log: PublishedLog) -> bytes:
        """See StepLogs.text."""
        found = self._remote.logs.get(builder, {}).get(log)
        if found is None:
            raise NotFound(f"builder {builder} no longer has the log of step {log.step}")
        return found
