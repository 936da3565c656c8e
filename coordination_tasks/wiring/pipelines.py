"""The pipelines, for processes that run for long."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from common.errors import ApplicationError
from coordination_tasks.build.attempt.own_plans import own_plans
from coordination_tasks.build.ports import Pipelines
from coordination_tasks.domain.errors import BadConfiguration


@dataclass(kw_only=True)
class PipelinesLook:
    """Reads the pipelines of `pipelines_source` again, in each turn of a watch."""

    pipelines: Pipelines
    state_dir: Path
    _kept: str = field(init=False, default="")

    def look(self) -> None:
        """Use the newest commit, and keep its plans: a job may need them after the next one.

        Raises BadConfiguration when the newest commit cannot be used, and ApplicationError.
        """
        self.pipelines.read_again()
        state = self.pipelines.source_state()
        if state is None:
            return
        if state.commit != self._kept:
            own_plans(self.state_dir, self.pipelines.planner).keep(self.pipelines.known)
            self._kept = state.commit
        if state.problem:
            raise BadConfiguration(
                f"pipelines source: {state.problem}; commit {state.commit[:12]} stays in use"
            )


def state_of(pipelines: Pipelines) -> object:
    """Changes with the pipelines, without reading them; None while there are none."""
    try:
        source, file = pipelines.source_state(), pipelines.file()
    except ApplicationError:
        return None
    if source:
        return source.commit
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
