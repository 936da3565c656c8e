"""Whether artifacts are what their manifest says, and the manifest is what the job published."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from common.digests import Digests, file_digests, on_all_cores
from common.errors import os_error_text
from common.states import State
from coordination_tasks.domain.errors import NotFound
from coordination_tasks.domain.model import Transition
from coordination_tasks.farm.artifacts.manifest import PROVENANCE, SBOM, Manifest, ManifestFile
from coordination_tasks.farm.artifacts.published import good_ends, published_by, recorded_digest
from coordination_tasks.farm.artifacts.signing import signed_by
from coordination_tasks.farm.artifacts.ssh_signatures import SignatureRefused
from coordination_tasks.farm.artifacts.targets import Target
from coordination_tasks.store.plans import PLAN_KEY
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
    PROVENANCE = "provenance"
    """The statement how the files were made does not fit the manifest."""
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


def file_deviations(
    files: Sequence[tuple[ManifestFile, Path]],
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Deviation]:
    """Compare files with their entries, in order and on all cores.

    `progress` is called after each file with their number so far and in all.
    """
    for number, deviation in enumerate(on_all_cores(_check, files), 1):
        if progress:
            progress(number, len(files))
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


def statement_deviations(target: Target) -> Iterator[Deviation]:
    """Whether the statement of provenance, if there is one, fits the manifest."""
    if PROVENANCE not in target.documents:
        return
    file, path = target.documents[PROVENANCE]
    try:
        data = path.read_bytes()
    except OSError:
        return  # its own deviation says so
    try:
        problems = list(_unfit(json.loads(data), target.manifest))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        problems = [f"it is no statement of provenance: {error!r}"]
    for problem in problems:
        yield Deviation(Kind.PROVENANCE, file.name, problem)


def _unfit(statement: Any, manifest: Manifest) -> Iterator[str]:
    definition = statement["predicate"]["buildDefinition"]
    run = statement["predicate"]["runDetails"]
    source, *others = definition["resolvedDependencies"]
    used = {one["name"]: one["digest"]["sha256"] for one in others}
    sbom = manifest.documents.get(SBOM)
    for name, told, known in (
        ("commit", source["digest"]["gitCommit"], manifest.commit),
        ("job and attempt", run["metadata"]["invocationId"], f"{manifest.job}/{manifest.attempt}"),
        ("builder", run["builder"]["id"].rpartition(":")[2], manifest.builder),
        ("plan", used.get("plan", ""), manifest.plan),
        ("bill of materials", used.get(sbom.path, "") if sbom else "", sbom.digest if sbom else ""),
    ):
        if told != known:
            yield f"its {name} is {told or 'missing'}, that of the manifest {known or 'missing'}"
    if manifest.is_divided:
        return  # the list of its files is missing, which is a deviation of its own
    made = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    listed = {f.path: f.digest for f in manifest.files if f.path != manifest.list_path}
    for path in sorted(made.keys() | listed.keys()):
        if path not in made:
            yield f"it does not name {path}"
        elif path not in listed:
            yield f"{path} is not in the manifest"
        elif made[path] != listed[path]:
            yield f"its SHA-256 of {path} is not that of the manifest"


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
    if manifest.attempt > end.attempt:
        yield f"it is of attempt {manifest.attempt}, but attempt {end.attempt} recorded it"
    moves = snapshot.transitions(manifest.job)
    plans = {str(m.details[PLAN_KEY]) for m in moves if m.details.get(PLAN_KEY)}
    if manifest.plan and plans and manifest.plan not in plans:
        yield f"its plan is {manifest.plan}, but the attempts used {', '.join(sorted(plans))}"
    said = (m.details.get("values") for m in moves if m.to_state is State.SUCCEEDED)
    grades = {str(v["grade"]) for v in said if isinstance(v, Mapping) and v.get("grade")}
    if manifest.grade and grades and manifest.grade not in grades:
        yield f"its grade is {manifest.grade}, but the steps said {', '.join(sorted(grades))}"
