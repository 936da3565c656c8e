"""Records the changes of each step in the source tree of a job, whether it succeeded or not.

Before a step runs, the state of the tree is recorded; when it has ended, or when a killed run is
found, the tree is compared with that record.
"""

from __future__ import annotations

import marshal
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.atomic_files import replace_file, sync
from pipelines.execution.source_tree.snapshot import (
    OF_GIT,
    Snapshot,
    differences,
    is_index,
    scan,
    settled_scan,
)
from pipelines.git.own_git_dir import git_in_tree
from pipelines.workspace.layout import folder_name

_BEFORE = ".before"
_CHANGES = ".changes"
_INDEXES = ".indexes"


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of one step; paths are relative to the source tree."""

    step: str
    added: frozenset[str] = frozenset()
    """New files, links and folders."""
    changed: dict[str, int] = field(default_factory=dict)
    """Changed or removed paths, with their modes before."""
    shared_with: frozenset[str] = frozenset()
    """Steps that ran at the same time, so that some of the changes may be theirs."""

    @property
    def paths(self) -> Collection[str]:
        """All paths that differ from before."""
        return self.added | self.changed.keys()


class ChangeRecords:
    """The records of one job, below `folder`, for the tree at `source`."""

    def __init__(self, folder: Path, source: Path, env: Mapping[str, str]) -> None:
        """`env` is the environment for git."""
        self._folder = folder
        self._source = source
        self._env = env

    def begin(self, step: str) -> None:
        """Note that the step is about to change the tree."""
        self._drop_before(step)
        if not self._source.is_dir():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._keep_indexes(step)
        before = settled_scan(self._source)
        replace_file(self._path(step, _BEFORE), marshal.dumps((step, before)))

    def unfinished(self) -> tuple[str, ...]:
        """Steps that started and whose end was not recorded."""
        found = (_load(path) for path in sorted(self._folder.glob(f"*{_BEFORE}")))
        return tuple(str(each[0]) for each in found if each)

    def end(self, step: str, together: Iterable[str] = (), theirs: Collection[str] = ()) -> Changes:
        """The step has ended: record its changes. Returns those of this run alone.

        `together` are the steps that ran at the same time, `theirs` the paths that they are known
        to have made.
        """
        before: tuple[str, Snapshot] | None = _load(self._path(step, _BEFORE))
        if not before or not self._source.is_dir():
            self._drop_before(step)
            return Changes(step)
        changes = _between(step, before[1], scan(self._source), theirs)
        changes.changed.update(self._changed_indexes(step))
        if changes.paths:
            changes = replace(changes, shared_with=frozenset(together))
            earlier = self.read(step)
            self.write(_joined(earlier, changes) if earlier else changes)
        self._drop_before(step)
        return changes

    def read(self, step: str) -> Changes | None:
        """The changes of the step that were not undone; None: nothing."""
        return self._as_changes(self._path(step, _CHANGES))

    def all(self) -> dict[str, Changes]:
        """The changes of all steps that changed anything."""
        found = map(self._as_changes, sorted(self._folder.glob(f"*{_CHANGES}")))
        return {changes.step: changes for changes in found if changes}

    def write(self, changes: Changes) -> None:
        """Set the changes of the step."""
        path = self._path(changes.step, _CHANGES)
        if not changes.paths:
            path.unlink(missing_ok=True)
            return
        data = (changes.step, list(changes.added), changes.changed, list(changes.shared_with))
        self._folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, marshal.dumps(data), sync)

    def restore_index(self, path: str, steps: Iterable[str]) -> None:
        """Restore git's indexes to the state before the first of these steps."""
        name = path.removeprefix(OF_GIT)
        kept = [each for step in steps if (each := self._path(step, _INDEXES) / name).exists()]
        if kept:
            first = min(kept, key=lambda each: each.parent.stat().st_ctime_ns)
            replace_file(self._source / path, first.read_bytes())

    def forget(self, step: str) -> None:
        """Forget the changes of the step: none of them is left."""
        self._path(step, _CHANGES).unlink(missing_ok=True)
        self._drop_before(step)
        _remove(self._path(step, _INDEXES))

    def forget_all(self) -> None:
        """Forget all changes: the tree is replaced."""
        for path in list(self._folder.glob("*")):
            _remove(path)

    def _keep_indexes(self, step: str) -> None:
        kept = self._path(step, _INDEXES)
        _remove(kept)
        git = self._source / ".git"
        if git.is_symlink() or not git.is_dir():
            return
        modules = git / "modules"
        inner = modules.rglob("index") if modules.is_dir() else ()
        for path in (git / "index", *inner):
            if is_index(str(path.relative_to(self._source))) and path.is_file():
                target = kept / path.relative_to(git)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, target, follow_symlinks=False)

    def _changed_indexes(self, step: str) -> Iterator[tuple[str, int]]:
        """Each index whose entries have changed.

        Git rewrites an index even without such a change. It writes a new file each time, so a hard
        link keeps the old one.
        """
        kept = self._path(step, _INDEXES)
        for earlier in sorted(kept.rglob("index")):
            now = self._source / ".git" / earlier.relative_to(kept)
            if now.is_file() and now.samefile(earlier):
                continue
            if self._entries(earlier) != self._entries(now):
                yield str(now.relative_to(self._source)), earlier.stat().st_mode

    def _entries(self, index: Path) -> str:
        listed = ("ls-files", "-v", "--stage", "-z")
        if not index.is_file():
            return ""
        return git_in_tree(self._source, self._env, *listed, index=index).output

    def _drop_before(self, step: str) -> None:
        self._path(step, _BEFORE).unlink(missing_ok=True)

    def _path(self, step: str, suffix: str) -> Path:
        return self._folder / f"{folder_name(step)}{suffix}"

    def _as_changes(self, path: Path) -> Changes | None:
        data = _load(path)
        if data is None:
            return None
        step, added, changed, shared_with = data
        return Changes(step, frozenset(added), dict(changed), frozenset(shared_with))


def _load(path: Path) -> Any:
    """The content of the file; None if it is missing.

    Raises ValueError after a power cut has torn it.
    """
    try:
        return marshal.loads(path.read_bytes())  # noqa: S302 - a file of ours, and the fastest way
    except FileNotFoundError:
        return None
    except (EOFError, TypeError) as error:
        raise ValueError(f"{path.name} cannot be read") from error


def _between(step: str, before: Snapshot, now: Snapshot, theirs: Collection[str]) -> Changes:
    added: set[str] = set()
    changed: dict[str, int] = {}
    for path, mode in differences(before, now):
        if path in theirs or is_index(path):
            continue
        if mode is None:
            added.add(path)
        else:
            changed[path] = mode
    return Changes(step, frozenset(added), changed)


def _joined(earlier: Changes, later: Changes) -> Changes:
    """The changes of two runs of a step, the first of which was not completely undone."""
    added = (earlier.added | later.added) - earlier.changed.keys()
    changed = {**later.changed, **earlier.changed}
    return Changes(
        later.step,
        added,
        {path: mode for path, mode in changed.items() if path not in earlier.added},
        earlier.shared_with | later.shared_with,
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
