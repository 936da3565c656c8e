"""A destination, for the step that publishes and for those who publish by hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.digests import file_sha256
from common.file_lock import file_lock_if_free
from common.settings.destinations import Destination
from common.settings.ssh_hosts import SshHost
from pipelines.artifacts.debian_files import is_package
from pipelines.domain.errors import configured
from pipelines.steps.publish.apt_repository import AptRepository
from pipelines.steps.publish.bucket import Bucket
from pipelines.steps.publish.far_folder import FarFolder
from pipelines.steps.publish.folder import point_to, publish_to_folder
from pipelines.steps.publish.quality import Quality, check_quality, kept_modules
from pipelines.steps.publish.signed_index import tool_output
from pipelines.workspace.host_lock import host_lock


@dataclass(frozen=True, slots=True)
class Place:
    """The destination `name` of builder.yaml. Its methods raise StepFailed and OSError.

    `attempt` is the folder of an attempt, as a destination that is a folder has it.
    """

    name: str
    destination: Destination
    hosts: Mapping[str, SshHost]
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """Of the tools."""
    check_cancelled: Callable[[], None] = lambda: None
    """Raises while it waits for others, if nobody wants it any more."""
    longest: float | None = 600.0
    """Seconds that a tool may take; None: those of the step."""
    longest_sending: float | None = 6 * 3600.0
    """The same for sending to another host."""

    def takes(self, file: str) -> bool:
        """Whether it publishes files of this name."""
        return self.destination.apt is None or is_package(file)

    def find(self, attempt: str, file: str, sha256: str) -> Path | None:
        """A file that is there already, with this content."""
        if self.destination.apt is not None:
            return self._repository.find(file, sha256)
        if self._is_elsewhere:
            return None
        path = self._top / attempt / file
        return path if path.is_file() and file_sha256(path) == sha256 else None

    def check(
        self, results: Mapping[str, Mapping[str, Any]], files: Sequence[Path], *, untested: bool
    ) -> None:
        """Raise StepFailed if files are not good enough; `results`: of the job's steps, by kind."""
        made = results.get("build-deb", {})
        quality = Quality(made, kept_modules(results), untested=untested)
        check_quality(quality, self.name, self.destination, files)

    def publish(self, attempt: str, files: Sequence[Path]) -> tuple[Sequence[str], Sequence[str]]:
        """Add the files of an attempt; returns what is new, and the packages that were there."""
        if self.destination.apt is not None:
            with self._locked():
                done = self._repository.publish(files)
            return done.added, done.known
        if self._is_elsewhere:
            return self._far().publish(files, attempt), ()
        with self._locked():
            return publish_to_folder(files, self._top / attempt), ()

    def offer(
        self, attempt: str, files: Sequence[Path], *, go_back: bool
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Offer the files of an attempt to users; returns what is new, and what was withdrawn.

        `go_back`: and nothing of later builds. Changes all, or nothing.
        """
        if self.destination.apt is not None:
            with self._locked():
                done = self._repository.offer(files, withdraw_newer=go_back)
            return done.added, done.withdrawn
        if self._is_elsewhere:
            far = self._far()
            new = far.publish(files, attempt)
            before = "" if new else far.point_to(attempt)
        else:
            with self._locked():
                new = publish_to_folder(files, self._top / attempt)
                before = "" if new else point_to(self._top / attempt)
        return (attempt,) if new or before != attempt else (), ()

    def renew(self) -> bool:
        """Sign an index again that expires soon; returns whether it was."""
        if self.destination.apt is None or not self._top.is_dir():
            return False
        with file_lock_if_free(self._lock) as is_ours:
            # whoever publishes now is in no hurry because of us: the next hour will do
            return is_ours and self._repository.renew()

    @property
    def _is_elsewhere(self) -> bool:
        return self.destination.s3 is not None or self.destination.ssh is not None

    def _far(self) -> Bucket | FarFolder:
        found = self.destination
        if found.s3 is not None:
            return Bucket(found)
        host = configured(self.hosts, str(found.ssh), "host", "ssh_hosts")
        return FarFolder(str(found.ssh), host, found.folder or "", self.env, self.longest_sending)

    @property
    def _top(self) -> Path:
        return Path(self.destination.apt or self.destination.folder or "")

    @property
    def _lock(self) -> Path:
        return self._top / ".lock"

    @property
    def _repository(self) -> AptRepository:
        return AptRepository(
            self.destination, lambda argv, cwd: tool_output(argv, cwd, self.env, self.longest)
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with host_lock(self._lock, self.check_cancelled):
            yield
