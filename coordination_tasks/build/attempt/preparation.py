"""Between the claim and the first step: the plan of the attempt, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.build.ports import Planner, PreparedPlan
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.domain.errors import BadConfiguration, CannotBuild
from coordination_tasks.domain.model import Job
from coordination_tasks.store.plans import Plan, last_built_commit, recorded_plan
from coordination_tasks.store.store import Store


@dataclass(frozen=True, slots=True)
class Preparation:
    """Of one attempt; `replan`: use the current plan, even if an earlier one is stored."""

    store: Store
    planner: Planner
    secrets: Secrets
    replan: bool

    def prepare(self, running: RunningAttempt) -> tuple[RunningAttempt, Plan, PreparedPlan]:
        """The attempt with its parameters and secrets, its plan, and its tasks.

        Raises CannotBuild, and Unavailable when an earlier attempt's plan is unreadable.
        """
        job = running.claimed.job
        stored = None if self.replan else self._stored(job)
        try:
            data = stored.data if stored else self.planner.plan(job.pipeline or "")
            prepared = self.planner.prepare(data, job.params)
            secrets = self.secrets.values(prepared.secrets)
        except ValueError as error:
            remedy = ". Use the current file with `doit build --replan`." if stored else ""
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
