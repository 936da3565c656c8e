"""lintian's findings about the finished packages: counted by tag, never a build failure."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.domain.pipeline import Command, StepContext

# The format is lintian's own: `E: package type: tag details`; type is left out for binary packages.
_FOUND = re.compile(r"(?P<level>[EW]): \S+(?: \w+)?: (?P<tag>[a-z0-9][A-Za-z0-9.+-]*)(?: .*)?")


@dataclass(frozen=True, slots=True)
class LintianSummary:
    """Counts of lintian's findings; overridden tags do not count."""

    errors: Mapping[str, int] = field(default_factory=dict)
    """Counts by tag."""
    warnings: Mapping[str, int] = field(default_factory=dict)
    not_run: str | None = None
    """Why there is no result; None when lintian ended normally."""

    def words(self) -> str:
        """For the step's reason: `lintian: 2 errors, 1 warning`."""
        if self.not_run:
            return f"lintian: {self.not_run}"
        counts = (("error", self.errors), ("warning", self.warnings))
        return f"lintian: {', '.join(_count(word, sum(c.values())) for word, c in counts)}"

    def values(self) -> dict[str, Any]:
        """The same as JSON."""
        if self.not_run:
            return {"not_run": self.not_run}
        return {
            "error_count": sum(self.errors.values()),
            "warning_count": sum(self.warnings.values()),
            "errors": dict(self.errors),
            "warnings": dict(self.warnings),
        }


def run_lintian(changes: Path, context: StepContext) -> LintianSummary:
    """Check all packages that `changes` names. Raises StepFailed (TIMEOUT), StepCancelled."""
    if not shutil.which("lintian", path=context.env.get("PATH", "")):
        return LintianSummary(not_run="lintian is not installed")
    lines: list[str] = []
    argv = ("lintian", "--no-cfg", "--allow-root", "--fail-on", "none", str(changes))
    command = Command(argv=argv, cwd=changes.parent, env={**context.env, "LC_ALL": "C.UTF-8"})
    code = context.commands.run(command, lines.append)
    return summarise(lines) if code == 0 else LintianSummary(not_run=f"it exited with {code}")


def summarise(lines: Iterable[str]) -> LintianSummary:
    """Count the tags in lintian's output."""
    found = Counter((m["level"], m["tag"]) for m in map(_FOUND.fullmatch, lines) if m)
    errors, warnings = (
        {tag: count for (level, tag), count in sorted(found.items()) if level == wanted}
        for wanted in "EW"
    )
    return LintianSummary(errors, warnings)


def _count(word: str, count: int) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
