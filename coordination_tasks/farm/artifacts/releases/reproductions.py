"""Which jobs have made the artifacts of a job again, and whether they are the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.states import State
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.farm.artifacts.comparison import is_about_the_build
from coordination_tasks.farm.artifacts.published import Published, find_published
from coordination_tasks.farm.artifacts.signing import signed_by
from coordination_tasks.farm.artifacts.ssh_signatures import SignatureRefused
from coordination_tasks.store.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A job that has built the commit of another one again, from scratch."""

    job: str
    builder: str
    differing: tuple[str, ...]
    """Names of the artifacts that differ, or that only one of both has; none: it agrees."""
    signed: bool | None
    """Whether both builders signed what they made; None: it was not checked."""

    @property
    def agrees(self) -> bool:
        """Whether both made the same bytes."""
        return not self.differing

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "job": self.job,
            "builder": self.builder,
            "agrees": self.agrees,
            "differing": list(self.differing),
            "signed": self.signed,
        }

    @property
    def text(self) -> str:
        """For people: `reproduced by build2 (job_2), signed by both`."""
        if not self.agrees:
            first, *others = self.differing
            more = f" and {len(others)} more differ" if others else " differs"
            return f"not reproduced by {self.builder} ({self.job}): {first}{more}"
        signed = {True: ", signed by both", False: ", but not signed by both", None: ""}
        return f"reproduced by {self.builder} ({self.job}){signed[self.signed]}"


def reproductions(
    snapshot: Snapshot, published: Published, signers: Path | None = None
) -> tuple[Reproduction, ...]:
    """The successful ones of a job's artifacts, in the order of the queue.

    `signers` None: signatures are not checked. Raises BadConfiguration.
    """
    found = []
    for job in snapshot.reproducing(published.job):
        if job.state is not State.SUCCEEDED:
            continue
        try:
            again = find_published(snapshot, job.id)
        except (NotFound, BrokenDocument):
            continue  # it proves nothing
        found.append(
            Reproduction(
                job=job.id,
                builder=again.builder,
                differing=_differing(published, again),
                signed=None if signers is None else _signed(signers, published, again),
            )
        )
    return tuple(found)


def _differing(one: Published, other: Published) -> tuple[str, ...]:
    """By the digests in both manifests; a list of files too long for them counts as one file."""
    if one.manifest.commit != other.manifest.commit:
        return ("the commit",)
    a, b = ({f.path: f for f in each.manifest.files} for each in (one, other))
    return tuple(
        (a.get(path) or b[path]).name
        for path in sorted(a.keys() | b.keys())
        if not is_about_the_build(path)
        and (path not in a or path not in b or a[path].digests != b[path].digests)
    )


def _signed(signers: Path, *both: Published) -> bool:
    try:
        for published in both:
            signed_by(published, signers)
    except SignatureRefused:
        return False
    return True
