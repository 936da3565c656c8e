"""Brings the artifacts of a job from the builder that has them, compared with the manifest."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from common.atomic_files import replace_file
from common.digests import read_digests
from coordination_tasks.documents.paths import quoted
from coordination_tasks.domain.errors import (
    ArtifactChanged,
    BadConfiguration,
    Conflict,
    NotFound,
    Unavailable,
)
from coordination_tasks.farm.artifacts.manifest import ManifestFile
from coordination_tasks.farm.artifacts.published import Published
from coordination_tasks.farm.artifacts.ssh_signatures import as_file
from coordination_tasks.farm.artifacts.targets import MANIFEST_SUFFIX
from coordination_tasks.farm.artifacts.verification import difference, file_deviations

_SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15")
_SHOWN = 3  # lines of what ssh or tar said


def fetch(published: Published, target: Path, *, is_here: bool) -> tuple[Path, ...]:
    """Copy all artifacts into the folder `target`, or none; returns their paths.

    Their manifest and its signature go there too.
    `is_here`: the builder is on this host; otherwise they come through ssh. Files that are there
    already are not copied again. Raises ArtifactChanged, Conflict, NotFound, Unavailable, OSError.
    """
    target.mkdir(parents=True, exist_ok=True)
    files = published.manifest.files
    missing = _missing(files, target)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target) as folder:
        if missing:
            try:
                with _opened(published, missing, is_here=is_here) as streams:
                    for file, stream in streams:
                        copy = Path(folder, file.name)
                        copy.parent.mkdir(parents=True, exist_ok=True)
                        _copy(file, stream, copy, published.builder)
            except tarfile.TarError as error:
                cause = f"cannot copy from builder {published.builder}: {error}"
                raise Unavailable(cause) from error
        for file in missing:
            (target / file.name).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, file.name).replace(target / file.name)
    copy = target / manifest_copy(published)
    replace_file(copy, published.manifest.data)
    if published.signature:
        replace_file(copy.with_name(f"{copy.name}.sig"), as_file(published.signature))
    return tuple(target / file.name for file in files)


def manifest_copy(published: Published) -> str:
    """The name of the manifest beside the copied artifacts: as in the coordination repository."""
    return f"{quoted(published.job)}-{published.attempt}{MANIFEST_SUFFIX}"


def _missing(files: Sequence[ManifestFile], target: Path) -> list[ManifestFile]:
    """The files that are not in `target` yet. Raises Conflict for another one of that name."""
    missing = [file for file in files if not (target / file.name).exists()]
    there = [(file, target / file.name) for file in files if file not in missing]
    for deviation in file_deviations(there):
        raise Conflict(
            f"{target / deviation.file} exists and differs ({deviation.problem})."
            " Remove it, or choose another folder with -o."
        )
    return missing


def _copy(file: ManifestFile, stream: IO[bytes], path: Path, builder: str) -> None:
    with path.open("wb") as target:
        found = read_digests(stream, file.digests, target.write)
    if problem := difference(file, found):
        raise ArtifactChanged(f"{file.path} on builder {builder}: {problem}")


@contextmanager
def _opened(
    published: Published, files: Sequence[ManifestFile], *, is_here: bool
) -> Iterator[Iterator[tuple[ManifestFile, IO[bytes]]]]:
    """The content of each file, to be read in turn."""
    if is_here:
        yield _files_here(published, files)
        return
    address = published.address
    if not address or address.startswith("-") or not address.isprintable():
        raise NotFound(
            f"builder {published.builder} publishes no address. Set `address` in its builder.yaml;"
            f" the artifacts are in {published.manifest.folder} there."
        )
    with tempfile.TemporaryFile() as errors, _ssh(published, files, errors) as process:
        yield _files_there(published, files, process, errors)


def _files_here(
    published: Published, files: Sequence[ManifestFile]
) -> Iterator[tuple[ManifestFile, IO[bytes]]]:
    for file in files:
        path = Path(published.manifest.folder, file.path)
        if not path.is_file():
            raise NotFound(f"{path} is no longer there. Build the job again.")
        with path.open("rb") as stream:
            yield file, stream


@contextmanager
def _ssh(
    published: Published, files: Sequence[ManifestFile], errors: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    paths = [f"./{file.path}" for file in files]
    # the far shell splits what ssh passes on; a second name of a file would be sent without content
    tar = ["tar", "--hard-dereference", "-C", published.manifest.folder, "-chf", "-"]
    remote = shlex.join([*tar, "--", *paths])
    if shutil.which("ssh") is None:
        raise BadConfiguration("ssh is not on PATH: apt-get install openssh-client")
    process = subprocess.Popen(
        [*_SSH, "--", published.address, remote],
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
    published: Published,
    files: Sequence[ManifestFile],
    process: subprocess.Popen[bytes],
    errors: IO[bytes],
) -> Iterator[tuple[ManifestFile, IO[bytes]]]:
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
        raise Unavailable(f"cannot copy from builder {published.builder}: {why}")
