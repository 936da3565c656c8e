"""Between the claim and the first step: the plan of the attempt, and what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from common.settings.shared_defaults import SHARED_CONFIG
from common.yaml.findings import did_you_mean
from coordination_tasks.build.attempt.own_plans import OwnPlans
from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.build.ports import Planner, PreparedPlan
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.domain.errors import BadConfiguration, CannotBuild
from coordination_tasks.domain.model import Job
from coordination_tasks.store.plans import (
    Plan,
    last_built_commit,
    last_good_values,
    recorded_plan,
    requested_start,
)
from coordination_tasks.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedAttempt:
    """An attempt that is ready for its first step."""

    running: RunningAttempt
    """With its parameters and secrets."""
    plan: Plan
    prepared: PreparedPlan
    start: str
    """The step from which a person asked to run it again; "": nobody did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """Of one attempt; `replan`: use the current plan, even if an earlier attempt recorded one."""

    store: Store
    planner: Planner
    own_plans: OwnPlans
    secrets: Secrets
    replan: bool
    use_shared: Callable[[bytes | None], None]
    """Makes the planner use this content of `shared/build_config.json`."""
    pipelines_commit: str | None
    """The commit of `pipelines_source` in use; None: the pipelines come from a file."""

    def prepare(self, running: RunningAttempt) -> PreparedAttempt:
        """The attempt with its plan and its tasks.

        Raises CannotBuild, Unavailable, OSError.
        """
        job = running.claimed.job
        snapshot = self.store.known_snapshot()  # the claim has just read or written it
        recorded = None if self.replan else recorded_plan(snapshot, job)
        pipeline = job.pipeline or ""
        self.use_shared(snapshot.read(SHARED_CONFIG))
        try:
            data = self.own_plans.find(pipeline, recorded)
            self.own_plans.keep_made(pipeline, data)
            prepared = self.planner.prepare(data, job.params)
            secrets = self.secrets.values(prepared.secrets)
        except ValueError as error:
            current = f". Use the current file with `doit retry {job.id} --replan`."
            remedy = current if recorded else ""
            raise CannotBuild(f"{error}{remedy}") from error
        except BadConfiguration as error:
            raise CannotBuild(str(error)) from error
        if recorded:
            since, made_by = recorded.changed_since, recorded.pipelines_commit
        else:
            made_by = self.pipelines_commit
            since = last_built_commit(snapshot, job) if prepared.compares else None
        start = requested_start(snapshot, job, running.builder)
        _check_start(job, start, prepared)
        claimed = replace(running.claimed, job=replace(job, params=prepared.params))
        plan = Plan(data=data, changed_since=since, pipelines_commit=made_by)
        return PreparedAttempt(
            running=replace(
                running,
                claimed=claimed,
                secrets=secrets,
                plan_digest=plan.digest,
                changed_since=since,
                last_good=last_good_values(snapshot, job) if prepared.looks_back else {},
            ),
            plan=plan,
            prepared=prepared,
            start=start,
        )


def _check_start(job: Job, start: str, prepared: PreparedPlan) -> None:
    steps = [step for task in prepared.tasks if (step := task["meta"].get("step"))]
    if start and start not in steps:
        raise CannotBuild(
            f"unknown step {start[:60]!r} of pipeline {job.pipeline}, requested with"
            f" `doit retry --from`{did_you_mean(start, steps)}"
        )
