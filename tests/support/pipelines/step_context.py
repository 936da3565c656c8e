"""Contexts for steps of a builder whose state is below a temporary folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.domain.pipeline import Source, StepContext
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.logged_command import LoggedCommandRunner
from pipelines.processes.tree import marker
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.sandboxed import sandbox_with


@dataclass(frozen=True)
class Request:
    """A job as a step sees it."""

    job_id: str = "job_1"
    attempt: int = 1
    builder: str = "build1"
    branch: str | None = "main"
    commit: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    pipeline: str = "tiny"
    plan_digest: str = "5" * 64
    started: datetime | None = None


class Steps:
    """Makes contexts, and remembers what the steps showed."""

    def __init__(self, folder: Path) -> None:
        self.state_dir = folder / "state"
        self.cancellation = Cancellation()
        self.progress: list[str] = []

    def context(
        self,
        repository: str | Path = "unused",
        *,
        request: Request | None = None,
        submodules: bool = False,
        env: Mapping[str, str] | None = None,
        step: str = "step",
        recorded: Mapping[str, Mapping[str, Any]] | None = None,
        last_good: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> StepContext:
        """The context of one step of one attempt."""
        request = request or Request()
        workspace = Workspace(self.state_dir, request.job_id, request.attempt)
        return StepContext(
            step=step,
            request=request,
            workspace=workspace,
            source=Source(repository=str(repository), submodules=submodules),
            commands=LoggedCommandRunner(
                workspace.log(step),
                marker=marker(workspace, step),
                cancellation=self.cancellation,
                sandbox=sandbox_with(self.state_dir.parent, workspace, step),
            ),
            env={**os.environ, **(env or {})},
            progress=self.progress.append,
            recorded=recorded or {},
            last_good=last_good or {},
        )
