"""The complete history of the coordination repository, for questions about the past.

The clone that transactions use has only the newest commit. This one has all commits. It is made
on first use, updated each time, and keeps commits that a rewritten main has dropped since.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from common.file_lock import file_lock
from coordination_tasks.domain.errors import BadRequest, NotFound, Unavailable
from coordination_tasks.domain.timestamps import format_time, parse_time
from coordination_tasks.repository.git.object_reader import MissingObject
from coordination_tasks.repository.git.objects import GitObjects
from coordination_tasks.repository.git.process import GitResult, make_repository, run_git
from coordination_tasks.repository.git.remote import GitRemote, fail
from coordination_tasks.repository.git.responses import Response, fetch_response, why
from coordination_tasks.repository.protocol import Version, VersionGone
from coordination_tasks.store.snapshot import Snapshot

_MAIN = "refs/heads/main"
_COMMIT = re.compile(r"[0-9a-fA-F]{7,40}")
_LOCAL_SECONDS = 60.0
_WHOLE_SECONDS = 600.0
_MOST_VERSIONS = 1000


class GitHistory:
    """The history of a branch of `url`, fetched on opening; `folder` is a cache of our own.

    Opening raises Unavailable, AccessDenied, and NotFound while the branch has no commit.
    """

    def __init__(self, url: str, folder: Path, *, branch: str = "main") -> None:
        remote = GitRemote(url, branch, _WHOLE_SECONDS)
        self._git_dir = folder.resolve() / remote.key
        folder.mkdir(parents=True, exist_ok=True)
        with file_lock(folder / f"{remote.key}.lock"):
            self._fetch(remote)
        self._objects = GitObjects(self._git_dir)

    def __enter__(self) -> GitHistory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._objects.close()

    def find(self, when: str) -> Version:
        """The newest version at a time (UTC unless it has a zone), or the version with a commit id.

        Raises NotFound for a time before the first commit and an unknown commit, BadRequest.
        """
        if _COMMIT.fullmatch(when):
            found = self._git("rev-parse", "--verify", "--quiet", f"{when}^{{commit}}")
            if found.code == 0:
                return Version(found.output.strip())
            several = self._commits_like(when)
            if several:
                raise BadRequest(
                    f"commit id {when} is ambiguous ({', '.join(several)}): give more digits"
                )
        moment = parse_time(when)
        if moment is None and _COMMIT.fullmatch(when):
            raise NotFound(f"unknown commit {when} in the coordination repository")
        if moment is None:
            raise BadRequest(
                f"expected a time such as 2025-10-29T12:00:00Z or a commit id, found {when[:60]!r}"
            )
        return self._newest_at(moment)

    def newest(self) -> Snapshot:
        """Main as it is now, even if its history was rewritten."""
        return self.snapshot(Version(self._asked("rev-parse", "--verify", _MAIN)))

    def time_of(self, version: Version) -> datetime:
        """The time of a version, by its author's clock."""
        found = self._asked("show", "--no-patch", "--format=%ct", version)
        return datetime.fromtimestamp(int(found), UTC)

    def snapshot(self, version: Version) -> Snapshot:
        """The store at that version."""
        return Snapshot(self, version)

    def versions_of(self, path: str) -> Iterator[Version]:
        """The versions that changed a file, newest first."""
        most = f"--max-count={_MOST_VERSIONS}"
        found = self._asked("rev-list", most, _MAIN, "--", f":(literal){path}")
        return map(Version, found.split())

    def read(self, version: Version, path: str) -> bytes | None:
        """See Versions.read."""
        try:
            return self._objects.read(version, path)
        except MissingObject as error:
            raise VersionGone(f"cannot read version {version}: {error}") from error

    def names(self, version: Version, folder: str) -> tuple[str, ...]:
        """See Versions.names."""
        try:
            entries = self._objects.folder(version, folder)
        except MissingObject as error:
            raise VersionGone(f"cannot read version {version}: {error}") from error
        return tuple(sorted(name.decode("utf-8", "replace") for name in entries))

    def show(self, version: Version, path: str) -> str:
        """The command that shows a file at that version, from any folder of this host."""
        git_dir, what = shlex.quote(str(self._git_dir)), shlex.quote(f"{version}:{path}")
        return f"git --git-dir={git_dir} show {what}"

    def _commits_like(self, prefix: str) -> list[str]:
        """Ids of the commits that start like this, if there are several."""
        found = self._asked("rev-parse", f"--disambiguate={prefix}").split()
        return [one for one in found if self._asked("cat-file", "-t", one) == "commit"]

    def _newest_at(self, moment: datetime) -> Version:
        # git ignores a time before 1970
        seconds = max(0, int(moment.timestamp()))
        found = self._asked("rev-list", "-1", f"--min-age={seconds}", _MAIN)
        if found:
            return Version(found)
        first = self._asked("rev-list", "--max-parents=0", _MAIN).split()
        began = min(map(self.time_of, map(Version, first)))
        raise NotFound(
            f"the coordination repository has no commit at {format_time(moment)}: "
            f"its history starts at {format_time(began)}"
        )

    def _fetch(self, remote: GitRemote) -> None:
        # a damaged copy is made again, once
        for is_last in (False, True):
            if not (self._git_dir / "HEAD").exists():
                make_repository(self._git_dir)
            result = remote.fetch(self._git_dir, f"+{_MAIN}", "--update-shallow")
            response = fetch_response(result)
            if response is Response.DONE:
                return
            if response is Response.ABSENT:
                raise NotFound("the coordination repository has no commits yet")
            if response is not Response.LOCAL or is_last:
                fail(response, result)
            shutil.rmtree(self._git_dir, ignore_errors=True)

    def _asked(self, *arguments: str) -> str:
        result = self._git(*arguments)
        if result.code != 0:
            raise Unavailable(f"cannot read the history: {why(result)}")
        return result.output.strip()

    def _git(self, *arguments: str) -> GitResult:
        return run_git(arguments, git_dir=self._git_dir, timeout=_LOCAL_SECONDS)
