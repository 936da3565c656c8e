"""The workspaces of a builder's jobs, for commands that maintain them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from common.atomic_files import replace_file
from pipelines.execution.invalidation import Chosen, clean_steps, forget_steps
from pipelines.processes.tree import builder_marker, sweep
from pipelines.workspace.cleanup import jobs_here, removable_items, remove
from pipelines.workspace.layout import Workspace
from pipelines.workspace.log_archive import logged_steps, old_logs, packed_log
from pipelines.workspace.retention import Removable


@dataclass(frozen=True, slots=True)
class Workspaces:
    """The workspaces of the builder that owns `state_dir`. Changes require the builder's lock."""

    state_dir: Path

    def jobs(self) -> tuple[str, ...]:
        """Ids of the jobs with a workspace here."""
        return jobs_here(self.state_dir)

    def sweep(self) -> list[str]:
        """End the processes that a killed build left behind; describes each."""
        return sweep(builder_marker(self.state_dir))

    def forget(self, steps: Chosen, job: str | None) -> list[tuple[str, str]]:
        """Forget that steps succeeded, in `job` or in all; (job, step) of each."""
        return forget_steps(self.state_dir, steps, job)

    def clean(self, steps: Chosen, job: str | None, *, dry: bool) -> list[Path]:
        """Remove the recorded outputs of steps; returns the paths, even in a dry run."""
        return clean_steps(self.state_dir, steps, job, dry=dry)

    def removable_items(
        self, limits: Mapping[str, tuple[float, int]], held: Collection[str], now: float
    ) -> list[Removable]:
        """Items over `limits` (seconds and bytes by kind), except those of the jobs `held`."""
        return removable_items(self.state_dir, limits, held, now)

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove these items. Raises OSError."""
        remove(self.state_dir, paths)

    def log(self, job: str, attempt: int, step: str) -> Path:
        """The log of a step, packed (`.gz`) when it is old; it may not exist."""
        log = Workspace(self.state_dir, job, attempt).log(step)
        return log if log.exists() else packed_log(self.state_dir, log) or log

    def logged_steps(self, job: str) -> list[tuple[int, str]]:
        """Attempt and step of the logs of a job that are here and not packed, in their order."""
        return logged_steps(Workspace(self.state_dir, job))

    def moved_from(self, old: Path) -> None:
        """After the folder was moved here: let the source trees find its mirrors again."""
        for alternates in self.state_dir.glob("jobs/*/build/source/.git/objects/info/alternates"):
            text = alternates.read_text()
            replace_file(alternates, text.replace(f"{old}/", f"{self.state_dir}/").encode())

    def old_logs(self, before: datetime, *, pack: bool) -> tuple[Path, ...]:
        """Logs that were last written before that moment; `pack` moves them into an archive."""
        return old_logs(self.state_dir, before, pack=pack)
