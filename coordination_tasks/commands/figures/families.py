"""The figures of a farm for a monitoring system: names, labels and values. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median, quantiles

from common.states import State
from coordination_tasks.commands.views.farm_page import ShownBuilder, ended_at
from coordination_tasks.commands.views.farm_view import FarmView
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.farm.presence.observations import ALIVE, UNKNOWN

_LAST = 30
"""Ended jobs of a pipeline and branch that count."""
_MOST_GROUPS = 100
_MOST_MODULES = 300
"""The slowest ones: a reactor has hundreds."""
_GB = 1e9
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One figure with its values, each with the values of the labels."""

    name: str
    text: str
    labels: Labels = ()
    values: list[tuple[Labels, float]] = field(default_factory=list)

    def add(self, value: object, *labels: str) -> None:
        """Add a value; what is no number is unknown, and left out."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.values.append((labels, float(value)))

    def add_spread(self, seconds: Sequence[float], *labels: str) -> None:
        """Add median and 90th percentile of durations."""
        if not seconds:
            return
        tenths = quantiles(seconds, n=10, method="inclusive") if len(seconds) > 1 else [seconds[0]]
        self.add(median(seconds), *labels, "0.5")
        self.add(tenths[-1], *labels, "0.9")


def families(
    farm: FarmView, records: Mapping[str, Sequence[Transition]], now: datetime
) -> Iterator[Family]:
    """All figures; `records` has the transitions of ended jobs by their ids."""
    yield from _of_builders(farm.builders, farm.running)
    yield from _of_the_queue(farm, now)
    yield from _of_builds(farm.ended)
    yield from _of_steps(farm.ended, records)


def _of_builders(builders: Iterable[ShownBuilder], running: Sequence[Job]) -> Iterator[Family]:
    alive = Family("farm_builder_alive", "1: it sends heartbeats, 0: it is silent", ("builder",))
    still = Family(
        "farm_builder_heartbeat_age_seconds", "time since its last known heartbeat", ("builder",)
    )
    drained = Family("farm_builder_drained", "1: it claims no jobs", ("builder",))
    jobs = Family("farm_builder_running_jobs", "jobs that it runs", ("builder",))
    busy = Counter(job.assigned_to for job in running)
    load = [
        (Family("farm_builder_cpu_percent", "load of its host", ("builder",)), "cpu_usage", 1.0),
        (
            Family("farm_builder_memory_used_bytes", "memory in use on its host", ("builder",)),
            "memory_used_gb",
            _GB,
        ),
        (
            Family("farm_builder_disk_free_bytes", "free space for its state_dir", ("builder",)),
            "disk_free_gb",
            _GB,
        ),
    ]
    for shown in builders:
        name = shown.status.builder
        if shown.presence and shown.presence.liveness != UNKNOWN:
            alive.add(int(shown.presence.liveness == ALIVE), name)
        if shown.presence:
            still.add(shown.presence.still_for_seconds, name)
        drained.add(int(shown.drain is not None), name)
        jobs.add(busy[name], name)
        for family, key, unit in load:
            value = shown.status.system.get(key)
            family.add(value * unit if isinstance(value, int | float) else None, name)
    yield from (alive, still, drained, jobs, *(family for family, *_ in load))


def _of_the_queue(farm: FarmView, now: datetime) -> Iterator[Family]:
    states = Family("farm_jobs", "jobs of the queue by state", ("state",))
    counts = Counter(job.state for job in farm.jobs or ())
    for state in (State.QUEUED, State.RUNNING, State.SUCCEEDED, State.FAILED, State.CANCELLED):
        states.add(counts[state] + (counts[State.TIMED_OUT] if state is State.FAILED else 0), state)
    oldest = Family("farm_oldest_waiting_seconds", "how long the job that waits longest has waited")
    waits = [(now - job.created_at).total_seconds() for job in farm.waiting if job.created_at]
    oldest.add(max(0.0, *waits) if waits else 0)
    yield from (states, oldest)


def _of_builds(ended: Iterable[Job]) -> Iterator[Family]:
    names = ("pipeline", "branch")
    took = Family("farm_build_duration_seconds", "of the last successes", (*names, "quantile"))
    waited = Family(
        "farm_build_waiting_seconds", "from the request to the start", (*names, "quantile")
    )
    rate = Family("farm_build_success_ratio", "of the last builds, cancelled ones left out", names)
    last = Family("farm_last_build_succeeded", "1: the last build succeeded", names)
    groups: dict[Labels, list[Job]] = defaultdict(list)
    for job in sorted(ended, key=ended_at):
        groups[job.pipeline or "-", job.branch or "-"].append(job)
    newest = sorted(groups.items(), key=lambda group: ended_at(group[1][-1]), reverse=True)
    for labels, jobs in newest[:_MOST_GROUPS]:
        shown = jobs[-_LAST:]
        judged = [job for job in shown if job.state is not State.CANCELLED]
        good = [job for job in judged if job.state is State.SUCCEEDED]
        took.add_spread([job.duration_seconds for job in good if job.duration_seconds], *labels)
        waited.add_spread(
            [
                max(0.0, (job.started_at - job.created_at).total_seconds())
                for job in shown
                if job.started_at and job.created_at
            ],
            *labels,
        )
        if judged:
            rate.add(len(good) / len(judged), *labels)
            last.add(int(judged[-1].state is State.SUCCEEDED), *labels)
    yield from (took, waited, rate, last)


def _of_steps(
    ended: Iterable[Job], records: Mapping[str, Sequence[Transition]]
) -> Iterator[Family]:
    step_names = ("pipeline", "step", "quantile")
    steps = Family("farm_step_duration_seconds", "of the last successes of a step", step_names)
    failures = Family(
        "farm_step_failures", "among the same jobs, by code", (*step_names[:2], "code")
    )
    module_names = ("pipeline", "module", "quantile")
    modules = Family(
        "farm_module_duration_seconds", "of Maven's modules, the slowest", module_names
    )
    took: dict[Labels, list[float]] = defaultdict(list)
    built: dict[Labels, list[float]] = defaultdict(list)
    failed: Counter[Labels] = Counter()
    for job in ended:
        pipeline = job.pipeline or "-"
        for move in records.get(job.id, ()):
            if move.step is None:
                continue
            if move.to_state is State.SUCCEEDED and move.duration_seconds is not None:
                took[pipeline, move.step].append(move.duration_seconds)
                for name, seconds in _modules(move):
                    built[pipeline, name].append(seconds)
            elif move.to_state in (State.FAILED, State.TIMED_OUT):
                failed[pipeline, move.step, str(move.details.get("code") or "unknown")] += 1
    for labels, durations in took.items():
        steps.add_spread(durations, *labels)
    slowest = sorted(built.items(), key=lambda each: median(each[1]), reverse=True)
    for labels, durations in slowest[:_MOST_MODULES]:
        modules.add_spread(durations, *labels)
    for labels, count in failed.items():
        failures.add(count, *labels)
    yield from (steps, failures, modules)


def _modules(move: Transition) -> Iterator[tuple[str, float]]:
    values = move.details.get("values")
    found = values.get("modules") if isinstance(values, dict) else None
    for module in found if isinstance(found, list) else ():
        if isinstance(module, dict) and isinstance(module.get("seconds"), int | float):
            yield str(module.get("name")), float(module["seconds"])
