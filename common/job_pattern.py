"""Which jobs a pipeline takes by itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from common.records import key, several, text


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPattern:
    """The jobs that a pipeline takes of those that name none."""

    types: tuple[str, ...] = key(several(text), ())
    """Types of jobs; any when empty."""
    branches: tuple[str, ...] = key(several(text), ())
    """Patterns of branches, where `*` also matches `/`; any when empty."""

    def fits(self, job_type: str, branch: str | None) -> bool:
        """Whether it takes a job of this type and branch."""
        return (not self.types or job_type in self.types) and (
            not self.branches
            or (branch is not None and any(fnmatchcase(branch, p) for p in self.branches))
        )
