"""The artifact manifest: the files that a job made, with their digests and provenance.

Its keys are those of the coordination repository's manifests (`job_id`, `server`, …,
`artifacts: [{name, path, size_bytes, checksums}]`); what we know besides is in `provenance`, and in
further keys of an artifact. `docs/artifact-manifest.schema.json` is its schema.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.digests import Digests, file_digests, on_all_cores
from pipelines.artifacts.debian_files import LISTS, control_fields, is_package, listed_in
from pipelines.artifacts.media_types import media_type

FORMAT = 2
"""Of what is in `provenance` and in the further keys; manifests without it have format 1."""
MOST_BYTES = 1024**2
"""Of a manifest in the coordination repository, which each builder fetches."""
LIST = "manifest-list.json"
_ALGORITHMS = ("md5", "sha256", "sha512")
_FROM_STEPS = (
    *("packages", "grade", "rungs", "substitutions", "toolchain", "commands", "tests"),
    *("lintian", "install_test", "java", "maven", "left_out", "open_modules"),
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file, with what the manifest says about it."""

    name: str
    path: str
    """Relative to the manifest's `build_dir`."""
    digests: Digests
    listed_in: Sequence[str] = ()
    """Names of the `.changes` and `.buildinfo` that list the file with this digest."""
    control: Mapping[str, str] | None = None
    """Fields of a package; None for any other file, and for a package that is broken."""

    def as_json(self) -> dict[str, Any]:
        """Its entry in the manifest."""
        entry: dict[str, Any] = {
            "name": self.name,
            "path": self.path,
            "size_bytes": self.digests.size,
            "checksums": dict(self.digests.by_algorithm),
            "media_type": media_type(self.name),
        }
        if is_package(self.name):
            entry["control"] = None if self.control is None else dict(self.control)
        if self.listed_in:
            entry["listed_in"] = list(self.listed_in)
        return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The job and builder of the artifacts."""

    job_id: str
    builder: str
    branch: str | None
    commit: str
    build_dir: str


def read_artifacts(
    paths: Sequence[Path], build_dir: Path, check: Callable[[], None] = lambda: None
) -> list[Artifact]:
    """Read each file once for all its digests, on all cores, and packages for their fields.

    `check` is called between files. Raises OSError.
    """
    lists = listed_in(path for path in paths if path.suffix in LISTS)
    artifacts = []
    read = on_all_cores(lambda path: file_digests(path, _ALGORITHMS), paths, check)
    for path, digests in zip(paths, read, strict=True):
        control = control_fields(path) if is_package(path.name) else None
        artifacts.append(
            Artifact(
                name=path.name,
                path=str(path.relative_to(build_dir)),
                digests=digests,
                listed_in=lists.get((path.name, digests.by_algorithm["sha256"]), ()),
                control=control,
            )
        )
    return sorted(artifacts, key=lambda artifact: artifact.path)


def manifest_document(
    origin: Origin, artifacts: Sequence[Artifact], provenance: Mapping[str, Any], created_at: str
) -> dict[str, Any]:
    """The manifest as JSON data, without `documents`.

    `created_at` is UTC, `2025-10-29T12:00:00Z`.
    """
    return {
        "job_id": origin.job_id,
        "server": origin.builder,
        "branch": origin.branch,
        "commit": origin.commit,
        "created_at": created_at,
        "build_dir": origin.build_dir,
        "artifacts": [artifact.as_json() for artifact in artifacts],
        "artifact_count": len(artifacts),
        "total_size_bytes": sum(artifact.digests.size for artifact in artifacts),
        "provenance": {"format": FORMAT, **provenance},
    }


def document_entry(name: str, path: str, data: bytes) -> dict[str, Any]:
    """What the manifest says about a file that is written beside it."""
    return {
        "name": name,
        "path": path,
        "size_bytes": len(data),
        "checksums": {each: hashlib.new(each, data).hexdigest() for each in _ALGORITHMS},
        "media_type": media_type(name),
    }


def divided(document: dict[str, Any]) -> tuple[dict[str, Any], bytes | None]:
    """The manifest for the coordination repository, and the rest of it if that would be too long.

    The rest is for a file LIST in `build_dir`, which is then the manifest's only artifact.
    """
    if len(manifest_bytes(document)) <= MOST_BYTES:
        return document, None
    steps = document["provenance"].get("steps", {})
    rest = {"artifacts": document["artifacts"], "steps": steps}
    data = manifest_bytes(rest)
    entry = document_entry(LIST, LIST, data)
    grades = {
        step: {"grade": values["grade"]} for step, values in steps.items() if "grade" in values
    }
    provenance = {**document["provenance"], "steps": grades}
    return {**document, "artifacts": [entry], "list": LIST, "provenance": provenance}, data


def listed_artifacts(document: Mapping[str, Any], build_dir: Path) -> list[dict[str, Any]]:
    """The entries of all artifacts, also of those in the file LIST. Raises OSError, ValueError."""
    entries = list(document["artifacts"])
    if "list" in document:
        entries += json.loads((build_dir / LIST).read_bytes())["artifacts"]
    return entries


def manifest_bytes(document: Mapping[str, Any]) -> bytes:
    """Its canonical form: the keys in the order of `manifest_document`, artifacts by path."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def says_the_same(old: Any, new: Mapping[str, Any]) -> bool:
    """Whether an existing manifest differs from `new` only in its creation time."""
    return isinstance(old, dict) and {**old, "created_at": None} == {**new, "created_at": None}


def how_made(upstream: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The provenance of the steps' results, by step kind."""
    told = {
        kind: {key: values[key] for key in _FROM_STEPS if key in values}
        for kind, values in upstream.items()
    }
    return {kind: values for kind, values in told.items() if values}
