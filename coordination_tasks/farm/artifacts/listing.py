"""The artifacts of the farm's successful jobs: how many, how large, how good, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from common.states import State
from coordination_tasks.documents.paths import PUBLICATIONS
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.model import Job
from coordination_tasks.farm.artifacts.published import Published, good_ends, published_by
from coordination_tasks.farm.artifacts.releases.publications import (
    Publication,
    read_publications,
)
from coordination_tasks.farm.artifacts.releases.reproductions import (
    Reproduction,
    reproductions,
)
from coordination_tasks.store.snapshot import Snapshot

DESTINATION = "destination"
"""The value in which a step that published something names where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobArtifacts:
    """The artifacts of a job's last success."""

    job: Job
    published: Published
    at: datetime
    """When the success was recorded, by its builder's clock."""
    destinations: tuple[str, ...]
    """Where steps of the job published them, by name."""
    here: bool
    """Whether their folder is on this host."""
    reproduced: tuple[Reproduction, ...] = ()

    @property
    def folder(self) -> Path:
        """On the builder."""
        return Path(self.published.manifest.folder)


def list_artifacts(
    snapshot: Snapshot,
    jobs: Iterable[Job],
    is_here: Callable[[str], bool],
    notice: Callable[[str], None],
    signers: Path | None = None,
) -> list[JobArtifacts]:
    """Those of the successful ones among `jobs`, the newest first.

    `is_here`: whether a builder is on this host. `notice` receives a line for each broken manifest.
    `signers`: of which file the keys of reproductions must be; None: any. Raises BadConfiguration.
    """
    publications = read_publications(snapshot.read(PUBLICATIONS))
    found = []
    for job in jobs:
        if job.state is State.SUCCEEDED and (ends := good_ends(snapshot, job.id)):
            try:
                published = published_by(snapshot, ends[-1])
            except NotFound:
                continue  # a pipeline without artifacts
            except BrokenDocument as error:
                notice(str(error))
                continue
            there = Path(published.manifest.folder).is_dir()
            found.append(
                JobArtifacts(
                    job=job,
                    published=published,
                    at=ends[-1].at,
                    destinations=destinations_of(snapshot, job.id, publications),
                    here=there and is_here(published.builder),
                    reproduced=reproductions(snapshot, published, signers),
                )
            )
    return sorted(found, key=lambda one: one.at, reverse=True)


def destinations_of(
    snapshot: Snapshot, job_id: str, publications: Iterable[Publication]
) -> tuple[str, ...]:
    """Where a job was published: by its steps, and by promotions."""
    values = (
        move.details.get("values")
        for move in snapshot.transitions(job_id)
        if move.step is not None and move.to_state is State.SUCCEEDED
    )
    named = {
        str(found[DESTINATION])
        for found in values
        if isinstance(found, Mapping) and DESTINATION in found
    }
    promoted = {one.destination for one in publications if one.job == job_id and one.succeeded}
    return tuple(sorted(named | promoted))


def surplus_jobs(listed: Iterable[JobArtifacts], keep: int, tagged: Collection[str]) -> set[str]:
    """Ids of the jobs that nobody needs any more; `listed` has the newest first.

    The `keep` newest of each branch and pipeline stay, the last success of each branch, what was
    published, and the jobs in `tagged`.
    """
    counts: Counter[tuple[str | None, str | None, bool]] = Counter()
    branches: set[str | None] = set()
    found = set()
    for one in listed:
        place = (one.job.pipeline, one.job.branch, bool(one.job.reproduces))
        counts[place] += 1
        is_last = one.job.branch not in branches and not one.job.reproduces
        if is_last:
            branches.add(one.job.branch)
        needed = is_last or one.destinations or one.job.id in tagged
        if counts[place] > keep and not needed:
            found.add(one.job.id)
    return found
