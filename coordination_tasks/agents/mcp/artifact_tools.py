"""The tools that read artifacts. They take long, so they say how far they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import anyio.from_thread
from mcp.server.mcpserver import Context

from coordination_tasks.agents.digest.excerpt import cut
from coordination_tasks.agents.mcp.tool import Words
from coordination_tasks.agents.mcp.workplace import Workplace
from coordination_tasks.commands.results.compare import compare_jobs
from coordination_tasks.commands.results.verify import verify_job
from coordination_tasks.farm.artifacts.comparison import FileDifference

Client = Context[Any, Any]
_MOST_FILES, _LONGEST = 100, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferingFile:
    """A file that two jobs made with other bytes."""

    name: str
    size_a: int
    size_b: int
    members: Sequence[str] | None
    """Names of an archive's members that differ or are only in one; null: both files are not on
    this host, or no archives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobComparison:
    """Which artifacts of two jobs are the same."""

    is_same: bool
    same: int
    """How many files are the same."""
    differing: Sequence[DifferingFile]
    only_in_a: Sequence[str]
    only_in_b: Sequence[str]
    left_out: int
    """Files beyond the limit of the lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationLine:
    """One thing that is not as the job published it."""

    kind: str
    file: str | None
    data: str
    """What is wrong, quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobVerification:
    """Whether the artifacts of a job are what it published."""

    job: str
    verified: bool
    files: int
    signed_by: str | None
    """Fingerprint of the key that signed the manifest."""
    deviations: Sequence[DeviationLine]
    left_out: int


@dataclass(frozen=True, slots=True)
class ArtifactTools:
    """Each method is a tool; its name and its text are what a client sees."""

    place: Workplace

    def compare(self, client: Client, a: Words, b: Words) -> JobComparison:
        """Compare the artifacts of two jobs by their digests.

        Where both files are on this host, it shows which members of a package or archive differ.
        """
        found = compare_jobs(self.place.config, a, b, _progress(client))
        differing = [
            DifferingFile(
                name=one.name,
                size_a=one.a.size,
                size_b=one.b.size,
                members=_members(one),
            )
            for one in found.differing
        ]
        lists = (differing, found.only_in_a, found.only_in_b)
        return JobComparison(
            is_same=found.is_same,
            same=len(found.same),
            differing=differing[:_MOST_FILES],
            only_in_a=_short(found.only_in_a),
            only_in_b=_short(found.only_in_b),
            left_out=sum(max(0, len(each) - _MOST_FILES) for each in lists),
        )

    def verify(self, client: Client, job: Words) -> JobVerification:
        """Check the artifacts of a job on this host against its manifest, records and signature."""
        checked = verify_job(self.place.config, job, _progress(client))
        lines = [
            DeviationLine(
                kind=each.kind.value, file=each.file or None, data=cut(each.problem, _LONGEST)
            )
            for each in checked.deviations
        ]
        return JobVerification(
            job=checked.target.manifest.job,
            verified=not lines,
            files=len(checked.target.files),
            signed_by=checked.signed_by or None,
            deviations=lines[:_MOST_FILES],
            left_out=max(0, len(lines) - _MOST_FILES),
        )


def _members(one: FileDifference) -> list[str] | None:
    found = one.members
    if found is None:
        return None
    return _short([*found.content, *found.only_in_a, *found.only_in_b, *found.attributes])


def _short(names: Sequence[str]) -> list[str]:
    return [cut(name, _LONGEST) for name in names[:_MOST_FILES]]


def _progress(client: Client) -> Callable[[int, int], None]:
    """Reports from the thread of a tool; a client that did not ask gets nothing."""

    def report(done: int, total: int) -> None:
        words = f"file {done} of {total}"
        anyio.from_thread.run(client.report_progress, float(done), float(total), words)

    return report
