"""Files that builders share: each on a branch of its own, until it expires.

A small file is in the branch itself. Of a large one the branch has only the description: the file
is in `shared` of its builder's state_dir, and comes through ssh.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from common.digests import file_sha256
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.errors import ArtifactChanged, BadRequest, Conflict, NotFound
from coordination_tasks.domain.model import is_builder_id
from coordination_tasks.domain.timestamps import format_time, parse_time
from coordination_tasks.farm.artifacts.copies import fetch
from coordination_tasks.farm.artifacts.manifest import Manifest, ManifestFile
from coordination_tasks.farm.artifacts.published import Published
from coordination_tasks.farm.artifacts.targets import is_here
from coordination_tasks.repository.git.branches import GitBranches
from coordination_tasks.store.snapshot import Snapshot

BRANCH_PREFIX = "shared-"
MOST_IN_REPOSITORY = 1024**2
"""Bytes of a file that travels through the repository."""
_ABOUT, _CONTENT = "about.json", "content"
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFile:
    """A file that somebody shares."""

    id: str
    name: str
    size: int
    """Bytes."""
    sha256: str
    builder: str
    """From which it comes."""
    by: str
    """The person who shares it."""
    to: str
    """The builder that it is for; "": all."""
    at: datetime
    expires: datetime
    folder: str
    """Of a large one, on its builder; "": it is in the repository."""

    @property
    def branch(self) -> str:
        """Where it is in the repository."""
        return f"{BRANCH_PREFIX}{self.id}"


def share(
    config: BuilderConfig, branches: GitBranches, path: Path, wanted: SharedFile
) -> SharedFile:
    """Share the file `path` as `wanted` says, whose id, size, digest and folder are set here.

    Raises BadRequest, OSError, and what writing a branch raises.
    """
    if not _is_name(wanted.name):
        raise BadRequest(f"invalid name of a file {wanted.name[:80]!r}")
    file = replace(
        wanted, id=uuid.uuid4().hex[:10], size=path.stat().st_size, sha256=file_sha256(path)
    )
    files = {}
    if file.size <= MOST_IN_REPOSITORY:
        files[_CONTENT] = path.read_bytes()
    else:
        folder = _own_folder(config) / file.id
        folder.mkdir(parents=True)
        shutil.copyfile(path, folder / file.name)
        file = replace(file, folder=str(folder))
    files[_ABOUT] = _written(file)
    try:
        branches.add(file.branch, files, f"{file.builder}: share {file.name}", file.at)
    except BaseException:
        if file.folder:
            shutil.rmtree(file.folder)
        raise
    return file


def shared_files(branches: GitBranches) -> list[SharedFile]:
    """All shared files, the newest first; those whose description is unreadable are left out."""
    found = branches.read_all(f"{BRANCH_PREFIX}*", _ABOUT)
    files = (_read(branch, data) for branch, data in found.items())
    return sorted(filter(None, files), key=lambda file: file.at, reverse=True)


def find(files: Iterable[SharedFile], wanted: str) -> SharedFile:
    """The file with an id, or else the newest of a name. Raises NotFound."""
    for file in (known := list(files)):
        if file.id == wanted:
            return file
    for file in known:
        if file.name == wanted:
            return file
    raise NotFound(f"no shared file is called {wanted[:80]!r}; `doit shared` lists them")


def get(
    config: BuilderConfig,
    branches: GitBranches,
    snapshot: Snapshot,
    file: SharedFile,
    folder: Path,
) -> Path:
    """Copy a file into a folder, compared with its digest; returns its path.

    Raises Conflict for another file of that name, ArtifactChanged, NotFound, Unavailable, OSError.
    """
    target = folder / file.name
    if target.exists():
        if file_sha256(target) == file.sha256:
            return target
        raise Conflict(f"{target} exists and differs. Remove it, or choose another folder with -o.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".shared-", dir=folder) as place:
        copy = Path(place, file.name)
        if file.folder:
            fetch(_as_artifact(snapshot, file), Path(place), is_here=is_here(config, file.builder))
        else:
            copy.write_bytes(branches.read(file.branch, _CONTENT))
        if (found := file_sha256(copy)) != file.sha256:
            raise ArtifactChanged(
                f"{file.name}: its SHA-256 is {found[:16]}…, expected {file.sha256[:16]}…"
            )
        copy.replace(target)
    return target


def remove(config: BuilderConfig, branches: GitBranches, files: Iterable[SharedFile]) -> None:
    """Share these files no longer; on their own builder, the copies go too."""
    names = {file.branch for file in files}
    if names:
        there = branches.named([f"{BRANCH_PREFIX}*"])
        with suppress(Conflict):  # another builder has just removed one; the others stay until then
            branches.remove({name: commit for name, commit in there.items() if name in names})
    _drop_copies(config, kept={*branches.named([f"{BRANCH_PREFIX}*"])})


def _drop_copies(config: BuilderConfig, kept: set[str]) -> None:
    with suppress(FileNotFoundError):
        for folder in _own_folder(config).iterdir():
            if f"{BRANCH_PREFIX}{folder.name}" not in kept:
                shutil.rmtree(folder)


def _own_folder(config: BuilderConfig) -> Path:
    return config.state_dir / "shared"


def _as_artifact(snapshot: Snapshot, file: SharedFile) -> Published:
    entry = ManifestFile(
        name=file.name, path=file.name, size=file.size, digests={"sha256": file.sha256}
    )
    status = snapshot.builder_status(snapshot.present_name(file.builder))
    return Published(
        job=file.id,
        attempt=0,
        builder=file.builder,
        path=file.branch,
        address=status.address or status.ip,
        manifest=Manifest(
            job=file.id,
            builder=file.builder,
            branch=None,
            commit="",
            folder=file.folder,
            files=(entry,),
            count=1,
            size=file.size,
            grade="",
            data=b"",
        ),
        signature="",
        at=file.at,
    )


def _written(file: SharedFile) -> bytes:
    found = {
        "name": file.name,
        "size_bytes": file.size,
        "sha256": file.sha256,
        "from": file.builder,
        "by": file.by,
        "to": file.to,
        "at": format_time(file.at),
        "expires": format_time(file.expires),
        "folder": file.folder,
    }
    return (json.dumps(found, indent=2) + "\n").encode()


def _read(branch: str, data: bytes) -> SharedFile | None:
    """What a branch describes; None: it is none of ours, or somebody broke it."""
    with suppress(ValueError, LookupError, TypeError):
        found = json.loads(data)
        at, expires = parse_time(found["at"]), parse_time(found["expires"])
        name, sha256, builder = str(found["name"]), str(found["sha256"]), str(found["from"])
        size, folder = int(found["size_bytes"]), str(found["folder"])
        digest = bytes.fromhex(sha256)
        fits = len(digest) == hashlib.sha256().digest_size and folder.isprintable() and size >= 0
        if at and expires and fits and _is_name(name) and is_builder_id(builder):
            return SharedFile(
                id=branch.removeprefix(BRANCH_PREFIX),
                name=name,
                size=size,
                sha256=sha256,
                builder=builder,
                by=str(found["by"]),
                to=str(found["to"]),
                at=at,
                expires=expires,
                folder=folder,
            )
    return None


def _is_name(name: str) -> bool:
    return (
        0 < len(name) <= _LONGEST_NAME
        and name.isprintable()
        and not ("/" in name or name.startswith("."))
    )


def expired(files: Iterable[SharedFile], now: datetime) -> Iterator[SharedFile]:
    """Those that nobody shares any more."""
    return (file for file in files if file.expires <= now)
