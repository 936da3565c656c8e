"""Complete logs of steps on refs of a Git repository: one branch per builder, `logs-<builder>`.

Its files are plain text, which Git compresses. Each batch of logs is a commit on top of the last
one, so that a push sends only what is new; when logs are removed, the others start a new history.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zlib import compress

from common.atomic_files import write_durably
from common.file_lock import file_lock
from coordination_tasks.domain.errors import CopyUnusable, NotFound, WriteRefused
from coordination_tasks.domain.step_log import LogLimits, PublishedLog, remaining
from coordination_tasks.domain.timestamps import format_time, parse_time, utc_now
from coordination_tasks.repository.git.object_reader import MissingObject
from coordination_tasks.repository.git.objects import GitObjects
from coordination_tasks.repository.git.process import GitResult, make_repository, run_git
from coordination_tasks.repository.git.remote import FETCHED, GitRemote, fail
from coordination_tasks.repository.git.responses import Response, fetch_response, push_response, why

BRANCH_PREFIX = "logs-"
_INDEX = "index.json"
_KEPT, _SENT = "refs/own/kept", "refs/own/sent"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_WORN = 10  # entries in one of 256 folders of loose objects
_LOCAL_SECONDS = 60.0
_REFUSALS = frozenset({Response.REFUSED, Response.MOVED})
"""Answers to a forced push; git calls one that is not allowed a race."""


class GitStepLogs:
    """See StepLogs. `folder` is our own; `on_push` is called before each push.

    It has a repository of this builder's logs, and a copy of those of others, which may be lost.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        builder: str,
        timeout: float = 60.0,
        clock: Callable[[], datetime] = utc_now,
        on_push: Callable[[], None] = lambda: None,
    ) -> None:
        self._remote = GitRemote(url, BRANCH_PREFIX + builder, timeout)
        self._folder = folder / self._remote.key
        self._own, self._others = self._folder / "own.git", self._folder / "others.git"
        self._builder = builder
        self._clock = clock
        self._on_push = on_push

    def keep(self, logs: Mapping[PublishedLog, bytes], limits: LogLimits, now: datetime) -> None:
        """See StepLogs.keep."""
        with self._opened(self._own) as objects:
            kept = _ref(self._own, _KEPT)
            before = _entries(objects, kept)
            new = {replace(log, size=len(compress(text, 1))): text for log, text in logs.items()}
            known = {log.key for log in new}
            all_logs = (*(log for log in before if log.key not in known), *new)
            stay = remaining(all_logs, limits, now)
            gone = {_path(log) for log in before} - {_path(log) for log in stay}
            changes: dict[str, bytes | None] = dict.fromkeys(gone)
            changes |= {_path(log): text for log, text in new.items() if log in stay}
            self._set_kept(self._commit(objects, kept, changes, stay, history=not gone))

    def unsent(self) -> bool:
        """See StepLogs.unsent."""
        return _ref(self._own, _KEPT) != _ref(self._own, _SENT)

    def send(self) -> None:
        """See StepLogs.send."""
        with self._opened(self._own) as objects:
            kept, sent = _ref(self._own, _KEPT), _ref(self._own, _SENT)
            if kept is None or kept == sent:
                return
            if sent is None and (there := self._fetched_own()):
                # this host lost what it knew of its branch: the logs there stay
                kept = self._onto(objects, there, kept, (*_entries(objects, there),))
            result = self._push(kept)
            if push_response(result) in _REFUSALS and sent:
                # a remote without forced pushes gets the removal as a further commit
                kept = self._onto(objects, sent, kept, ())
                result = self._push(kept)
            self._check(result)
            _set_ref(self._own, _SENT, kept)
            # with the lock: another process may have objects that no ref names yet
            if len(list(self._own.glob("objects/17/*"))) > _WORN:
                run_git(["prune", "--expire=now"], git_dir=self._own, timeout=_LOCAL_SECONDS)

    def published(self, builder: str) -> tuple[PublishedLog, ...]:
        """See StepLogs.published."""
        branch = BRANCH_PREFIX + builder
        with self._opened(self._others) as objects:
            result = self._remote.fetch_branches(self._others, [branch])
            response = fetch_response(result)
            if response is Response.LOCAL:
                shutil.rmtree(self._others, ignore_errors=True)
            if response is Response.ABSENT:
                return ()
            last = _ref(self._others, f"{FETCHED}{branch}")
            if response is not Response.DONE and (response is not Response.NO_ANSWER or not last):
                fail(response, result)
            return _entries(objects, last)

    def text(self, builder: str, log: PublishedLog) -> bytes:
        """See StepLogs.text."""
        with self._opened(self._others) as objects:
            commit = _ref(self._others, f"{FETCHED}{BRANCH_PREFIX}{builder}")
            data = objects.read(commit, _path(log)) if commit else None
        if data is None:
            raise NotFound(f"the log of step {log.step} is no longer on branch logs-{builder}")
        return data

    def _onto(self, objects: GitObjects, base: str, kept: str, more: Iterable[PublishedLog]) -> str:
        """A commit on `base` with the logs of `kept`, and of `base` only those in `more`."""
        there, ours = _entries(objects, base), _entries(objects, kept)
        known = {log.key for log in ours}
        stay = (*(log for log in more if log.key not in known), *ours)
        changes: dict[str, bytes | None] = {
            _path(log): objects.read(kept, _path(log)) for log in ours if log not in there
        }
        changes |= {_path(log): None for log in there if log not in stay}
        made = self._commit(objects, base, changes, stay)
        self._set_kept(made)
        return made

    def _commit(
        self,
        objects: GitObjects,
        parent: str | None,
        changes: Mapping[str, bytes | None],
        logs: Iterable[PublishedLog],
        *,
        history: bool = True,
    ) -> str:
        return objects.commit(
            parent,
            {**changes, _INDEX: _index(logs)},
            author=self._builder,
            at=self._clock(),
            message=f"{self._builder}: logs",
            history=history,
        )

    def _set_kept(self, commit: str) -> None:
        _set_ref(self._own, _KEPT, commit)

    def _fetched_own(self) -> str | None:
        """The commit of this builder's branch at the remote; None when there is none."""
        target = "refs/own/fetched"
        result = self._remote.fetch(self._own, f"+{target}", "--depth=1")
        response = fetch_response(result)
        if response is Response.ABSENT:
            return None
        if response is not Response.DONE:
            fail(response, result)
        return _ref(self._own, target)

    def _push(self, commit: str) -> GitResult:
        self._on_push()
        return self._remote.push_forced(self._own, commit)

    def _check(self, result: GitResult) -> None:
        response = push_response(result)
        if response in _REFUSALS:
            raise WriteRefused(f"the remote rejects the logs of steps: {why(result)}")
        if response is Response.LOCAL:
            shutil.rmtree(self._own, ignore_errors=True)
            raise CopyUnusable(f"cannot send the logs of steps: {why(result)}")
        if response is not Response.DONE:
            fail(response, result)

    @contextmanager
    def _opened(self, git_dir: Path) -> Iterator[GitObjects]:
        """The objects of one of our repositories, for one process at a time."""
        try:
            with file_lock(self._folder / f"{git_dir.name}.lock"):
                if not (git_dir / "HEAD").exists():
                    result = make_repository(git_dir)
                    if result.code != 0:
                        raise CopyUnusable(f"git init {git_dir} failed: {why(result)}")
                objects = GitObjects(git_dir)
                try:
                    yield objects
                finally:
                    objects.close()
        except MissingObject as error:
            shutil.rmtree(git_dir, ignore_errors=True)
            raise CopyUnusable(f"the copy of the logs in {git_dir} was damaged: {error}") from error
        except OSError as error:
            raise CopyUnusable(f"cannot use {git_dir}: {error}") from error


def _path(log: PublishedLog) -> str:
    return f"{_name(log.job)}/{log.attempt:03d}-{_name(log.step)}.log"


def _name(text: str) -> str:
    """A file name for `text`: the text itself if that is safe."""
    if _SAFE_NAME.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', text).strip('-')[:60]}-{digest}"


def _index(logs: Iterable[PublishedLog]) -> bytes:
    entries = [
        {
            "job": log.job,
            "attempt": log.attempt,
            "step": log.step,
            "file": _path(log),
            "ended_at": format_time(log.ended_at),
            "lines": log.lines,
            "left_out": log.left_out,
            "size": log.size,
        }
        for log in logs
    ]
    return (json.dumps({"logs": entries}, indent=2) + "\n").encode()


def _entries(objects: GitObjects, commit: str | None) -> tuple[PublishedLog, ...]:
    """The logs of a commit, oldest first; an unreadable entry is no log."""
    data = objects.read(commit, _INDEX) if commit else None
    found: list[PublishedLog] = []
    with suppress(ValueError, KeyError, TypeError):
        for entry in json.loads(data or b'{"logs": []}')["logs"]:
            found += _entry(entry)
    return tuple(sorted(found, key=lambda log: log.ended_at))


def _entry(entry: Mapping[str, Any]) -> Iterator[PublishedLog]:
    with suppress(ValueError, KeyError, TypeError, OverflowError):
        ended = parse_time(entry["ended_at"])
        values = {name: int(entry[name]) for name in ("attempt", "lines", "left_out", "size")}
        job, step = str(entry["job"]), str(entry["step"])
        if ended is not None:
            yield PublishedLog(job=job, step=step, ended_at=ended, **values)


def _ref(git_dir: Path, name: str) -> str | None:
    with suppress(OSError):
        return (git_dir / name).read_text().strip()
    return None


def _set_ref(git_dir: Path, name: str, commit: str) -> None:
    write_durably(git_dir / name, f"{commit}\n".encode())
