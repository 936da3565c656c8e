"""The plans that this builder's own pipelines file makes, or made earlier.

Whoever can push to the coordination repository can write any plan into it. So a builder runs a
plan only from this folder on its own disk, which nothing but its own pipelines file fills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.atomic_files import write_durably
from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.build.ports import Planner
from coordination_tasks.documents.paths import quoted
from coordination_tasks.domain.errors import ForeignPlan
from coordination_tasks.store.plans import RecordedPlan, plan_digest


@dataclass(frozen=True, slots=True)
class OwnPlans:
    """The plans in `folder`, by pipeline and digest.

    `make` returns the current plan of a pipeline, and raises ValueError when there is none.
    """

    folder: Path
    make: Callable[[str], bytes]

    def keep(self, pipelines: Iterable[str]) -> None:
        """Keep the current plans of these pipelines. Raises ValueError, OSError."""
        for pipeline in pipelines:
            data = self.make(pipeline)
            path = self._path(pipeline, plan_digest(data))
            if not path.exists():
                write_durably(path, data)

    def find(self, pipeline: str, recorded: RecordedPlan | None) -> bytes:
        """The plan of the pipeline that an earlier attempt used; without one, the current plan.

        Raises ForeignPlan if the file never made it here, ValueError when the pipeline is unknown,
        OSError.
        """
        if recorded is None:
            return self.make(pipeline)
        kept = self._kept(pipeline, recorded.digest)
        if kept is not None and plan_digest(kept) == recorded.digest:
            return kept
        current = self.make(pipeline)
        if plan_digest(current) == recorded.digest:
            return current
        raise ForeignPlan(
            f"attempt {recorded.attempt} used plan {recorded.digest[:12]}, which this builder's"
            " pipelines file never made"
        )

    def _kept(self, pipeline: str, digest: str) -> bytes | None:
        try:
            return self._path(pipeline, digest).read_bytes()
        except FileNotFoundError:
            return None

    def _path(self, pipeline: str, digest: str) -> Path:
        # both come from documents that anybody may have written
        return self.folder / quoted(pipeline) / f"{quoted(digest)}.json"


def own_plans(state_dir: Path, planner: Planner) -> OwnPlans:
    """The plans of the builder that owns `state_dir`."""
    return OwnPlans(state_dir / "plans", planner.plan)


def ended_alone(
    plans: OwnPlans, planner: Planner, attempt: RunningAttempt, recorded: RecordedPlan
) -> Mapping[str, str]:
    """Steps that succeeded in an attempt whose process was killed, with their results.

    Raises ForeignPlan, ValueError, OSError.
    """
    return planner.ended_alone(plans.find(attempt.pipeline, recorded), attempt)
