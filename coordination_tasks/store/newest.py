"""The newest version of the coordination repository, even if its history was rewritten."""

from __future__ import annotations

from collections.abc import Callable

from coordination_tasks.documents.jobs import JobsDocument
from coordination_tasks.documents.paths import JOBS
from coordination_tasks.domain.errors import BrokenDocument, HistoryRewritten
from coordination_tasks.domain.model import Job
from coordination_tasks.repository.protocol import Repository, Rewritten, Version
from coordination_tasks.repository.transaction import fetch_newest
from coordination_tasks.store.rewrite_check import lost_facts
from coordination_tasks.store.snapshot import Snapshot


def newest_snapshot(repository: Repository, notice: Callable[[str], None]) -> Snapshot:
    """The store as it is now. Raises Unavailable, HistoryRewritten.

    `notice` receives a readable line when the history was rewritten without a loss.
    """
    version = fetch_newest(repository, lambda found: accept_rewrite(repository, found, notice))
    return Snapshot(repository, version)


def accept_rewrite(
    repository: Repository, rewritten: Rewritten, notice: Callable[[str], None]
) -> None:
    """Accept a squashed main; raise HistoryRewritten if facts of the queue were lost."""
    queue = repository.read(rewritten.found, JOBS)
    lost = lost_facts(_jobs_before(repository, rewritten.seen), queue)
    if lost:
        raise HistoryRewritten(f"{rewritten}; lost {len(lost)} facts, first: {lost[0]}")
    notice(f"{rewritten}; the queue lost nothing")


def _jobs_before(repository: Repository, version: Version) -> tuple[Job, ...]:
    try:
        return tuple(JobsDocument(repository.read(version, JOBS)))
    except BrokenDocument:
        return ()  # an unreadable queue has no facts
