"""Invalidates steps in workspaces: forgets their successes, removes their outputs.

The caller holds the builder's lock, so no build uses a workspace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from pipelines.domain.pipeline import Pipeline
from pipelines.execution.success_records import SuccessRecords
from pipelines.workspace.containment import lies_below
from pipelines.workspace.job_metadata import read_note
from pipelines.workspace.layout import Workspace
from pipelines.workspace.removal import discard

Chosen = Mapping[str, Set[str]]
"""Steps by the name of their pipeline."""


def forget_steps(state_dir: Path, chosen: Chosen, job: str | None) -> list[tuple[str, str]]:
    """Forget that steps succeeded, in `job` or in all jobs of this builder; (job, step) of each.

    The result of such a step is not reused from another job either: it runs.
    """
    return [
        (job_id, step)
        for workspace, job_id, steps in _chosen(state_dir, chosen, job)
        for step in steps
        if SuccessRecords(workspace.successes).forget(step)
    ]


def clean_steps(state_dir: Path, chosen: Chosen, job: str | None, *, dry: bool) -> list[Path]:
    """Remove the recorded outputs of steps; returns the paths, even in a dry run."""
    found: dict[Path, Workspace] = {}
    for workspace, _, steps in _chosen(state_dir, chosen, job):
        for step in steps:
            success = SuccessRecords(workspace.successes).read(step)
            for output in success.outputs if success else ():
                path = _unit(workspace, workspace.root / output)
                if path.exists() and lies_below(path, workspace.root):
                    found[path] = workspace
    if not dry:
        for path, workspace in found.items():
            discard(path, workspace.discarded)
    return list(found)


def clean_job(workspace: Workspace, pipeline: Pipeline) -> None:
    """Remove the job's workspace except its logs; nothing is then reused from other jobs."""
    successes = SuccessRecords(workspace.successes)
    for step in pipeline.steps:
        successes.forget(step.name)
    for path in workspace.root.iterdir():
        if path not in (workspace.successes, workspace.note, workspace.log("").parent):
            discard(path, workspace.discarded)


def _chosen(
    state_dir: Path, chosen: Chosen, job: str | None
) -> Iterator[tuple[Workspace, str, list[str]]]:
    jobs = state_dir / "jobs"
    for folder in sorted(jobs.iterdir()) if jobs.is_dir() else ():
        note = read_note(folder / "job.json")
        if note and note.pipeline in chosen and job in (None, note.job):
            yield Workspace(state_dir, note.job), note.job, sorted(chosen[note.pipeline])


def _unit(workspace: Workspace, path: Path) -> Path:
    """A source tree is removed as a whole."""
    return workspace.source if path.is_relative_to(workspace.source / ".git") else path
