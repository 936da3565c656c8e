"""The artifact manifest: the files that a job made, with their digests and provenance.

Its keys are those of the coordination repository's manifests (`job_id`, `server`, …,
`artifacts: [{name, path, size_bytes, checksums}]`); everything of our own is in `provenance`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20
_FROM_STEPS = (
    *("packages", "grade", "rungs", "substitutions", "toolchain", "commands", "tests"),
    *("lintian", "install_test"),
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file, with the digests of the manifest."""

    name: str
    path: str
    """Relative to the manifest's `build_dir`."""
    size_bytes: int
    md5: str
    sha256: str
    sha512: str

    def as_json(self) -> dict[str, Any]:
        """Its entry in the manifest."""
        return {
            "name": self.name,
            "path": self.path,
            "size_bytes": self.size_bytes,
            "checksums": {"md5": self.md5, "sha256": self.sha256, "sha512": self.sha512},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The job and builder of the artifacts."""

    job_id: str
    builder: str
    branch: str | None
    commit: str
    build_dir: str


def read_artifact(path: Path, build_dir: Path) -> Artifact:
    """Read a file once for all three digests."""
    digests = (hashlib.md5(usedforsecurity=False), hashlib.sha256(), hashlib.sha512())
    size = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            for digest in digests:
                digest.update(chunk)
    md5, sha256, sha512 = (digest.hexdigest() for digest in digests)
    return Artifact(path.name, str(path.relative_to(build_dir)), size, md5, sha256, sha512)


def manifest_document(
    origin: Origin, artifacts: Sequence[Artifact], provenance: Mapping[str, Any], created_at: str
) -> dict[str, Any]:
    """The complete manifest as JSON data; `created_at` is UTC, `2025-10-29T12:00:00Z`."""
    return {
        "job_id": origin.job_id,
        "server": origin.builder,
        "branch": origin.branch,
        "commit": origin.commit,
        "created_at": created_at,
        "build_dir": origin.build_dir,
        "artifacts": [artifact.as_json() for artifact in artifacts],
        "artifact_count": len(artifacts),
        "total_size_bytes": sum(artifact.size_bytes for artifact in artifacts),
        "provenance": dict(provenance),
    }


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
