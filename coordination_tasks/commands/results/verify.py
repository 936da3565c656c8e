"""`doit verify`: whether artifacts are what their job made and published."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import doit

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.cli.terminal_text import printable
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.farm.artifacts import targets
from coordination_tasks.farm.artifacts.published import find_published
from coordination_tasks.farm.artifacts.targets import Target
from coordination_tasks.farm.artifacts.verification import (
    Deviation,
    file_deviations,
    record_deviations,
)
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.reading import open_snapshot

EXIT_DEVIATES = 6


class VerifyCommand(FarmCommand):
    """doit command."""

    name = "verify"
    doc_purpose = "compare artifacts with their manifest, and the manifest with the job's records"
    doc_usage = "[JOB|MANIFEST|DIR] [--json]"
    doc_description = """
Shows one line for each deviation: a file that is missing, or has another size or content (SHA-256
and SHA-512); a manifest that is not the one that a success of its job recorded; an attempt that a
later success has replaced.

JOB: the files on the disk of its builder, which is this host. MANIFEST: the files beside it, as
`doit fetch` copies them, or else on their builder. DIR: each manifest in this folder. Without an
argument: all jobs in the queue whose artifacts are on this host.

Exit codes: 0 no deviation, 1 cannot reach the coordination repository, 3 bad usage or
configuration, an unknown job, no artifacts, or artifacts on another host, 6 deviations found.
"""
    group = "look"
    completes = "jobs"
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args[1:])
        config = self.farm.config(builder)
        with open_snapshot(config, tell) as snapshot:
            found = _targets(snapshot, config, "".join(pos_args))
            checked = [(target, _deviations(snapshot, target)) for target in found]
        if json:
            sys.stdout.write(as_json(_report(checked)) + "\n")
        else:
            for target, deviations in checked:
                sys.stdout.writelines(map(printable, _lines(target, deviations)))
        return EXIT_DEVIATES if any(deviations for _, deviations in checked) else 0


def _targets(snapshot: Snapshot, config: BuilderConfig, named: str) -> list[Target]:
    if not named:
        return targets.of_jobs_here(snapshot, config)
    path = Path(doit.get_initial_workdir() or ".", named)
    if path.is_dir():
        return targets.of_folder(path.resolve())
    if path.is_file():
        return [targets.of_manifest(path.resolve())]
    return [targets.of_job(find_published(snapshot, named), config)]


def _deviations(snapshot: Snapshot, target: Target) -> list[Deviation]:
    return [*record_deviations(snapshot, target.manifest), *file_deviations(target.files)]


def _lines(target: Target, deviations: Sequence[Deviation]) -> list[str]:
    lines = [f"{one.file or target.title}: {one.problem}\n" for one in deviations]
    count = len(target.files)
    files = f"{count} file{'' if count == 1 else 's'} in {target.folder}"
    job = f"job {target.manifest.job}"
    if not deviations:
        return [f"{job}: {files} verified\n"]
    number = len(deviations)
    return [*lines, f"{job}: {files}, {number} deviation{'' if number == 1 else 's'}\n"]


def _report(checked: Sequence[tuple[Target, Sequence[Deviation]]]) -> dict[str, object]:
    return {
        "deviation_count": sum(len(deviations) for _, deviations in checked),
        "manifests": [
            {
                "job": target.manifest.job,
                "builder": target.manifest.builder,
                "manifest": target.title,
                "folder": str(target.folder),
                "file_count": len(target.files),
                "deviations": [
                    {"kind": one.kind.value, "file": one.file or None, "problem": one.problem}
                    for one in deviations
                ],
            }
            for target, deviations in checked
        ],
    }
