"""Where the pipelines of a farm come from: `pipelines_source` in `builder.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelinesSource:
    """A branch of a repository that holds the pipelines of all builders; paths are absolute."""

    repository: str
    branch: str
    path: str
    """The pipelines file in the repository."""
    allowed_signers: Path | None
    """The file of keys whose commits count; None: every commit of the branch counts."""
    folder: Path
    """Where this host keeps its copies; its builders share it."""
    is_coordination: bool
    """Whether it is the coordination repository, into which more people may push."""

    def __str__(self) -> str:
        return f"branch {self.branch} of the pipelines source"
