"""The plans that this builder's own pipelines file makes, or made earlier.

Whoever can push to the coordination repository can write any plan into it. So a builder runs a
plan only from this folder on its own disk, which nothing but its own pipelines file fills.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common.atomic_files import write_durably
from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.build.ports import Planner
from coordination_tasks.documents.paths import quoted
from coordination_tasks.domain.errors import CoordinationError, ForeignPlan
from coordination_tasks.store.plans import RecordedPlan, plan_digest, recorded_plan

if TYPE_CHECKING:
    from coordination_tasks.store.store import Store


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
            self.keep_made(pipeline, self.make(pipeline))

    def keep_made(self, pipeline: str, data: bytes) -> None:
        """Keep a plan that `make` or `find` returned. Raises OSError."""
        path = self._path(pipeline, plan_digest(data))
        if path.exists():
            os.utime(path)
        else:
            write_durably(path, data)

    def prune(self, age: float, needed: Callable[[], Collection[str]]) -> None:
        """Remove the plans that were not used for `age` seconds, except the digests `needed`.

        Raises what `needed` raises; it is called only if there are such plans.
        """
        oldest = time.time() - age
        unused = [p for p in self.folder.glob("*/*.json") if p.stat().st_mtime < oldest]
        kept = needed() if unused else ()
        for path in unused:
            if path.stem not in kept:
                path.unlink()

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
        path = self._path(pipeline, digest)
        with suppress(FileNotFoundError):
            os.utime(path)  # it is in use: see `prune`
            return path.read_bytes()
        return None

    def _path(self, pipeline: str, digest: str) -> Path:
        # both come from documents that anybody may have written
        return self.folder / quoted(pipeline) / f"{quoted(digest)}.json"


def own_plans(state_dir: Path, planner: Planner) -> OwnPlans:
    """The plans of the builder that owns `state_dir`."""
    return OwnPlans(state_dir / "plans", planner.plan)


def prune_plans(plans: OwnPlans, store: Store, age: float) -> None:
    """Remove what no job of the queue can need any more, by the rule of `OwnPlans.prune`."""

    def needed() -> set[str]:
        snapshot = store.snapshot()
        recorded = (recorded_plan(snapshot, job) for job in snapshot.queue.unfinished())
        return {plan.digest for plan in recorded if plan}

    with suppress(CoordinationError):  # what cannot be looked up now is for a later build
        plans.prune(age, needed)


def ended_alone(
    plans: OwnPlans, planner: Planner, attempt: RunningAttempt, recorded: RecordedPlan
) -> Mapping[str, str]:
    """Steps that succeeded in an attempt whose process was killed, with their results.

    Raises ForeignPlan, ValueError, OSError.
    """
    return planner.ended_alone(plans.find(attempt.pipeline, recorded), attempt)
