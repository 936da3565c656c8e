"""Reads the farm for those who look at it: builders, drains, jobs, and why a job waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from common.states import UNFINISHED, State
from coordination_tasks.commands.views.farm_page import ShownBuilder
from coordination_tasks.commands.views.job_filter import JobFilter
from coordination_tasks.commands.views.prediction import Durations
from coordination_tasks.documents.builder_status import BuilderStatus
from coordination_tasks.documents.drains import ALL, Drain, drain_of
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.scheduling import queue_order, waits_because
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.presence.overview import FarmOverview, is_late
from coordination_tasks.store.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmView:
    """What was read of the farm, as far as it is to be shown."""

    builders: Sequence[ShownBuilder]
    offers: Sequence[Mapping[str, str]]
    """The labels of each builder, shown or not."""
    drains: Mapping[str, Drain]
    jobs: Sequence[Job] | None
    """None when they are unreadable."""
    snapshot: Snapshot
    broken: bool
    """Whether a document is unreadable."""

    @property
    def running(self) -> list[Job]:
        """The running jobs, in the queue's order."""
        return [job for job in self.jobs or () if job.state is State.RUNNING]

    @property
    def durations(self) -> Durations:
        """What the queue's successes took, shown or not; not read while no job runs."""
        return Durations(self.snapshot.jobs() if self.running else ())

    @property
    def waiting(self) -> list[Job]:
        """The queued jobs, in the order in which they will be claimed."""
        return queue_order(self.jobs or (), utc_now())

    @property
    def ended(self) -> list[Job]:
        """The others, in the queue's order."""
        return [job for job in self.jobs or () if job.state not in UNFINISHED]


def read_farm(
    snapshot: Snapshot,
    live: FarmOverview | None,
    chosen: JobFilter,
    lease: float,
    notice: Callable[[str], None],
) -> FarmView:
    """The farm as far as `chosen` selects it; `live` None: as its documents have it.

    `lease` in seconds counts for builders that publish none. `notice` gets a line about each broken
    document: the others are read.
    """
    broken: list[BrokenDocument] = []
    builders: list[ShownBuilder] = []
    drains: Mapping[str, Drain] = {}
    jobs: list[Job] | None = None
    with _told(broken, notice):
        drains = snapshot.drains()
    with _told(broken, notice):
        jobs = [job for job in snapshot.jobs() if chosen.takes(job)]
        for problem in snapshot.unreadable_jobs():
            notice(problem)
    for name in live.names(snapshot.builders()) if live else snapshot.builders():
        with _told(broken, notice):
            builders.append(_shown_builder(snapshot, live, name, drains, lease))
    busy = {job.assigned_to for job in jobs or () if job.state is State.RUNNING}
    return FarmView(
        builders=[
            shown
            for shown in builders
            if shown.status.builder in busy or chosen.takes_builder(shown.status.builder)
        ],
        offers=[shown.status.labels for shown in builders],
        drains=drains,
        jobs=jobs,
        snapshot=snapshot,
        broken=bool(broken),
    )


@contextmanager
def _told(broken: list[BrokenDocument], notice: Callable[[str], None]) -> Iterator[None]:
    """Report a broken document, and show the others."""
    try:
        yield
    except BrokenDocument as error:
        broken.append(error)
        notice(str(error))


def status_of(snapshot: Snapshot, live: FarmOverview | None, name: str) -> BuilderStatus:
    """What a builder says of itself, by its heartbeat if that is newer. Raises BrokenDocument."""
    if live is None:
        return snapshot.builder_status(name)
    published = snapshot.builder_status(name) if name in snapshot.builders() else None
    return live.status_of(name, published)


def _shown_builder(
    snapshot: Snapshot,
    live: FarmOverview | None,
    name: str,
    drains: Mapping[str, Drain],
    lease: float,
) -> ShownBuilder:
    status = status_of(snapshot, live, name)
    presence = live.presence_of(status, utc_now()) if live else None
    return ShownBuilder(
        status=status,
        presence=presence,
        late=presence is not None and is_late(presence, status, lease),
        drain=drain_of(drains, name),
    )


def why_it_waits(farm: FarmView) -> Callable[[Job], str]:
    """Why a queued job of the farm waits, as text."""
    paused = farm.drains.get(ALL)
    otherwise = f"the farm is drained by {paused.by}" if paused else "waits for a free builder"
    return lambda job: waits_because(job, farm.offers, farm.snapshot.state_of) or otherwise
