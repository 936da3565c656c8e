"""A pipeline whose steps are run by the real runner in a source tree that is a real repository."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from common.settings.destinations import Destination
from common.settings.sandbox import Access, SandboxSettings
from common.settings.ssh_hosts import SshHost
from pipelines.domain.params import Param
from pipelines.domain.pipeline import Pipeline, Source, Step, StepKind
from pipelines.execution.runner import StepRunner
from pipelines.execution.step import StepExecution
from pipelines.execution.success_records import SuccessRecords
from pipelines.processes.cancellation import Cancellation
from pipelines.steps.checkout import GIT_CHECKOUT, CheckoutOptions
from pipelines.workspace.layout import Workspace
from tests.conftest import AUTHOR, git


@dataclass
class Attempt:
    """The running attempt of a test."""

    state_dir: Path
    job_id: str
    attempt: int = 1
    commit: str | None = None
    builder: str = "build1"
    branch: str | None = "main"
    params: Mapping[str, str] = field(default_factory=dict)
    declared_env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    lock_dir: Path = Path("/nonexistent")
    default_timeout: float = 600.0
    log_limit: int = 1 << 30
    began: float = 0.0
    pipeline: str = "bench"
    plan_digest: str = ""
    started: datetime | None = None
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    ssh_hosts: Mapping[str, SshHost] = field(default_factory=dict)
    changed_since: str | None = None
    reproduces: str = ""
    last_good: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def sandbox(self) -> SandboxSettings:
        return SandboxSettings(paths={self.state_dir.parent: Access.WRITE})

    @property
    def env(self) -> Mapping[str, str]:
        of_git = {k: v for k, v in os.environ.items() if k.startswith("GIT_CONFIG")}
        return {"PATH": os.environ["PATH"], "HOME": "/", **of_git, **self.declared_env}

    def show_progress(self, step: str, text: str) -> None:
        pass

    def show_line(self, step: str, line: str) -> None:
        pass


class Bench:
    """One builder with one source repository."""

    def __init__(self, folder: Path, kind: StepKind[Any]) -> None:
        self.folder = folder
        self.kind = kind
        self.source = folder / "source"
        git("init", "--quiet", "--initial-branch=main", str(self.source))
        self.steps: list[Step] = [
            Step(name="git-checkout", kind=GIT_CHECKOUT, options=CheckoutOptions(), needs=())
        ]
        self.submodules = False
        self.trusted: tuple[str, ...] | None = None
        self.reasons: dict[str, str] = {}

    def commit(self, files: Mapping[str, str], message: str = "x") -> str:
        for name, content in files.items():
            (self.source / name).parent.mkdir(parents=True, exist_ok=True)
            (self.source / name).write_text(content)
        git("-C", str(self.source), "add", "--all")
        arguments = ("commit", "--quiet", "--allow-empty", "--message", message)
        git(*AUTHOR, "-C", str(self.source), *arguments)
        return git("-C", str(self.source), "rev-parse", "HEAD")

    def step(self, name: str, script: str, **more: Any) -> None:
        options = self.kind.options.model_validate({"script": script})
        needs = (self.steps[-1].name,)
        self.steps.append(
            Step(name=name, kind=self.kind, options=options, **{"needs": needs, **more})
        )

    def add(self, kind: StepKind[Any], **options: Any) -> None:
        """A further step, of another kind."""
        model = kind.options.model_validate(options)
        needs = (self.steps[-1].name,)
        self.steps.append(Step(name=kind.name, kind=kind, options=model, needs=needs))

    def workspace(self, job: str) -> Workspace:
        return Workspace(self.folder / "state", job, 1)

    def forget(self, job: str, step: str) -> None:
        """Ask for a new run of the step."""
        SuccessRecords(self.workspace(job).successes).forget(step)

    def build(self, job: str, commit: str, **more: Any) -> list[str]:
        """Run what has to run; the names of the steps that did."""
        attempt = Attempt(self.folder / "state", job, commit=commit, **more)
        runner = StepRunner(lambda: attempt, Cancellation())
        pipeline = self._pipeline(attempt)
        ran = []
        self.reasons = {}
        for step in pipeline.steps:
            verdict = runner.judge(pipeline, step)
            self.reasons[step.name] = verdict.reason
            if not verdict.up_to_date:
                runner.run(pipeline, step)
                ran.append(step.name)
        return ran

    def execution(self, step: str, commit: str) -> StepExecution:
        """One step of the job `job`."""
        attempt = Attempt(self.folder / "state", "job", commit=commit)
        pipeline = self._pipeline(attempt)
        return StepExecution(pipeline, pipeline.by_name[step], attempt, Cancellation())

    def _pipeline(self, attempt: Attempt) -> Pipeline:
        return Pipeline(
            name="bench",
            description="",
            source=Source(repository=str(self.source), submodules=self.submodules),
            steps=tuple(self.steps),
            params={name: Param(name=name) for name in attempt.params},
            trusted=self.trusted,
        )
