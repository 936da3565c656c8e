"""Between the claim and the first step: which plan the attempt is made with, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.domain.errors import BadConfiguration, CannotBuild
from coordination_tasks.domain.model import Job
from coordination_tasks.store.plans import Plan, last_built_commit, recorded_plan
from coordination_tasks.store.store import Store


class PreparedPlan(Protocol):
    """A plan that is ready to be run for one job."""

    @property
    def tasks(self) -> Sequence[dict[str, Any]]:
        """For doit."""

    @property
    def params(self) -> Mapping[str, str]:
        """The value of every parameter."""

    @property
    def secrets(self) -> Sequence[str]:
        """Names of those that are needed."""

    @property
    def compares(self) -> bool:
        """Whether a condition asks which files the job changes."""


class Planner(Protocol):
    """Makes plans; both raise ValueError, in words for a person, when that can't be."""

    def plan(self, name: str) -> bytes:
        """The plan of a pipeline as it is now."""

    def prepare(self, plan: bytes, params: Mapping[str, str]) -> PreparedPlan:
        """The plan for a job with these parameters."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Of one attempt; `replan`: with the plan as it is now, also when an earlier one is stored."""

    store: Store
    planner: Planner
    secrets: Secrets
    replan: bool

    def prepare(self, running: RunningAttempt) -> tuple[RunningAttempt, Plan, PreparedPlan]:
        """The attempt with its parameters and secrets, its plan, and what is to be run.

        Raises CannotBuild, and Unavailable when an earlier attempt's plan can't be read.
        """
        job = running.claimed.job
        stored = None if self.replan else self._stored(job)
        try:
            data = stored.data if stored else self.planner.plan(job.pipeline or "")
            prepared = self.planner.prepare(data, job.params)
            secrets = self.secrets.values(prepared.secrets)
        except ValueError as error:
            remedy = "; `doit build --replan` builds with the file as it is now" if stored else ""
            raise CannotBuild(f"{error}{remedy}") from error
        except BadConfiguration as error:
            raise CannotBuild(str(error)) from error
        plan = stored or Plan(data=data, changed_since=self._last_built(job, prepared))
        complete = replace(job, params=prepared.params)
        return (
            replace(
                running,
                claimed=replace(running.claimed, job=complete),
                secrets=secrets,
                changed_since=plan.changed_since,
            ),
            plan,
            prepared,
        )

    def _stored(self, job: Job) -> Plan | None:
        return recorded_plan(self.store.snapshot(), job) if job.attempt > 1 else None

    def _last_built(self, job: Job, prepared: PreparedPlan) -> str | None:
        return last_built_commit(self.store.snapshot(), job) if prepared.compares else None
