"""Whether artifacts are what their manifest says, and the manifest is what the job published."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from common.digests import Digests, file_digests, on_all_cores
from common.errors import os_error_text
from coordination_tasks.domain.errors import NotFound
from coordination_tasks.farm.artifacts.manifest import Manifest, ManifestFile
from coordination_tasks.farm.artifacts.published import good_ends, recorded_digest
from coordination_tasks.store.snapshot import Snapshot


class Kind(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    SIZE = "size"
    DIGEST = "digest"
    UNREADABLE = "unreadable"
    RECORD = "record"
    """The manifest is not the one that the job published."""
    STALE = "stale"
    """A later attempt published another one."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing that is not as it should be."""

    kind: Kind
    file: str
    """Name of the artifact; "" for the manifest itself."""
    problem: str


def difference(file: ManifestFile, found: Digests) -> str:
    """How a content differs from its entry in the manifest; "" when it does not."""
    if found.size != file.size:
        return f"it has {found.size} bytes, {file.size} in the manifest"
    differing = [
        name for name, digest in file.digests.items() if found.by_algorithm[name] != digest
    ]
    return f"its content differs from the manifest ({', '.join(differing)})" if differing else ""


def file_deviations(files: Sequence[tuple[ManifestFile, Path]]) -> Iterator[Deviation]:
    """Compare files with their entries, in order and on all cores."""
    for deviation in on_all_cores(_check, files):
        if deviation:
            yield deviation


def _check(pair: tuple[ManifestFile, Path]) -> Deviation | None:
    file, path = pair
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return Deviation(Kind.MISSING, file.name, f"{path} is no file")
        if found.st_size != file.size:
            return Deviation(Kind.SIZE, file.name, difference(file, Digests(found.st_size, {})))
        problem = difference(file, file_digests(path, file.digests))
        return Deviation(Kind.DIGEST, file.name, problem) if problem else None
    except (FileNotFoundError, NotADirectoryError):
        return Deviation(Kind.MISSING, file.name, f"{path} is missing")
    except OSError as error:
        return Deviation(Kind.UNREADABLE, file.name, os_error_text(error))


def record_deviations(snapshot: Snapshot, manifest: Manifest) -> Iterator[Deviation]:
    """Whether the job's records name this manifest, and no later one.

    Raises Unavailable, BrokenDocument.
    """
    try:
        job = snapshot.job(manifest.job)
    except NotFound:
        yield Deviation(Kind.RECORD, "", f"job {manifest.job[:80]!r} is not in the repository")
        return
    ends = good_ends(snapshot, job.id)
    if not ends:
        yield Deviation(Kind.RECORD, "", f"job {job.id} has no success: its state is {job.state}")
        return
    ours = [
        end
        for end in ends
        if recorded_digest(end) == manifest.sha256
        or (
            not recorded_digest(end)
            and snapshot.manifest(end.builder, job.id, end.attempt) == manifest.data
        )
    ]
    if not ours:
        text = f"no success of job {job.id} recorded this manifest: changed, or never published"
        yield Deviation(Kind.RECORD, "", text)
        return
    end, last = ours[-1], ends[-1]
    if end.attempt != last.attempt:
        text = f"attempt {end.attempt} is stale: attempt {last.attempt} on {last.builder} succeeded"
        yield Deviation(Kind.STALE, "", text)
    if manifest.builder != end.builder:
        text = f"its builder is {manifest.builder}, but {end.builder} recorded it"
        yield Deviation(Kind.RECORD, "", text)
    if job.commit and not manifest.commit.startswith(job.commit.lower()):
        text = f"its commit is {manifest.commit}, that of the job {job.commit}"
        yield Deviation(Kind.RECORD, "", text)
