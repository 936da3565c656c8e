"""Brings the artifacts of a job from the builder that has them, compared with the manifest."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from common.states import State
from coordination_tasks.domain.errors import (
    ArtifactChanged,
    BadConfiguration,
    BrokenDocument,
    Conflict,
    NotFound,
    Unavailable,
)
from coordination_tasks.store.operations.attempt import MANIFEST_KEY, is_restored
from coordination_tasks.store.snapshot import Snapshot

_CHUNK = 1 << 20
_SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15")
_SHOWN = 3  # lines of what ssh or tar said
_DIGESTS = ("sha256", "sha512")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """An artifact of the manifest."""

    name: str
    """Of the copy; with its folders if another artifact has the same name."""
    path: str
    """Relative to `Artifacts.folder`."""
    size: int
    algorithm: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """The artifacts of a job's last success, and where they are."""

    job: str
    attempt: int
    builder: str
    address: str
    """For ssh; "" when it is unknown."""
    folder: str
    """On the builder."""
    files: tuple[WantedFile, ...]


def find_artifacts(snapshot: Snapshot, job_id: str) -> Artifacts:
    """The artifacts of the job's last success. Raises NotFound, BrokenDocument."""
    job = snapshot.job(job_id)
    ends = [
        t
        for t in snapshot.transitions(job_id)
        if t.step is None and t.to_state is State.SUCCEEDED and not is_restored(t)
    ]
    if not ends:
        raise NotFound(f"job {job_id} has no artifacts: its state is {job.state}")
    end = ends[-1]
    data = snapshot.manifest(end.builder, job_id, end.attempt)
    if data is None:
        raise NotFound(f"job {job_id}, attempt {end.attempt}, published no manifest")
    digest = end.details.get(MANIFEST_KEY)
    if digest and hashlib.sha256(data).hexdigest() != digest:
        raise BrokenDocument(f"the manifest of job {job_id} was changed after the attempt ended")
    folder, files = _read(job_id, data)
    return Artifacts(
        job=job_id,
        attempt=end.attempt,
        builder=end.builder,
        address=_address(snapshot, end.builder),
        folder=folder,
        files=files,
    )


def fetch(artifacts: Artifacts, target: Path, *, is_here: bool) -> tuple[Path, ...]:
    """Copy all artifacts into the folder `target`, or none; returns their paths.

    `is_here`: the builder is on this host; otherwise they come through ssh. Files that are there
    already are not copied again. Raises ArtifactChanged, Conflict, NotFound, Unavailable, OSError.
    """
    target.mkdir(parents=True, exist_ok=True)
    missing = [file for file in artifacts.files if not _is_there(file, target / file.name)]
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target) as folder:
        if missing:
            try:
                with _opened(artifacts, missing, is_here=is_here) as streams:
                    for file, stream in streams:
                        copy = Path(folder, file.name)
                        copy.parent.mkdir(parents=True, exist_ok=True)
                        _copy(file, stream, copy, artifacts.builder)
            except tarfile.TarError as error:
                cause = f"cannot copy from builder {artifacts.builder}: {error}"
                raise Unavailable(cause) from error
        for file in missing:
            (target / file.name).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, file.name).replace(target / file.name)
    return tuple(target / file.name for file in artifacts.files)


def _read(job_id: str, data: bytes) -> tuple[str, tuple[WantedFile, ...]]:
    try:
        found = json.loads(data)
        folder = _folder(str(found["build_dir"]))
        files = [_wanted(entry) for entry in found["artifacts"]]
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenDocument(f"the manifest of job {job_id} is unreadable: {error}") from error
    count = Counter(file.name for file in files)
    return folder, tuple(
        replace(file, name=file.path) if count[file.name] > 1 else file for file in files
    )


def _folder(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"invalid folder {text[:80]!r}")
    return text


def _wanted(entry: Mapping[str, object]) -> WantedFile:
    checksums = entry["checksums"]
    path = PurePosixPath(str(entry["path"]))
    name = str(entry["name"])
    if path.is_absolute() or ".." in path.parts or not str(path).isprintable():
        raise ValueError(f"invalid path of artifact {name[:80]!r}")
    if not name or "/" in name or name in {".", ".."} or not name.isprintable():
        raise ValueError(f"invalid name {name[:80]!r}")
    known = checksums if isinstance(checksums, dict) else {}
    algorithm = next((each for each in _DIGESTS if each in known), None)
    if algorithm is None:
        raise ValueError(f"artifact {name[:80]!r} has no digest ({' or '.join(_DIGESTS)})")
    return WantedFile(
        name=name,
        path=str(path),
        size=int(str(entry["size_bytes"])),
        algorithm=algorithm,
        digest=str(known[algorithm]),
    )


def _address(snapshot: Snapshot, builder: str) -> str:
    with suppress(NotFound, BrokenDocument):
        status = snapshot.builder_status(builder)
        return status.address or status.ip
    return ""


def _is_there(file: WantedFile, path: Path) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as stream:
        if hashlib.file_digest(stream, file.algorithm).hexdigest() == file.digest:
            return True
    raise Conflict(f"{path} exists and differs. Remove it, or choose another folder with -o.")


def _copy(file: WantedFile, stream: IO[bytes], path: Path, builder: str) -> None:
    digest = hashlib.new(file.algorithm)
    with path.open("wb") as target:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
    if digest.hexdigest() != file.digest:
        raise ArtifactChanged(
            f"{file.path} on builder {builder} differs from the manifest ({file.algorithm})"
        )


@contextmanager
def _opened(
    artifacts: Artifacts, files: list[WantedFile], *, is_here: bool
) -> Iterator[Iterator[tuple[WantedFile, IO[bytes]]]]:
    """The content of each file, to be read in turn."""
    if is_here:
        yield _files_here(artifacts, files)
        return
    address = artifacts.address
    if not address or address.startswith("-") or not address.isprintable():
        raise NotFound(
            f"builder {artifacts.builder} publishes no address. Set `address` in its builder.yaml;"
            f" the artifacts are in {artifacts.folder} there."
        )
    with tempfile.TemporaryFile() as errors, _ssh(artifacts, files, errors) as process:
        yield _files_there(artifacts, files, process, errors)


def _files_here(
    artifacts: Artifacts, files: list[WantedFile]
) -> Iterator[tuple[WantedFile, IO[bytes]]]:
    for file in files:
        path = Path(artifacts.folder, file.path)
        if not path.is_file():
            raise NotFound(f"{path} is no longer there. Build the job again.")
        with path.open("rb") as stream:
            yield file, stream


@contextmanager
def _ssh(
    artifacts: Artifacts, files: list[WantedFile], errors: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    paths = [f"./{file.path}" for file in files]
    # the far shell splits what ssh passes on; a second name of a file would be sent without content
    tar = ["tar", "--hard-dereference", "-C", artifacts.folder, "-chf", "-"]
    remote = shlex.join([*tar, "--", *paths])
    if shutil.which("ssh") is None:
        raise BadConfiguration("ssh is not on PATH: apt-get install openssh-client")
    process = subprocess.Popen(
        [*_SSH, "--", artifacts.address, remote],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _files_there(
    artifacts: Artifacts,
    files: list[WantedFile],
    process: subprocess.Popen[bytes],
    errors: IO[bytes],
) -> Iterator[tuple[WantedFile, IO[bytes]]]:
    wanted = {file.path: file for file in files}
    # without an archive, or the end of it, ssh or tar has said why
    with (
        suppress(tarfile.TarError),
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        for member in archive:
            file = wanted.get(member.name.removeprefix("./"))
            stream = archive.extractfile(member) if file and member.isfile() else None
            if file and stream:
                del wanted[file.path]
                yield file, stream
    if process.wait() or wanted:
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace").strip().splitlines()
        why = " | ".join(said[:_SHOWN]) or f"{len(wanted)} files are missing"
        raise Unavailable(f"cannot copy from builder {artifacts.builder}: {why}")
