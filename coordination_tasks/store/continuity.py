"""A repository whose newest version continues what this builder has seen, or is refused.

Main may be squashed: that is accepted with a notice. A main that was reset to an older state, and
the repository of another farm, are not: old facts must not return, and claims must not be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from coordination_tasks.documents.paths import EPOCH, JOBS
from coordination_tasks.domain.errors import (
    AnotherFarm,
    BrokenDocument,
    HistoryRewritten,
    NewerFormat,
)
from coordination_tasks.repository.draft import Draft
from coordination_tasks.repository.protocol import (
    NOTHING,
    Mark,
    Note,
    Repository,
    Rewritten,
    Version,
)
from coordination_tasks.store.epoch import FORMAT, read_epoch
from coordination_tasks.store.memory import FarmMemory, Remembered, seen_in
from coordination_tasks.store.snapshot import Snapshot


class ContinuousRepository:
    """See Repository. Instead of Rewritten, HistoryRewritten is raised, and only for a loss.

    Each new version is compared with what `memory` has, and becomes part of it. Another farm's
    repository raises AnotherFarm, later formats NewerFormat. `notice` receives readable lines.
    `restoring`: what main has lost is about to be put back, so it is no error.
    """

    def __init__(
        self,
        repository: Repository,
        memory: FarmMemory,
        notice: Callable[[str], None],
        *,
        restoring: bool = False,
    ) -> None:
        self._repository = repository
        self._memory = memory
        self._notice = notice
        self._restoring = restoring
        self._remembered: Remembered | None = None
        self._queue: bytes | None = None
        self._cannot_remember = False

    @property
    def epoch(self) -> str:
        """The epoch of the farm, as far as this builder knows it; or ""."""
        return (self._remembered or self._memory.load()).epoch

    def known(self) -> Version | None:
        """See Repository.known; None as well for a version that was not compared."""
        remembered = self._remembered = self._remembered or self._memory.load()
        version = self._repository.known()
        if self._restoring or (remembered.tip and version != remembered.tip):
            return None
        return version

    def fetch(self) -> Version:
        """See Repository.fetch."""
        # loaded before the fetch: another process may see, and remember, a newer version meanwhile
        before = self._memory.load()
        try:
            version = self._repository.fetch()
        except Rewritten as rewritten:
            return self._rewritten(rewritten, before)
        self._settle(version, before)
        return version

    def fetch_notes(self) -> tuple[Note, ...]:
        """See Repository.fetch_notes; none when main was just squashed."""
        before = self._memory.load()
        try:
            notes = self._repository.fetch_notes()
        except Rewritten as rewritten:
            self._rewritten(rewritten, before)
            return ()
        self._settle(self._repository.known() or NOTHING, before)
        return notes

    def push_if_unchanged(
        self,
        version: Version,
        changes: Mapping[str, bytes | None],
        message: str,
        takes: Sequence[Note] = (),
        marks: Sequence[Mark] = (),
    ) -> Version:
        """See Repository.push_if_unchanged."""
        made = self._repository.push_if_unchanged(version, changes, message, takes, marks)
        self._remember(made)
        return made

    def adopt(self, found: Version) -> None:
        """See Repository.adopt."""
        self._repository.adopt(found)

    def read(self, version: Version, path: str) -> bytes | None:
        """See Repository.read."""
        return self._repository.read(version, path)

    def names(self, version: Version, folder: str) -> tuple[str, ...]:
        """See Repository.names."""
        return self._repository.names(version, folder)

    def leave_note(self, owner: str, data: bytes) -> None:
        """See Repository.leave_note."""
        self._repository.leave_note(owner, data)

    def withdraw_note(self, owner: str) -> bool:
        """See Repository.withdraw_note."""
        return self._repository.withdraw_note(owner)

    def contains(self, version: Version, earlier: Version) -> bool:
        """See Repository.contains."""
        return self._repository.contains(version, earlier)

    def close(self) -> None:
        """See Repository.close."""
        self._repository.close()

    def _rewritten(self, rewritten: Rewritten, before: Remembered) -> Version:
        """Adopt a main that does not build on the local clone's, unless it has lost something."""
        found = rewritten.found
        self._check_epoch(found, before)
        if self._restoring:
            return found
        lost = self._lost(rewritten.seen, found, before)
        if lost:
            raise _alarm(rewritten, lost)
        self._repository.adopt(found)
        self._remember(found)
        self._notice(f"{rewritten}; no job, transition, manifest or archived record is missing")
        return found

    def _settle(self, version: Version, before: Remembered) -> None:
        """Remember a fetched version, after the checks that a new clone could not make."""
        if version == before.tip:
            self._remembered = before
            return
        self._check_epoch(version, before)
        if self._restoring:
            return
        if before.tip and not self._repository.contains(version, Version(before.tip)):
            # this new clone does not have that version: what is remembered of it must do
            lost = self._lost(None, version, before)
            if lost:
                raise _alarm(Rewritten(Version(before.tip), version), lost)
        self._remember(version)

    def _check_epoch(self, version: Version, before: Remembered) -> None:
        found = read_epoch(self._repository.read(version, EPOCH))
        if found and before.epoch and found.id != before.epoch:
            raise AnotherFarm(
                f"the coordination repository belongs to another farm: epoch {found.id[:12]},"
                f" expected {before.epoch[:12]}"
            )
        if found and found.format > FORMAT:
            raise NewerFormat(
                f"the coordination repository has format {found.format},"
                f" this program knows {FORMAT}"
            )

    def _lost(self, seen: Version | None, found: Version, before: Remembered) -> tuple[str, ...]:
        # a command that reads imports nothing else that writes
        from coordination_tasks.store.operations.restoration import (  # noqa: PLC0415
            lost_since,
            put_back,
        )

        scratch = Draft(self._repository, found, is_newest=True)
        try:
            if seen is not None:
                return put_back(scratch, Snapshot(self._repository, seen))
            jobs = {job_id: (job.token, job.unfinished) for job_id, job in before.jobs.items()}
            return lost_since(jobs, Snapshot(self._repository, found).queue)
        except BrokenDocument as error:
            return (f"its queue is unreadable ({error.cause})",)

    def _remember(self, version: Version) -> None:
        last = self._remembered or self._memory.load()
        epoch = read_epoch(self._repository.read(version, EPOCH))
        queue = self._repository.read(version, JOBS)
        jobs = last.jobs if queue is not None and queue == self._queue else seen_in(queue)
        self._queue = queue
        self._remembered = Remembered(
            epoch=epoch.id if epoch else last.epoch, tip=version, jobs=jobs
        )
        try:
            self._memory.save(self._remembered)
        except OSError as error:
            if not self._cannot_remember:
                self._notice(f"cannot remember the newest version: {error}")
            self._cannot_remember = True


def _alarm(rewritten: Rewritten, lost: Sequence[str]) -> HistoryRewritten:
    return HistoryRewritten(f"{rewritten}; lost {len(lost)} facts, first: {lost[0]}")
