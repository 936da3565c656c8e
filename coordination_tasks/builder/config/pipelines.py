"""`pipelines_source` in `builder.yaml`: pipelines that all builders take from one branch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from common.records import key, optional, text
from common.settings.pipelines_source import PipelinesSource

_SCP = re.compile(r"(?:[^@/:]+@)?([^/:]+):(?!//)(.*)", re.DOTALL)
_URL = re.compile(r"[a-z+]+://(?:[^@/]*@)?([^/]*)/?(.*)", re.DOTALL | re.IGNORECASE)


def _inside(value: Any) -> str:
    found = text(value)
    path = PurePosixPath(found)
    if not found or path.is_absolute() or ".." in path.parts or not found.isprintable():
        raise ValueError(f"expected a path inside the repository, found {found[:100]!r}")
    return str(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelinesSourceFile:
    """The entry; `docs/configuration.md` describes each key."""

    repository: str = key(text)
    branch: str = key(text, "main")
    path: str = key(_inside, "pipelines.yaml")
    allowed_signers: str | None = key(optional(text), None)


def pipelines_source(
    entry: PipelinesSourceFile,
    *,
    coordination: str,
    state_dir: Path,
    remote: Callable[[str], str],
    path: Callable[[str], Path],
) -> PipelinesSource:
    """The settings; `remote` and `path` make names absolute. `state_dir` is that of the host."""
    repository = remote(entry.repository)
    what = "\n".join((repository, entry.branch, entry.path))
    return PipelinesSource(
        repository=repository,
        branch=entry.branch,
        path=entry.path,
        allowed_signers=path(entry.allowed_signers) if entry.allowed_signers else None,
        folder=state_dir / ".pipelines" / hashlib.sha256(what.encode()).hexdigest()[:16],
        is_coordination=_place(repository) == _place(coordination),
    )


def _place(repository: str) -> tuple[str, str]:
    """Host and path: the same for each way to write an address, whatever user and transport are."""
    found = _URL.fullmatch(repository) or _SCP.fullmatch(repository)
    host, path = (found[1], found[2]) if found else ("", repository)
    name = path.strip("/").removesuffix(".git").strip("/")
    return host.partition(":")[0].lower(), name
