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
from coordination_tasks.domain.model import Transition
from coordination_tasks.farm.artifacts.manifest import Manifest, ManifestFile
from coordination_tasks.farm.artifacts.published import good_ends, published_by, recorded_digest
from coordination_tasks.farm.artifacts.signing import signed_by
from coordination_tasks.farm.artifacts.ssh_signatures import SignatureRefused
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
    SIGNATURE = "signature"
    """No key that counts has signed it."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing that is not as it should be."""

    kind: Kind
    file: str
    """Name of the artifact; "" for the manifest itself."""
    problem: str


@dataclass(frozen=True, slots=True)
class RecordCheck:
    """What the records of the job say about a manifest."""

    deviations: Sequence[Deviation]
    signed_by: str = ""
    """Fingerprint of the key that signed it; "": none that counts, or it was not checked."""


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


def check_record(snapshot: Snapshot, manifest: Manifest, signers: Path | None) -> RecordCheck:
    """Whether the job's records name this manifest, and no later one, and its builder signed it.

    `signers` None: signatures are not checked. Raises Unavailable, BrokenDocument,
    BadConfiguration.
    """
    try:
        end, last = _recorded(snapshot, manifest)
    except NotFound as error:
        return RecordCheck([Deviation(Kind.RECORD, "", str(error))])
    found = [Deviation(Kind.RECORD, "", text) for text in _misfits(snapshot, manifest, end)]
    if end.attempt != last.attempt:
        text = f"attempt {end.attempt} is stale: attempt {last.attempt} on {last.builder} succeeded"
        found.append(Deviation(Kind.STALE, "", text))
    signer = ""
    if signers is not None:
        try:
            signer = signed_by(published_by(snapshot, end), signers)
        except SignatureRefused as error:
            found.append(Deviation(Kind.SIGNATURE, "", str(error)))
    return RecordCheck(found, signer)


def _recorded(snapshot: Snapshot, manifest: Manifest) -> tuple[Transition, Transition]:
    """The success that recorded this manifest, and the last one. Raises NotFound."""
    job = snapshot.job(manifest.job)
    ends = good_ends(snapshot, job.id)
    if not ends:
        raise NotFound(f"job {job.id} has no success: its state is {job.state}")
    for end in reversed(ends):
        digest = recorded_digest(end)
        if digest == manifest.sha256:
            return end, ends[-1]
        # successes of older programs have no digest
        if not digest and snapshot.manifest(end.builder, job.id, end.attempt) == manifest.data:
            return end, ends[-1]
    raise NotFound(
        f"no success of job {job.id} recorded this manifest: changed, or never published"
    )


def _misfits(snapshot: Snapshot, manifest: Manifest, end: Transition) -> Iterator[str]:
    if manifest.builder != end.builder:
        yield f"its builder is {manifest.builder}, but {end.builder} recorded it"
    commit = snapshot.job(manifest.job).commit
    if commit and not manifest.commit.startswith(commit.lower()):
        yield f"its commit is {manifest.commit}, that of the job {commit}"
