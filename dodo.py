"""The doit tasks of this farm. Wiring only: both packages meet here, and import does no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coordination_tasks.build.doit_tasks import claim_task
from coordination_tasks.wiring.farm import Farm
from pipelines.tasks.pipelines import Pipelines

DOIT_CONFIG = {"backend": "none", "default_tasks": []}

FARM = Farm(Path(__file__).resolve().parent)
PIPELINES = Pipelines(FARM)
FARM.pipelines = PIPELINES


def task_claim_job() -> dict[str, Any]:
    """The first task of every build."""
    return claim_task(lambda: FARM.claim)


def task_pipelines() -> Iterator[dict[str, Any]]:
    """One group of tasks for each pipeline in `pipelines.yaml`."""
    yield from PIPELINES.tasks()
