"""A manifest as its readers understand it, whoever wrote it: this program or an older one."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

DIGESTS = ("sha256", "sha512")
"""What a file is compared by; MD5 proves nothing."""
SBOM, PROVENANCE = "sbom", "provenance"
"""Roles of documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFile:
    """An artifact of a manifest."""

    name: str
    """Of a copy; with its folders if another artifact has the same name."""
    path: str
    """Relative to the manifest's `folder`."""
    size: int
    digests: Mapping[str, str]
    """By algorithm, at least one of DIGESTS."""

    @property
    def digest(self) -> str:
        """Its SHA-256, or else another one of DIGESTS."""
        return next(self.digests[name] for name in DIGESTS if name in self.digests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The list of the files that a job made."""

    job: str
    builder: str
    branch: str | None
    commit: str
    folder: str
    """Of the files, on the builder."""
    files: tuple[ManifestFile, ...]
    grade: str
    """Of the packages; "" without packages."""
    count: int
    """Of all files."""
    size: int
    """Bytes of all files."""
    data: bytes
    """As it was written."""
    documents: Mapping[str, ManifestFile] = field(default_factory=dict)
    """What describes the files: SBOM and PROVENANCE; none in manifests of older programs."""
    attempt: int = 0
    """That listed the files; 0 if the manifest does not say it."""
    plan: str = ""
    """SHA-256 of that attempt's plan; "" if the manifest does not say it."""
    list_path: str = ""
    """Path of the file that lists the others of a manifest that was divided."""
    is_divided: bool = False
    """Whether the only one of `files` lists the others: see `with_list`."""

    @property
    def sha256(self) -> str:
        """Of the manifest itself."""
        return hashlib.sha256(self.data).hexdigest()

    def place(self, file: ManifestFile) -> Path:
        """The file on its builder."""
        return Path(self.folder, file.path)


def read_manifest(data: bytes) -> Manifest:
    """Raises ValueError with a readable message."""
    try:
        found = json.loads(data)
        files = _files(found["artifacts"])
        is_divided = "list" in found
        made = found.get("provenance")
        made = made if isinstance(made, dict) else {}
        attempt = made.get("attempt")
        return Manifest(
            job=str(found.get("job_id", "")),
            builder=str(found.get("server", "")),
            branch=None if found.get("branch") is None else str(found["branch"]),
            commit=str(found.get("commit", "")),
            folder=_folder(str(found["build_dir"])),
            files=files,
            grade=_grade(made),
            count=int(found["artifact_count"]) if is_divided else len(files),
            size=int(found["total_size_bytes"]) if is_divided else sum(f.size for f in files),
            data=data,
            attempt=attempt if isinstance(attempt, int) else 0,
            plan=str(made.get("plan") or ""),
            list_path=str(found["list"]) if is_divided else "",
            documents={
                str(role): _file(entry) for role, entry in found.get("documents", {}).items()
            },
            is_divided=is_divided and len(files) == 1,
        )
    except KeyError as error:
        raise ValueError(f"missing key {error}") from error
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def with_list(manifest: Manifest, data: bytes) -> Manifest:
    """The manifest with all its files, from the content of the one that lists them.

    Raises ValueError with a readable message.
    """
    [own] = manifest.files
    found = {name: hashlib.new(name, data).hexdigest() for name in own.digests}
    if found != dict(own.digests):
        raise ValueError(f"{own.path} was changed")
    try:
        return replace(
            manifest, files=(own, *_files(json.loads(data)["artifacts"])), is_divided=False
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{own.path} is unreadable: {error}") from error


def _files(entries: list[Mapping[str, object]]) -> tuple[ManifestFile, ...]:
    files = [_file(entry) for entry in entries]
    count = Counter(file.name for file in files)
    return tuple(replace(file, name=file.path) if count[file.name] > 1 else file for file in files)


def _folder(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"invalid folder {text[:80]!r}")
    return text


def _file(entry: Mapping[str, object]) -> ManifestFile:
    checksums = entry["checksums"]
    path = PurePosixPath(str(entry["path"]))
    name = str(entry["name"])
    if path.is_absolute() or ".." in path.parts or not str(path).isprintable():
        raise ValueError(f"invalid path of artifact {name[:80]!r}")
    if not name or "/" in name or name in {".", ".."} or not name.isprintable():
        raise ValueError(f"invalid name {name[:80]!r}")
    known = checksums if isinstance(checksums, dict) else {}
    digests = {each: str(known[each]) for each in DIGESTS if each in known}
    if not digests:
        raise ValueError(f"artifact {name[:80]!r} has no digest ({' or '.join(DIGESTS)})")
    return ManifestFile(
        name=name, path=str(path), size=int(str(entry["size_bytes"])), digests=digests
    )


def _grade(provenance: Mapping[str, object]) -> str:
    steps = provenance.get("steps")
    packaging = steps.get("build-deb") if isinstance(steps, dict) else None
    grade = packaging.get("grade") if isinstance(packaging, dict) else None
    return grade if isinstance(grade, str) else ""
