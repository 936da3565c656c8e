"""What a person means by a job, a manifest or a folder: a manifest, and where its files are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.states import State
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.errors import BadRequest, NotFound
from coordination_tasks.domain.model import is_builder_id
from coordination_tasks.farm.artifacts.manifest import (
    Manifest,
    ManifestFile,
    read_manifest,
    with_list,
)
from coordination_tasks.farm.artifacts.published import Published, find_published, good_ends
from coordination_tasks.store.snapshot import Snapshot

MANIFEST_SUFFIX = "-manifest.json"
DOCUMENT_SUFFIXES = (
    MANIFEST_SUFFIX,
    f"{MANIFEST_SUFFIX}.sig",
    "-sbom.cdx.json",
    "-provenance.intoto.json",
)
"""Of the files that describe artifacts and lie beside copies of them."""
WORKSPACE_MANIFEST = "manifest.json"
"""The manifest in the folder of a job on its builder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A manifest, and where its files are on this host."""

    title: str
    """Where the manifest is: its file, or its path in the coordination repository."""
    manifest: Manifest
    folder: Path
    files: Sequence[tuple[ManifestFile, Path]]
    documents: Mapping[str, tuple[ManifestFile, Path]]
    """By role."""


def is_here(config: BuilderConfig, builder: str) -> bool:
    """Whether a builder is on this host."""
    return is_builder_id(builder) and (config.state_dir.parent / builder).is_dir()


def of_job(published: Published, config: BuilderConfig) -> Target:
    """The artifacts on the disk of their builder. Raises NotFound when that is another host."""
    if not is_here(config, published.builder):
        raise NotFound(
            f"the artifacts of job {published.job} are on builder {published.builder}."
            f" Copy them with `doit fetch {published.job}`, and name their folder."
        )
    return _on_builder(published.path, published.manifest)


def of_jobs_here(snapshot: Snapshot, config: BuilderConfig) -> list[Target]:
    """The artifacts of all finished jobs in the queue that are still on this host."""
    found = []
    for job in snapshot.jobs():
        if job.state is not State.SUCCEEDED:
            continue
        ends = good_ends(snapshot, job.id)
        if ends and is_here(config, ends[-1].builder):
            try:
                target = of_job(find_published(snapshot, job.id), config)
            except NotFound:
                continue  # a pipeline without artifacts
            if target.folder.is_dir():
                found.append(target)
    return found


def of_manifest(path: Path) -> Target:
    """The artifacts beside a file with their manifest, or else on their builder.

    Raises BadRequest, OSError.
    """
    try:
        manifest = read_manifest(path.read_bytes())
    except ValueError as error:
        raise BadRequest(f"{path}: invalid manifest: {error}") from error
    manifest = whole(manifest, lambda file: path.parent / file.name)
    beside = [(file, path.parent / file.name) for file in manifest.files]
    is_workspace = path.name == WORKSPACE_MANIFEST and path.parent == Path(manifest.folder)
    if is_workspace or not any(place.exists() for _, place in beside):
        return _on_builder(str(path), manifest)
    return Target(
        title=str(path),
        manifest=manifest,
        folder=path.parent,
        files=beside,
        documents={
            role: (file, path.parent / file.name) for role, file in manifest.documents.items()
        },
    )


def of_folder(folder: Path) -> list[Target]:
    """The artifacts of each manifest in a folder. Raises BadRequest, OSError."""
    paths = sorted({*folder.glob(f"*{MANIFEST_SUFFIX}"), *folder.glob(WORKSPACE_MANIFEST)})
    if not paths:
        raise BadRequest(f"{folder}: no manifest in this folder (`doit fetch` copies it there)")
    return [of_manifest(path) for path in paths]


def _on_builder(title: str, manifest: Manifest) -> Target:
    manifest = whole(manifest, manifest.place)
    files = [(file, manifest.place(file)) for file in manifest.files]
    documents = {role: (file, manifest.place(file)) for role, file in manifest.documents.items()}
    return Target(
        title=title,
        manifest=manifest,
        folder=Path(manifest.folder),
        files=files,
        documents=documents,
    )


def whole(manifest: Manifest, place: Callable[[ManifestFile], Path]) -> Manifest:
    """With all files, if the one that lists them is there; comparing it shows what is wrong."""
    if manifest.is_divided:
        with suppress(OSError, ValueError):
            return with_list(manifest, place(manifest.files[0]).read_bytes())
    return manifest
