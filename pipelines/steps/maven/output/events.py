"""The events of a build's modules, as ModuleEventSpy.java writes them while Maven runs.

One line an event, fields with tabs between them, the first is the time in milliseconds of the
epoch: `run`; `planned KEY POM NAME`; `builds KEY FOLDER`; `all WHY` when every module is built;
`why KEY WHY` when this one is; `open KEY WHY` when its inputs are not all known; `left KEY DIGEST
JOB COMMIT` when its kept results, made from inputs with that digest, are used; `stale KEY WHAT`
when something changed what was used; `resolved KEY ID ITEM...` of the artifacts that it uses (see
`resolved.py`); `started KEY`; `file KEY PATH` of an installed file;
`succeeded|failed|skipped KEY`; `ended succeeded|failed`. A key is `group:artifact`. Unlike the log,
events are exact even with `-T`, and survive `kill -9`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.steps.maven.output.log import ModuleResult

_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the results of a module that was not built come from."""

    digest: str
    """Of everything that they were made from."""
    job: str
    commit: str


@dataclass(slots=True)
class BuiltModule:
    """One module, with its progress in the latest run that started it."""

    key: str
    pom: Path
    name: str
    result: ModuleResult | None = None
    """None before and during its build, and after a kill."""
    times: dict[int, float] = field(default_factory=dict)
    """Seconds by the number of the run; without runs that did not end it."""
    files: list[Path] = field(default_factory=list)
    """Its installed files."""
    run: int = 0
    """Number of the run, from 1, that started it last; 0: none did."""
    left_out: int = 0
    """Number of the latest run that used its kept results; 0: none did."""
    origin: Origin | None = None
    """Of the kept results that were used last."""
    why: str = ""
    """Why it was built although modules may be kept; empty when unknown."""
    open: str = ""
    """Why its inputs are not all known; empty when they are."""
    id: str = ""
    """`group:artifact:type:version`; empty when unknown."""
    resolved: set[str] = field(default_factory=set)
    """The items of what Maven resolved for it, in all runs."""
    folder: Path | None = None
    """Its build folder (`target`), if Maven has reported it."""


@dataclass(slots=True)
class BuildEvents:
    """All modules of one or several runs over the same source with the same options."""

    modules: dict[str, BuiltModule] = field(default_factory=dict)
    """In the order of the first run."""
    runs: int = 0
    succeeded: bool | None = None
    """How the latest run ended; None when it did not end."""
    why_all: str = ""
    """Why the latest run built every module, if it did not look for kept ones."""
    stale: str = ""
    """What changed the kept results of a module, or their inputs, while they were used."""

    def kept_folders(self) -> tuple[Path, ...]:
        """Build folders of the modules of which no run has built anything."""
        unbuilt = (m for m in self.modules.values() if m.left_out and not m.run)
        return tuple(module.folder for module in unbuilt if module.folder)


def events_in(file: Path) -> BuildEvents:
    """The events in a file; none when it does not exist."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    return read_events(text.splitlines(keepends=True))


def read_events(lines: Iterable[str]) -> BuildEvents:
    """The state after all events; incomplete ones, as after a kill, are ignored."""
    events = BuildEvents()
    started: dict[str, int] = {}
    for line in lines:
        if not line.endswith("\n"):
            continue
        time, _, rest = line[:-1].partition("\t")
        if time.isdigit():
            _take(events, started, int(time), rest.split("\t"))
    return events


def _take(events: BuildEvents, started: dict[str, int], time: int, fields: list[str]) -> None:
    match fields:
        case ["run"]:
            events.runs += 1
            events.succeeded = None
            events.why_all = ""
        case ["planned", key, pom, name]:
            events.modules.setdefault(key, BuiltModule(key, Path(pom), name))
        case ["all", why]:
            events.why_all = why
        case ["ended", how]:
            events.succeeded = how == "succeeded"
        case ["stale", key, what]:
            module = events.modules.get(key)
            events.stale = f"{what} of {module.name if module else key} changed during the build"
        case [event, key, *more] if key in events.modules:
            _take_of_module(events, started, time, (event, events.modules[key], more))


def _take_of_module(
    events: BuildEvents,
    started: dict[str, int],
    time: int,
    what: tuple[str, BuiltModule, list[str]],
) -> None:
    match what:
        case ("started", module, []):
            started[module.key] = time
            module.run = events.runs
            module.result, module.files = None, []
        case ("left", module, [digest, job, commit]):
            module.left_out, module.origin = events.runs, Origin(digest, job, commit)
        case ("succeeded" | "failed" | "skipped" as result, module, []):
            module.result = _RESULTS[result]
            if module.key in started and result != "skipped":
                module.times[events.runs] = (time - started[module.key]) / _MILLISECONDS
        case ("builds", module, [folder]):
            module.folder = Path(folder)
        case ("resolved", module, [own, *items]):
            module.id = own
            module.resolved.update(items)
        case ("why", module, [why]):
            module.why = why
        case ("open", module, [why]):
            module.open = why
        case ("file", module, [path]):
            module.files.append(Path(path))


_RESULTS = {
    "succeeded": ModuleResult.SUCCESS,
    "failed": ModuleResult.FAILURE,
    "skipped": ModuleResult.SKIPPED,
}
