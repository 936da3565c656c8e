"""Claims a job for this builder, between the start of `doit build` and its first step."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coordination_tasks.build.attempt.own_plans import OwnPlans, ended_alone
from coordination_tasks.build.attempt.running_attempt import RunningAttempt, running_attempt
from coordination_tasks.build.display.display import Display
from coordination_tasks.build.ports import Planner
from coordination_tasks.builder.claim_intent import ClaimIntent, own_intent
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.disk_space import check_free_space
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.builder.recovery import recover
from coordination_tasks.domain.errors import Conflict, NotFound, NothingToClaim
from coordination_tasks.domain.model import Attempt, Job
from coordination_tasks.domain.scheduling import Terms
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.store.operations.claim import Judge
from coordination_tasks.store.store import Store

Resolver = Callable[[str, str], str | None]
"""Takes a pipeline's name and a branch; returns the commit, or None if it is unknown now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimer:
    """Makes the one claim of a run of `doit build`."""

    config: BuilderConfig
    store: Store
    outbox: Outbox
    display: Display
    pipelines: Mapping[str, tuple[str, ...]]
    """Known pipelines, with the labels that they require."""
    terms: Terms
    """Their other requirements of jobs and builders."""
    resolve: Resolver
    judge: Judge
    """Which jobs it runs."""
    own_plans: OwnPlans
    planner: Planner
    job: str | None = None
    person: str = ""
    """Who named the job."""
    pipeline: str | None = None

    @property
    def intent(self) -> ClaimIntent:
        """The claim intent of this builder."""
        return own_intent(self.config.state_dir)

    def claim(self) -> RunningAttempt:
        """Claim the next job, or the requested one.

        Raises NothingToClaim, Conflict, NotFound, Unavailable and the store's other errors.
        """
        told = recover(
            self.store,
            self.outbox,
            self.intent,
            builder=self.config.profile.id,
            ended=lambda attempt, recorded: ended_alone(
                self.own_plans,
                self.planner,
                running_attempt(attempt, self.config, self.display),
                recorded,
            ),
            clock=utc_now,
        )
        if told:
            self.display.message(told)
        check_free_space(self.config)
        claim_id = uuid.uuid4().hex
        self.intent.write(claim_id)
        try:
            attempt = self._claim(claim_id)
            self._check_again(attempt)
        except (NothingToClaim, NotFound, Conflict):
            # raised for the newest version: no earlier try can succeed on it any more. A builder
            # that looks for jobs every minute must not push each time to withdraw nothing.
            self.intent.clear()
            raise
        return running_attempt(attempt, self.config, self.display)

    def _check_again(self, attempt: Attempt) -> None:
        """Refuse a claim whose answer was lost, and whose job somebody changed since.

        Raises NothingToClaim.
        """
        if problem := self.judge(attempt.job):
            self.store.release(attempt, f"not run: {problem}")
            refusals = ((attempt.job.id, problem),)
            raise NothingToClaim(f"job {attempt.job.id} is not run: {problem}", refusals)

    def _claim(self, claim_id: str) -> Attempt:
        return self.store.claim(
            claim_id=claim_id,
            pipelines=self.pipelines,
            job_id=self.job,
            requested_by=self.person,
            pipeline=self.pipeline,
            default_pipeline=self.config.default_pipeline,
            terms=self.terms,
            resolve=self._commit_of,
            judge=self.judge,
        )

    def _commit_of(self, job: Job) -> str | None:
        pipeline = job.pipeline or self.config.default_pipeline
        if pipeline is None or job.branch is None:
            return None
        return self.resolve(pipeline, job.branch)
