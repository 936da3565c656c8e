"""Heartbeats on refs of a Git repository: one parentless commit per builder, force-pushed.

Each heartbeat is a new commit: existing programs read `timestamp` in `heartbeat.json` and raise an
alert when it is old. A ref that cycles through prepared commits would leave no objects at the
remote, but its times would be old. The commit id is the counter.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from common.file_lock import file_lock
from coordination_tasks.domain.errors import CopyUnusable, Unavailable, WriteRefused
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.repository.git.object_reader import MissingObject, ObjectReader
from coordination_tasks.repository.git.objects import GitObjects
from coordination_tasks.repository.git.process import GitResult, make_repository
from coordination_tasks.repository.git.remote import FETCHED, GitRemote, fail, is_branch
from coordination_tasks.repository.git.responses import Response, fetch_response, push_response, why
from coordination_tasks.repository.heartbeats import AUTO_PREFIX, FACTS

_WORN = 40  # entries in one of 256 folders of loose objects
_MOST_DAMAGE = 2
_MOST_TRIES = 3


class GitHeartbeats:
    """See Heartbeats. `folder` is a small repository of our own, replaced when it is damaged.

    `branch` is this builder's; `on_push` is called before each push.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        builder: str,
        branch: str,
        timeout: float = 60.0,
        clock: Callable[[], datetime] = utc_now,
        on_push: Callable[[], None] = lambda: None,
    ) -> None:
        self._remote = GitRemote(url, branch, timeout)
        self._git_dir = folder
        self._builder = builder
        self._clock = clock
        self._on_push = on_push
        self._beats = 0
        self._lock = threading.Lock()

    def beat(self, files: Mapping[str, bytes]) -> None:
        """See Heartbeats.beat."""
        with self._lock:
            for _ in range(_MOST_DAMAGE):
                commit = self._commit(files)
                self._on_push()
                result = self._remote.push_forced(self._git_dir, commit)
                response = push_response(result)
                if response is Response.DONE:
                    return
                if response in {Response.REFUSED, Response.MOVED}:
                    raise WriteRefused(f"the remote rejects heartbeats: {why(result)}")
                if response is not Response.LOCAL:
                    fail(response, result)
                self._throw_away()
            raise CopyUnusable(f"cannot make heartbeats: {why(result)}")

    def signs(self, others: Collection[str] = ()) -> Mapping[str, str]:
        """See Heartbeats.signs."""
        wanted = {FACTS, f"{AUTO_PREFIX}*", *filter(is_branch, others)}
        with self._lock:
            for _ in range(_MOST_TRIES):  # another process of ours may replace the repository
                self._prepare()
                result = self._remote.list(self._git_dir, wanted)
                response = fetch_response(result)
                if response is not Response.LOCAL:
                    break
        if response is not Response.DONE:
            fail(response, result)
        lines = (line.split("\t") for line in result.output.splitlines())
        return {ref.removeprefix("refs/heads/"): sha for sha, ref in lines}

    def read(
        self, paths: Mapping[str, str], signs: Mapping[str, str] = MappingProxyType({})
    ) -> Mapping[str, bytes]:
        """See Heartbeats.read."""
        places = sorted(filter(is_branch, paths))
        if not places:
            return {}
        wanted = {place: paths[place] for place in places}
        # git itself locks a fetch, but fails at once where another process holds that lock
        with self._lock, file_lock(self._git_dir.with_name(f"{self._git_dir.name}.lock")):
            try:
                return self._fetch_and_read(wanted, signs)
            except MissingObject:  # it is damaged, or another process of ours has replaced it
                self._throw_away()
            try:
                return self._fetch_and_read(wanted, signs)
            except MissingObject as error:
                raise Unavailable(f"cannot read heartbeats: {error}") from error

    def _fetch_and_read(
        self, paths: Mapping[str, str], signs: Mapping[str, str]
    ) -> Mapping[str, bytes]:
        result = self._fetch(paths, signs)
        response = fetch_response(result) if result else Response.DONE
        if response is Response.ABSENT:
            return {}  # one of them has just been removed
        if result and response is not Response.DONE:
            fail(response, result)
        return self._read(paths)

    def _fetch(self, places: Collection[str], signs: Mapping[str, str]) -> GitResult | None:
        """Fetch the places whose signs are not here; None when nothing is missing.

        An unusable repository is made anew.
        """
        result = None
        for number in range(_MOST_TRIES):
            self._prepare()
            wanted = [p for p in places if p not in signs or self._fetched(p) != signs[p]]
            if not wanted:
                return None
            result = self._remote.fetch_branches(self._git_dir, wanted)
            if fetch_response(result) is not Response.LOCAL:
                break
            if number:  # the first failure may be a lock that another process of ours holds
                self._throw_away()
        return result

    def _fetched(self, place: str) -> str | None:
        """The commit of a place that is here; None when it was never fetched."""
        with suppress(OSError):
            return (self._git_dir / f"{FETCHED}{place}").read_text().strip()
        return None

    def _commit(self, files: Mapping[str, bytes]) -> str:
        """A commit that no earlier heartbeat had, even within the same second."""
        self._prepare()
        self._beats += 1
        objects = GitObjects(self._git_dir)
        try:
            return objects.commit(
                None,
                files,
                author=self._builder,
                at=self._clock(),
                message=f"heartbeat of {self._builder} (number {self._beats} of this process)",
            )
        except OSError as error:
            raise CopyUnusable(f"cannot make heartbeats: {error}") from error
        finally:
            objects.close()

    def _read(self, paths: Mapping[str, str]) -> dict[str, bytes]:
        reader = ObjectReader(self._git_dir)
        found = {}
        try:
            for place, path in paths.items():
                commit = self._fetched(place) or ""
                data = reader.find(f"{commit}:{path}")
                if data is not None:
                    found[place] = data
                else:
                    reader.read(commit)  # it is the file that is missing, not the commit
        finally:
            reader.close()
        return found

    def _prepare(self) -> None:
        """Make the small repository, and replace it when it has grown."""
        if len(list(self._git_dir.glob("objects/17/*"))) > _WORN:
            self._throw_away()
        if (self._git_dir / "HEAD").exists():
            return
        # Other processes of this builder use it too: they see it whole, or not at all.
        made = self._aside("new")
        result = make_repository(made)
        if result.code != 0:
            raise CopyUnusable(f"git init {made} failed: {why(result)}")
        try:
            made.rename(self._git_dir)
        except OSError:  # another process was faster, or an interrupted one left a part of it
            if (self._git_dir / "HEAD").exists():
                shutil.rmtree(made, ignore_errors=True)
            else:
                self._throw_away()
                made.rename(self._git_dir)

    def _throw_away(self) -> None:
        discarded = self._aside("discarded")
        with suppress(FileNotFoundError):
            self._git_dir.rename(discarded)
        shutil.rmtree(discarded, ignore_errors=True)

    def _aside(self, what: str) -> Path:
        return self._git_dir.with_name(f".{self._git_dir.name}.{what}.{uuid.uuid4().hex}")
