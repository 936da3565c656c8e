"""`doit verify`: whether artifacts are what their job made and published."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    check_record,
    file_deviations,
    statement_deviations,
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
Shows one line for each deviation: a file or document (bill of materials, statement of provenance)
that is missing, or has another size or content (SHA-256 and SHA-512); a statement that does not fit
the manifest; a manifest that is not the one that a success of its job recorded, or does not fit the
job's records (builder, commit, attempt, plan, grade); an attempt that a later success has replaced;
and, if `allowed_signers` is set in builder.yaml, a manifest that its builder has not signed with a
key that was valid then.

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
            checked = [_check(snapshot, target, config.allowed_signers) for target in found]
        if json:
            sys.stdout.write(as_json(_report(checked)) + "\n")
        else:
            for one in checked:
                sys.stdout.writelines(f"{printable(line)}\n" for line in _lines(one))
        return EXIT_DEVIATES if any(one.deviations for one in checked) else 0


def _targets(snapshot: Snapshot, config: BuilderConfig, named: str) -> list[Target]:
    if not named:
        return targets.of_jobs_here(snapshot, config)
    path = Path(doit.get_initial_workdir() or ".", named)
    if path.is_dir():
        return targets.of_folder(path.resolve())
    if path.is_file():
        return [targets.of_manifest(path.resolve())]
    return [targets.of_job(find_published(snapshot, named), config)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A manifest with its files, and what is not as it should be."""

    target: Target
    deviations: Sequence[Deviation]
    signed_by: str


def verify_job(config: BuilderConfig, job: str, progress: Callable[[int, int], None]) -> Checked:
    """Check the artifacts of a job on this host; `progress` as for file_deviations.

    Raises NotFound, Unavailable, BadConfiguration.
    """
    with open_snapshot(config, tell) as snapshot:
        target = targets.of_job(find_published(snapshot, job), config)
        return _check(snapshot, target, config.allowed_signers, progress)


def _check(
    snapshot: Snapshot,
    target: Target,
    signers: Path | None,
    progress: Callable[[int, int], None] | None = None,
) -> Checked:
    record = check_record(snapshot, target.manifest, signers)
    files = file_deviations([*target.files, *target.documents.values()], progress)
    deviations = [*record.deviations, *files, *statement_deviations(target)]
    return Checked(target=target, deviations=deviations, signed_by=record.signed_by)


def _lines(checked: Checked) -> list[str]:
    target, number = checked.target, len(checked.deviations)
    lines = [f"{one.file or target.title}: {one.problem}" for one in checked.deviations]
    count = len(target.files)
    files = f"{count} file{'' if count == 1 else 's'} in {target.folder}"
    result = f"{number} deviation{'' if number == 1 else 's'}" if number else "verified"
    signed = f", signed by {checked.signed_by}" if checked.signed_by else ""
    return [*lines, f"job {target.manifest.job}: {files}: {result}{signed}"]


def _report(checked: Sequence[Checked]) -> dict[str, object]:
    return {
        "deviation_count": sum(len(one.deviations) for one in checked),
        "manifests": [
            {
                "job": one.target.manifest.job,
                "builder": one.target.manifest.builder,
                "manifest": one.target.title,
                "folder": str(one.target.folder),
                "file_count": len(one.target.files),
                "signed_by": one.signed_by or None,
                "deviations": [
                    {"kind": each.kind.value, "file": each.file or None, "problem": each.problem}
                    for each in one.deviations
                ],
            }
            for one in checked
        ],
    }
