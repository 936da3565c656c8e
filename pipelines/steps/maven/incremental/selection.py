"""Which modules Maven built, which it took from earlier builds, and why. Pure.

Never Maven's own `-rf` hint: with `-T` it skips modules that were never built (MNG-5571).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.maven.output.events import BuildEvents, Origin


@dataclass(frozen=True, slots=True)
class KeptModule:
    """A module whose results are those of an earlier build."""

    name: str
    reason: str
    origin: Origin

    def values(self) -> dict[str, str]:
        """As JSON."""
        return {
            "name": self.name,
            "reason": self.reason,
            "job": self.origin.job,
            "commit": self.origin.commit,
            "key": self.origin.digest,
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """The modules that Maven built and skipped."""

    reason: str = ""
    """Empty when no module may be skipped here."""
    left_out: tuple[KeptModule, ...] = ()
    open_modules: Mapping[str, str] = field(default_factory=dict)
    """Names of the modules with unknown inputs, each with the reason."""
    is_surprise: bool = False
    """Whether more was built than the options let people expect."""

    def values(self) -> dict[str, object]:
        """As JSON."""
        return {
            "selection": self.reason,
            "left_out": [kept.values() for kept in self.left_out],
            "open_modules": [
                {"name": name, "reason": why} for name, why in self.open_modules.items()
            ],
        }


def selection_of(
    events: BuildEvents, runs_before: int, job: str, why_all: str, *, is_surprise: bool
) -> Selection:
    """What the runs after this number of runs did in `job`; `why_all`: why all was built."""
    left = tuple(_kept(events, runs_before, job))
    open_modules = {m.name: m.open for m in events.modules.values() if m.open}
    if left:
        return Selection(f"{len(left)} modules are already built", left, open_modules)
    reason = why_all or events.why_all or "no results are kept of these inputs"
    return Selection(reason, left, open_modules, is_surprise and bool(why_all))


def _kept(events: BuildEvents, runs_before: int, job: str) -> Iterator[KeptModule]:
    for module in events.modules.values():
        if module.origin and module.left_out > runs_before and module.run <= runs_before:
            origin = module.origin
            whose = f"unchanged since commit {origin.commit[:12]}, built by job {origin.job}"
            reason = "built by an earlier try of this job" if origin.job == job else whose
            yield KeptModule(module.name, reason, origin)


def unresolved(events: BuildEvents, error: StepFailed) -> str:
    """Why a run that used kept modules failed, if they are to blame; otherwise ""."""
    if events.stale:
        return events.stale
    left = [m for m in events.modules.values() if m.left_out == events.runs]
    if error.code not in {FailureCode.MAVEN_DEPENDENCY, FailureCode.MAVEN_POM} or not left:
        return ""
    said = f"{error.message}\n{error.excerpt}"
    found = next((key for key in events.modules if f"{key}:" in said), "")
    return found and f"cannot resolve {found}, which was skipped"
