"""Brings the artifacts of a job from the builder that has them, compared with the manifest."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from common.atomic_files import replace_file
from common.digests import read_digests
from common.yaml.size import format_size
from coordination_tasks.documents.paths import quoted
from coordination_tasks.domain.errors import (
    ArtifactChanged,
    BadRequest,
    Conflict,
    NotFound,
    Unavailable,
)
from coordination_tasks.farm.artifacts.manifest import ManifestFile, with_list
from coordination_tasks.farm.artifacts.published import Published
from coordination_tasks.farm.artifacts.ssh_signatures import as_file
from coordination_tasks.farm.artifacts.targets import MANIFEST_SUFFIX
from coordination_tasks.farm.artifacts.transport import BoundedStream, files_there
from coordination_tasks.farm.artifacts.verification import difference, file_deviations


def fetch(published: Published, target: Path, *, is_here: bool) -> list[tuple[ManifestFile, Path]]:
    """Copy all artifacts into the folder `target`, or none; returns them with their paths.

    Their manifest, its documents and its signature go there too. Of a manifest that is divided, the
    file that lists the others comes first, by itself.
    `is_here`: the builder is on this host; otherwise they come through ssh. Files that are there
    already are not copied again. Raises ArtifactChanged, BadRequest when the disk lacks the space,
    Conflict, NotFound, Unavailable, OSError.
    """
    target.mkdir(parents=True, exist_ok=True)
    files = published.manifest.files
    documents = tuple(published.manifest.documents.values())
    if published.manifest.is_divided:
        _fetch_files(published, files, target, is_here=is_here)
        try:
            whole = with_list(published.manifest, (target / files[0].name).read_bytes())
        except ValueError as error:
            raise ArtifactChanged(f"builder {published.builder}: {error}") from error
        files = whole.files
    _fetch_files(published, (*files, *documents), target, is_here=is_here)
    copy = target / manifest_copy(published)
    replace_file(copy, published.manifest.data)
    if published.signature:
        replace_file(copy.with_name(f"{copy.name}.sig"), as_file(published.signature))
    return [(file, target / file.name) for file in files]


def _fetch_files(
    published: Published, files: Sequence[ManifestFile], target: Path, *, is_here: bool
) -> None:
    missing = _missing(files, target)
    _check_space(missing, target)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target) as folder:
        checked = Path(folder, "checked")
        if missing:
            try:
                with _opened(published, missing, Path(folder), is_here=is_here) as streams:
                    for file, stream in streams:
                        copy = checked / file.name
                        copy.parent.mkdir(parents=True, exist_ok=True)
                        _copy(file, stream, copy, published.builder)
            except tarfile.TarError as error:
                cause = f"cannot copy from builder {published.builder}: {error}"
                raise Unavailable(cause) from error
        for file in missing:
            (target / file.name).parent.mkdir(parents=True, exist_ok=True)
            (checked / file.name).replace(target / file.name)


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


def _check_space(files: Sequence[ManifestFile], target: Path) -> None:
    needed, free = sum(file.size for file in files), shutil.disk_usage(target).free
    if needed > free:
        raise BadRequest(
            f"the artifacts need {format_size(needed)}, {target} has {format_size(free)} free."
            " Choose another folder with -o."
        )


def _copy(file: ManifestFile, stream: IO[bytes], path: Path, builder: str) -> None:
    larger = f"{file.path} on builder {builder} is larger than the {file.size} B of the manifest"
    with path.open("wb") as target:
        bounded = BoundedStream(stream, file.size, ArtifactChanged(larger))
        found = read_digests(bounded, file.digests, target.write)
    if problem := difference(file, found):
        raise ArtifactChanged(f"{file.path} on builder {builder}: {problem}")


@contextmanager
def _opened(
    published: Published, files: Sequence[ManifestFile], folder: Path, *, is_here: bool
) -> Iterator[Iterator[tuple[ManifestFile, IO[bytes]]]]:
    """The content of each file, to be read in turn; `folder` is on the disk of the copies."""
    if is_here:
        yield _files_here(published, files)
        return
    sent = folder / "sent"
    sent.mkdir()
    with files_there(published, files, sent) as streams:
        yield streams


def _files_here(
    published: Published, files: Sequence[ManifestFile]
) -> Iterator[tuple[ManifestFile, IO[bytes]]]:
    for file in files:
        path = Path(published.manifest.folder, file.path)
        if not path.is_file():
            raise NotFound(f"{path} is no longer there. Build the job again.")
        with path.open("rb") as stream:
            yield file, stream
