"""The report of a finished or failed build of Maven: its modules, with their durations. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import StepResult
from pipelines.steps.maven.incremental.selection import Selection
from pipelines.steps.maven.output.events import BuildEvents, BuiltModule
from pipelines.steps.maven.output.log import MavenLog, ModuleResult, Reactor
from pipelines.steps.maven.output.surefire import SurefireResults

_SLOWEST = 3
_SHORTEST_SHOWN = 0.1
_SHOWN_NAMES = 5
_UNFINISHED = (FailureCode.TIMEOUT, FailureCode.KILLED)


@dataclass(frozen=True, slots=True)
class ModuleRun:
    """A module in one run of Maven, or in the runs of one packaging."""

    name: str
    result: ModuleResult | None
    """None when the build ended while the module was built."""
    seconds: float | None
    """Of all these runs; None when none of them ended it."""
    why: str = ""
    """Why it was built although others were kept; empty when unknown."""
    artifact: str = ""
    """Shorter than most names, and accepted by `-pl`; known only from the events."""

    def values(self) -> dict[str, Any]:
        """As JSON."""
        result = self.result.value if self.result else None
        why = {"why": self.why} if self.why else {}
        return {"name": self.name, "result": result, "seconds": self.seconds, **why}


@dataclass(frozen=True, slots=True)
class MavenReport:
    """One run of Maven, or all runs of one packaging."""

    modules: tuple[ModuleRun, ...] = ()
    """The started modules."""
    files: tuple[Path, ...] = ()
    """The installed files, including those of earlier runs of the same record."""
    exact: bool = True
    """From Maven's events; otherwise from its log."""

    @property
    def slowest(self) -> str:
        """`slowest: cloud-server 81.2 s, cloud-api 40.1 s`; empty for a single module."""
        timed = [
            (m.seconds, m.artifact or m.name)
            for m in self.modules
            if (m.seconds or 0) >= _SHORTEST_SHOWN
        ]
        if len(timed) < 2:  # noqa: PLR2004 - one is always the slowest
            return ""
        shown = sorted(timed, reverse=True)[:_SLOWEST]
        return f"slowest: {', '.join(f'{name} {seconds:.1f} s' for seconds, name in shown)}"

    def values(self) -> dict[str, Any]:
        """The modules as JSON."""
        return {"modules": [module.values() for module in self.modules]}

    def result(
        self,
        selection: Selection,
        tests: SurefireResults,
        versions: Mapping[str, str],
        no_events: str,
        did: str,
    ) -> StepResult:
        """The result of a step that built `selection`; `did` is the verb for it."""
        exact = self.exact and not no_events
        values = {
            **versions,
            **self.values(),
            **selection.values(),
            **tests.results(),
            "module_times": "exact" if exact else f"from the log: {no_events or 'no events'}",
        }
        parts = [self._built(selection, did), tests.words(), self.slowest, open_words(selection)]
        return StepResult(
            reason="; ".join([", ".join(filter(None, parts[:2])), *filter(None, parts[2:])]),
            outputs=tuple(file for file in self.files if file.is_file()),
            values=values,
        )

    def _built(self, selection: Selection, did: str) -> str:
        count = len(self.modules)
        built = f"{did} 1 module" if count == 1 else f"{did} {count} modules"
        if not selection.left_out:
            return f"{built}, all because {selection.reason}" if selection.is_surprise else built
        return f"{built}, {skipped_words(selection)}"

    def interrupted(self, failure: StepFailed) -> StepFailed:
        """`failure` with the state of this run."""
        at = [module.name for module in self.modules if module.result is None]
        failed = [m.name for m in self.modules if m.result is ModuleResult.FAILURE]
        built = sum(module.result is ModuleResult.SUCCESS for module in self.modules)
        where = f", in {', '.join(at)}" if at and failure.code in _UNFINISHED else ""
        details = {"modules_built": built, "modules_failed": failed, "modules_running": at}
        return StepFailed(
            failure.code,
            f"{failure.message}{where}",
            excerpt=failure.excerpt,
            retryable=failure.retryable,
            log=failure.log,
            details={**failure.details, **details},
        )


def report_of(events: BuildEvents, runs_before: int, log: MavenLog) -> MavenReport:
    """From the events after this number of runs of Maven, otherwise from the log."""
    if events.runs > runs_before:
        begun = [m for m in events.modules.values() if m.run > runs_before]
        return MavenReport(tuple(_run(m, runs_before) for m in begun), installed_files(events))
    runs: dict[str, ModuleRun] = {}
    for reactor in log.reactors:
        runs |= {run.name: _together(runs.get(run.name), run) for run in _logged_runs(reactor)}
    installed = dict.fromkeys(path for reactor in log.reactors for path in reactor.installed)
    return MavenReport(tuple(runs.values()), tuple(map(Path, installed)), exact=False)


def _run(module: BuiltModule, runs_before: int) -> ModuleRun:
    times = [seconds for run, seconds in module.times.items() if run > runs_before]
    artifact = module.key.partition(":")[2]
    seconds = sum(times) if times else None
    return ModuleRun(module.name, module.result, seconds, module.why, artifact)


def _logged_runs(reactor: Reactor) -> Iterator[ModuleRun]:
    summed_up = {module.name: module for module in reactor.modules}
    result = ModuleResult.SUCCESS if reactor.succeeded else None
    for name in reactor.started:
        found = summed_up.get(name)
        yield ModuleRun(name, found.result if found else result, found.seconds if found else None)


def _together(earlier: ModuleRun | None, run: ModuleRun) -> ModuleRun:
    times = [each.seconds for each in (earlier, run) if each and each.seconds is not None]
    return replace(run, seconds=sum(times) if times else None)


def skipped_words(selection: Selection) -> str:
    """`skipped 2 already built (core, api)`; empty when none was."""
    names = [kept.name for kept in selection.left_out]
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    shown = ", ".join(names[:_SHOWN_NAMES])
    return f"skipped {len(names)} already built ({shown}{more})" if names else ""


def open_words(selection: Selection) -> str:
    """`open modules: web (exec-maven-plugin)`; empty when no module could have been skipped."""
    if not (selection.left_out and selection.open_modules):
        return ""
    named = [f"{name} ({why})" for name, why in selection.open_modules.items()]
    more = f" and {len(named) - _SHOWN_NAMES} more" if len(named) > _SHOWN_NAMES else ""
    return f"open modules: {', '.join(named[:_SHOWN_NAMES])}{more}"


def installed_files(events: BuildEvents) -> tuple[Path, ...]:
    """The installed files of all modules, including those that an earlier run built."""
    return tuple(file for m in events.modules.values() for file in m.files)
