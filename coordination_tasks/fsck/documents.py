"""Unreadable documents of the coordination repository, and their last valid versions."""

from __future__ import annotations

from collections.abc import Iterator

from coordination_tasks.documents import json_edit
from coordination_tasks.documents.archive import months
from coordination_tasks.documents.archive_files import Files
from coordination_tasks.documents.codec import Unreadable, job_from
from coordination_tasks.documents.jobs import JobsDocument
from coordination_tasks.documents.locks import read_locks
from coordination_tasks.documents.messages import MessagesDocument, entry_rule
from coordination_tasks.documents.paths import (
    ALERTS,
    ARCHIVE,
    EPOCH,
    JOBS,
    LOCKS,
    MESSAGES,
    PUBLICATIONS,
    TRIGGERS,
    heartbeat_path,
    status_path,
)
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import is_builder_id
from coordination_tasks.domain.secret_scan import findings
from coordination_tasks.farm.artifacts.releases.publications import read_publications
from coordination_tasks.fsck.finding import Finding
from coordination_tasks.repository.protocol import Version
from coordination_tasks.store.history import GitHistory
from coordination_tasks.store.operations.alert_state import read_alerts
from coordination_tasks.store.operations.trigger_state import read_states

SHARED = "shared"


_FIX = "pull, fix it by hand and push; the other entries are used as they are"
_CHANGE = "change the secret, since the history keeps it; then remove the line, and push"
_NO_VALID = "it has no valid version; pull, fix it by hand and push"


def find_broken(files: Files, history: GitHistory) -> tuple[Finding, ...]:
    """All unreadable documents and entries, in the order of their paths."""
    return tuple(finding for path in _paths(files) for finding in _look(files, history, path))


def find_secrets(files: Files) -> Iterator[Finding]:
    """What looks like a secret in the newest version; older ones are not read."""
    for path in _paths(files):
        data = None if path.startswith(f"{ARCHIVE}/") else files.read(path)
        text = (data or b"").decode("utf-8", "replace")
        found = tuple(findings(text))
        if found and path == MESSAGES:
            yield from _secret_messages(data)
        elif found:
            problem = f"{path}:{found[0].line} looks like a secret ({found[0].rule})"
            yield Finding(path=path, problem=problem, remedy=_CHANGE)


def _secret_messages(data: bytes | None) -> Iterator[Finding]:
    try:
        entries = MessagesDocument(data).entries
    except BrokenDocument:
        return  # reported as such
    for index, raw, message in entries:
        if rule := entry_rule(raw):
            name = message.id or f"entry {index + 1}"
            yield Finding(
                path=MESSAGES,
                problem=f"{MESSAGES}: message {name} looks like it contains a secret ({rule})",
                remedy="change the secret, since the history keeps it, and remove it here:"
                f" doit messages --archive {message.id or 'ID'}",
            )


def _look(files: Files, history: GitHistory, path: str) -> Iterator[Finding]:
    problem = ""
    try:
        data = files.read(path)
        yield from (Finding(path=path, problem=p, remedy=_FIX) for p in _check(path, data))
    except BrokenDocument as error:
        # without the remedy, which names this command
        problem = str(error.args[0])
    else:
        if data is None and path == JOBS and _last_good(history, path):
            problem = f"{path} is missing"
    if problem:
        good = _last_good(history, path)
        remedy = f"see its last valid version: {history.show(good, path)}" if good else _NO_VALID
        yield Finding(path=path, problem=problem, remedy=remedy, last_good=good)


def _check_lines(path: str, data: bytes) -> tuple[str, ...]:
    problems = []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            if line.strip():
                entry = json_edit.parse_object(f"line {number}", json_edit.decode(path, line))
                if path.rpartition("/")[0].endswith("/jobs"):
                    job_from(entry)
        except BrokenDocument as error:
            problems.append(f"{path}: {error.args[0]}")
        except Unreadable as error:
            problems.append(f"{path}: line {number}: {error}")
    return tuple(problems)


def _check(path: str, data: bytes | None) -> tuple[str, ...]:
    """The errors of single entries. Raises BrokenDocument."""
    if data is None:
        return ()
    if path == JOBS:
        return JobsDocument(data).unreadable()
    if path == MESSAGES:
        return MessagesDocument(data).unreadable()
    if path.endswith(".jsonl"):
        return _check_lines(path, data)
    if path == LOCKS:
        read_locks(data)
    if path == TRIGGERS:
        read_states(data)
    if path == ALERTS:
        read_alerts(data)
    if path == PUBLICATIONS:
        read_publications(data)
    json_edit.parse_object(path, json_edit.decode(path, data))
    return ()


def _last_good(history: GitHistory, path: str) -> Version | None:
    for version in history.versions_of(path):
        data = history.read(version, path)
        try:
            _check(path, data)
        except BrokenDocument:
            continue
        if data is not None:
            return version
    return None


def _paths(files: Files) -> Iterator[str]:
    yield from (JOBS, LOCKS, MESSAGES, EPOCH, TRIGGERS, ALERTS, PUBLICATIONS)
    yield from (f"{SHARED}/{name}" for name in files.names(SHARED) if name.endswith(".json"))
    for builder in filter(is_builder_id, files.names("")):
        yield from (status_path(builder), heartbeat_path(builder))
    for month in months(files):
        for kind in ("jobs", "messages", "files"):
            folder = f"{ARCHIVE}/{month}/{kind}"
            yield from (f"{folder}/{name}" for name in files.names(folder))
