"""Tasks on a command line, as steps of pipelines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from doit.task import Task

from common.yaml.findings import did_you_mean
from coordination_tasks.domain.errors import BadRequest


def selected_steps(tasks: Sequence[Task], names: Iterable[str]) -> dict[str, set[str]]:
    """Steps by pipeline of the tasks `names`; a group means all of its steps, `*` anything.

    Raises BadRequest for a name without a task.
    """
    chosen: dict[str, set[str]] = {}
    for name in names:
        found = [task for task in tasks if _is_meant(task, name)]
        if not found:
            hint = did_you_mean(name, [task.name for task in tasks])
            raise BadRequest(f"unknown task {name[:80]!r}{hint}; `doit list --all` shows them")
        for task in found:
            if "step" in (task.meta or {}):
                chosen.setdefault(task.meta["pipeline"], set()).add(task.meta["step"])
    return chosen


def job_and_tasks(
    job: str, words: Sequence[str], tasks: Sequence[Task], jobs: Collection[str]
) -> tuple[str, list[str]]:
    """The job of `--job`, or the one among the words that is no task, and the other words.

    `jobs` are those with a workspace here. Raises BadRequest when several jobs are named.
    """
    named = [w for w in words if w in jobs and not any(_is_meant(task, w) for task in tasks)]
    if len({*named, *filter(None, [job])}) > 1:
        raise BadRequest(f"expected one job, found {', '.join(filter(None, [job, *named]))}")
    return job or "".join(named[:1]), [word for word in words if word not in named]


def check_job_here(job: str, jobs: Collection[str]) -> None:
    """Raise BadRequest unless `job` is one of `jobs`, those with a workspace here."""
    if job not in jobs:
        hint = did_you_mean(job, jobs)
        raise BadRequest(f"job {job[:80]!r} has no workspace on this builder{hint}")


def _is_meant(task: Task, name: str) -> bool:
    group = (task.meta or {}).get("pipeline")
    return fnmatchcase(task.name, name) or (group is not None and fnmatchcase(group, name))
