"""What a builder's owner says about the sandbox of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class SandboxKind(StrEnum):
    """How the commands of steps are separated from their builder."""

    BWRAP = "bwrap"
    NONE = "none"


class Access(StrEnum):
    """What steps may do with a path outside their job."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """For all steps of a builder. All paths are absolute."""

    kind: SandboxKind | None = None
    """None: bwrap where it works, otherwise none."""
    paths: Mapping[Path, Access] = field(default_factory=dict)
    """Files and folders of this host that steps may use, besides those of the system."""
    hidden: tuple[Path, ...] = ()
    """Files and folders of the builder itself, which no step may see whatever `paths` says."""
