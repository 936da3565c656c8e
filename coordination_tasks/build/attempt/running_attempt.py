"""The claimed attempt as the steps see it: the job's values and the builder's offers."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from common.settings.destinations import Destination
from common.settings.sandbox import SandboxSettings
from common.settings.ssh_hosts import SshHost
from coordination_tasks.build.display.display import Display
from coordination_tasks.builder.config.builder import (
    DEFAULT_LOG_LIMIT,
    DEFAULT_TIMEOUT,
    BuilderConfig,
)
from coordination_tasks.domain.model import Attempt

_COUNT = re.compile(r"[a-z]+ \d+ of \d+\b")
"""The part of a step's progress that the farm may see: no output of a tool."""


@dataclass(frozen=True, slots=True)
class RunningAttempt:
    """The claimed attempt as the steps see it."""

    claimed: Attempt
    state_dir: Path
    env: Mapping[str, str]
    declared_env: Mapping[str, str]
    """The part of `env` that the builder's file lists."""
    display: Display
    began: float = 0.0
    """`time.monotonic()` of the claim."""
    lock_dir: Path = Path()
    """Folder of the resource locks that the builders of this host share."""
    default_timeout: float = DEFAULT_TIMEOUT
    """Seconds that a step without a timeout may take."""
    log_limit: int = DEFAULT_LOG_LIMIT
    """Bytes of a step's log from which output is dropped."""
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    """How this builder separates the commands of steps from itself."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values of the secrets that the pipeline names."""
    plan_digest: str = ""
    """SHA-256 of its plan; "" before it has one."""
    changed_since: str | None = None
    """The commit to compare with the job's; None when there is none."""
    last_good: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values by step of the last good build of the branch; only for a plan that looks back."""
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    ssh_hosts: Mapping[str, SshHost] = field(default_factory=dict)
    """Where its steps may publish, by name."""
    counts: dict[str, str] = field(default_factory=dict)
    """How far each step is, like `module 3 of 139`; only steps that count."""

    @property
    def job_id(self) -> str:
        """Id of the job."""
        return self.claimed.job.id

    @property
    def pipeline(self) -> str:
        """Name of the job's pipeline; "" when a program without pipelines claimed the job."""
        return self.claimed.job.pipeline or ""

    @property
    def attempt(self) -> int:
        """Number of the attempt."""
        return self.claimed.number

    @property
    def builder(self) -> str:
        """Id of this builder."""
        return self.claimed.builder

    @property
    def branch(self) -> str | None:
        """Branch of the job."""
        return self.claimed.job.branch

    @property
    def commit(self) -> str | None:
        """Commit to build, resolved when the job was claimed."""
        return self.claimed.job.commit

    @property
    def params(self) -> Mapping[str, str]:
        """The job's parameters."""
        return self.claimed.job.params

    @property
    def reproduces(self) -> str:
        """Id of the job whose artifacts it makes again; "": it is no such job."""
        return self.claimed.job.reproduces

    @property
    def started(self) -> datetime | None:
        """When the attempt was claimed."""
        return self.claimed.job.started_at

    def show_progress(self, step: str, text: str) -> None:
        """Show the progress of a step, and remember what it counts."""
        if found := _COUNT.match(text):
            self.counts[step] = found[0]
        self.display.step_progress(step, text)

    def show_line(self, step: str, line: str) -> None:
        """Show a line of the step's log, if requested."""
        self.display.step_line(step, line)


def running_attempt(claimed: Attempt, config: BuilderConfig, display: Display) -> RunningAttempt:
    """The attempt with its builder's offers to all steps."""
    return RunningAttempt(
        claimed=claimed,
        state_dir=config.state_dir,
        env=config.env,
        declared_env=config.declared_env,
        display=display,
        began=time.monotonic(),
        lock_dir=config.lock_dir,
        default_timeout=config.default_timeout,
        log_limit=config.log_limit,
        destinations=config.destinations,
        ssh_hosts=config.ssh_hosts,
        sandbox=config.sandbox,
    )
