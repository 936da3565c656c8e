"""The doit tasks of this farm. Wiring only: both packages meet here alone, no I/O at import."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coordination_tasks.doit_tasks import CLAIM_TASK, claim_task, pipelines_path
from coordination_tasks.session import Session
from pipelines.cancellation import Cancellation
from pipelines.extra_tools import check_extras  # noqa: F401 - for commands
from pipelines.forgetting import clean_steps, forget_steps  # noqa: F401 - for commands
from pipelines.graph import load_pipelines, pipeline_tasks
from pipelines.kinds import step_kinds
from pipelines.language.params import resolve_params  # noqa: F401 - for commands
from pipelines.machine import check_tools, machine_labels  # noqa: F401 - for commands
from pipelines.model import Pipeline
from pipelines.old_logs import old_logs  # noqa: F401 - for commands
from pipelines.planner import Planner
from pipelines.process_tree import builder_marker, sweep
from pipelines.sources import branch_tip
from pipelines.space import jobs_here, remove, superfluous  # noqa: F401 - for commands
from pipelines.step_runner import StepRunner
from pipelines.untrusted import check_branch, check_commit, check_job_id  # noqa: F401 - for commands

DOIT_CONFIG = {"backend": "none", "default_tasks": []}

HOME = Path(__file__).resolve().parent
CANCELLATION = Cancellation()
SESSION = Session(CANCELLATION.cancel)
RUNNER = StepRunner(SESSION.current, CANCELLATION)
KINDS = step_kinds(SESSION.publish, SESSION.step_states)


def task_claim_job() -> dict[str, Any]:
    """The first task of each build."""
    return claim_task(SESSION)


def task_pipelines() -> Iterator[dict[str, Any]]:
    """One group of tasks for each pipeline in `pipelines.yaml`."""
    yield from pipeline_tasks(farm_pipelines(), RUNNER, CLAIM_TASK)


def farm_pipelines() -> dict[str, Pipeline]:
    """The pipelines of `pipelines.yaml` by name."""
    return load_pipelines(pipelines_path(HOME, os.environ), KINDS)


PLANNER = Planner(pipelines=farm_pipelines, kinds=KINDS, runner=RUNNER, first=CLAIM_TASK)


def resolve_branch(pipeline: str, branch: str) -> str | None:
    """Commit at the tip of a branch of a pipeline's source, for the claim."""
    return branch_tip(farm_pipelines()[pipeline].source, branch, os.environ)


def sweep_orphans(state_dir: Path) -> None:
    """End the processes that a killed predecessor on this builder left behind."""
    sweep(builder_marker(state_dir))
