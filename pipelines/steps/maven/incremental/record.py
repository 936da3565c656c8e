"""The records of the modules of one `maven` step, over all tries of its job.

The file starts with a line that identifies the source of the modules and the start of the build;
Maven itself appends its events (output/events.py), so they exist whatever was killed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.atomic_files import write_durably
from pipelines.execution.success_records import boot_id
from pipelines.steps.maven.output.events import BuildEvents, read_events

_MILLISECONDS = 1_000_000
NO_SOURCE = frozenset({".git", "target", "node_modules"})
"""Folders that builds fill."""
_PER_ATTEMPT = frozenset({"SSH_AUTH_SOCK", "BUILD_ATTEMPT"})


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    """The record of one step."""

    path: Path
    began: float
    """Seconds of the epoch."""

    def events(self) -> BuildEvents:
        """Everything that was written so far."""
        return _events(self.path)


def _events(path: Path) -> BuildEvents:
    """The record's events, with paths of this workspace.

    A workspace that was copied from another job contains that job's record.
    """
    own = path.parents[1]

    def here(found: Path) -> Path:
        if not found.is_relative_to(own.parent):
            return found
        return Path(own, *found.relative_to(own.parent).parts[1:])

    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        events = read_events(lines)
    for module in events.modules.values():
        module.pom = here(module.pom)
        module.folder = module.folder and here(module.folder)
        module.files = [
            replace(file, made=here(file.made), installed=here(file.installed))
            for file in module.files
        ]
    return events


def build_key(env: Mapping[str, str], facts: Mapping[str, Any]) -> str:
    """Digest of everything that modules are built from: equal keys, equal modules."""
    lasting = {name: value for name, value in env.items() if name not in _PER_ATTEMPT}
    text = json.dumps([lasting, facts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def open_record(path: Path, key: str, before_new: Callable[[BuildEvents], None]) -> ModuleRecord:
    """The record at `path` if it is one of `key`, otherwise a new one.

    After a restart of the machine it is also a new one: the last installed files may be torn.
    `before_new` gets the content of the replaced record, if there was one.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            word, known, boot, began = stream.readline().split()
        if (word, known, boot) == ("key", key, boot_id()):
            return ModuleRecord(path, float(began))
    except (FileNotFoundError, ValueError):
        pass  # none, or not ours: a new one replaces it
    if path.exists():
        before_new(_events(path))
    now = time.time()
    write_durably(path, f"key {key} {boot_id()} {now:.3f}\n".encode())
    return ModuleRecord(path, now)


def size_and_time(path: Path) -> tuple[int, int] | None:
    """Size and time of last change in milliseconds, as in Java; None without the file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns // _MILLISECONDS
