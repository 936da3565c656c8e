"""The doit tasks of this farm. Wiring only: both packages meet here, and import does no I/O."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coordination_tasks.build.attempt.session import Session
from coordination_tasks.build.doit_tasks import CLAIM_TASK, claim_task, pipelines_path
from pipelines.domain.pipeline import Pipeline
from pipelines.domain.validation import check_branch, check_commit, check_job_id  # noqa: F401 - for commands
from pipelines.execution.invalidation import clean_steps, forget_steps  # noqa: F401 - for commands
from pipelines.execution.runner import StepRunner
from pipelines.git.branch_tip import branch_tip
from pipelines.language.params import resolve_params  # noqa: F401 - for commands
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.tree import builder_marker, sweep
from pipelines.steps.registry import step_kinds
from pipelines.tasks.doit_tasks import load_pipelines, pipeline_tasks
from pipelines.tasks.machine import check_tools, machine_labels  # noqa: F401 - for commands
from pipelines.tasks.optional_tools import check_extras  # noqa: F401 - for commands
from pipelines.tasks.planner import Planner
from pipelines.workspace.cleanup import jobs_here, remove, superfluous  # noqa: F401 - for commands
from pipelines.workspace.log_archive import old_logs  # noqa: F401 - for commands

DOIT_CONFIG = {"backend": "none", "default_tasks": []}

HOME = Path(__file__).resolve().parent
CANCELLATION = Cancellation()
SESSION = Session(CANCELLATION.cancel)
RUNNER = StepRunner(SESSION.current, CANCELLATION)
KINDS = step_kinds(SESSION.publish, SESSION.step_states)


def task_claim_job() -> dict[str, Any]:
    """The first task of every build."""
    return claim_task(SESSION)


def task_pipelines() -> Iterator[dict[str, Any]]:
    """One group of tasks for each pipeline in `pipelines.yaml`."""
    yield from pipeline_tasks(farm_pipelines(), RUNNER, CLAIM_TASK)


def farm_pipelines() -> dict[str, Pipeline]:
    """The pipelines of `pipelines.yaml` by name."""
    return load_pipelines(pipelines_path(HOME, os.environ), KINDS)


PLANNER = Planner(pipelines=farm_pipelines, kinds=KINDS, runner=RUNNER, first=CLAIM_TASK)


def resolve_branch(pipeline: str, branch: str) -> str | None:
    """The commit at the tip of a branch of a pipeline's source, for the claim."""
    return branch_tip(farm_pipelines()[pipeline].source, branch, os.environ)


def sweep_orphans(state_dir: Path) -> None:
    """End the processes that a killed earlier `doit build` of this builder left behind."""
    sweep(builder_marker(state_dir))
