"""A claim for this builder and, in the same write, for all builders that asked for one.

A builder that loses the race for a claim leaves its request in a note of its own (see Repository).
The winner of the next race claims for every request that it sees, in the one write that removes
their notes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from common.records import Rejected, key, record, text
from coordination_tasks.documents.jobs import JobsDocument, read_jobs, write_jobs
from coordination_tasks.domain.errors import ClaimLost, CoordinationError, NothingToClaim
from coordination_tasks.domain.model import Attempt, BuilderProfile, Job
from coordination_tasks.domain.scheduling import Wanted
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.claim import Judge, Resolve, claim, claim_in
from coordination_tasks.store.status_publisher import Publisher


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """A claim of the next job that matches the builder."""

    claim_id: str = key(text)
    builder: BuilderProfile = key(record(BuilderProfile, others=True))
    wanted: Wanted = key(record(Wanted, others=True))

    @property
    def data(self) -> bytes:
        """The note's content."""
        return json.dumps(asdict(self)).encode()


_REQUEST = record(ClaimRequest, others=True)


def read_request(owner: str, data: bytes) -> ClaimRequest | None:
    """The request in the note of builder `owner`; None when it is invalid."""
    try:
        request = _REQUEST(json.loads(data))
    except (ValueError, RecursionError, Rejected):
        return None
    return request if request.builder.id == owner else None


class CombinedClaim:
    """A claim that can be applied to one draft after another. Resolves each commit once."""

    def __init__(self, claim_id: str, wanted: Wanted, resolve: Resolve, judge: Judge) -> None:
        self._claim_id = claim_id
        self._wanted = wanted
        self._resolve = resolve
        self._judge = judge
        self._commits: dict[tuple[str | None, str | None], str | None] = {}

    def apply(self, draft: Draft, publisher: Publisher) -> Attempt:
        """Our own claim, like `claim`. A request that gets nothing stays."""
        attempt = claim(draft, self._claim_id, self._wanted, publisher, self._commit, self._judge)
        # a claim that is made already is ours now: a write for others could lose its races
        if draft.notes and draft.changes:
            self._claim_for_others(draft, publisher)
        return attempt

    def _claim_for_others(self, draft: Draft, publisher: Publisher) -> None:
        jobs = read_jobs(draft)
        for note in draft.notes:
            request = read_request(note.owner, note.data)
            if request is None:
                continue
            own = request.builder.id == publisher.profile.id
            if own or self._claim_for(draft, jobs, request, publisher):
                draft.takes.append(note)
        write_jobs(draft, jobs)

    def _claim_for(
        self, draft: Draft, jobs: JobsDocument, request: ClaimRequest, publisher: Publisher
    ) -> bool:
        """Whether the request is fulfilled; if not, its builder finds out why by itself."""
        theirs = replace(publisher, profile=request.builder, load=None)
        try:
            claim_in(draft, jobs, request.claim_id, request.wanted, theirs, self._certain_commit)
        except ClaimLost:
            return True
        except CoordinationError:
            return False
        return True

    def _commit(self, job: Job) -> str | None:
        source = (job.pipeline, job.branch)
        if source not in self._commits:
            self._commits[source] = self._resolve(job)
        return self._commits[source]

    def _certain_commit(self, job: Job) -> str | None:
        commit = self._commit(job) if job.pipeline in self._wanted.pipelines else None
        if commit is None and job.branch is not None:
            raise NothingToClaim(f"cannot resolve the commit of job {job.id}")
        return commit
