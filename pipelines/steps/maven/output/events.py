"""What a build's modules did, as ModuleEventSpy.java writes it while Maven runs. Pure.

One line an event, fields with tabs between them, the first is the time in milliseconds of the
epoch: `run`; `planned KEY POM PACKAGING NEEDED,… NAME`; `builds KEY FOLDER`; `started KEY`; `torn
KEY` when something else than its tests failed; `file KEY MADE INSTALLED SIZE MTIME`;
`succeeded|failed|skipped KEY`; `ended succeeded|failed`. A key is `group:artifact`.
maven_donor.py writes `taken KEY FROM` for a module that it takes over from another job.
Unlike the log these are exact also with `-T`, and there after `kill -9`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.steps.maven.output.log import ModuleResult

_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """A file that a module made, with the place that it has when it is installed."""

    made: Path
    installed: Path
    size: int
    mtime_ms: int
    """Milliseconds of the epoch; Maven gives an installed file the time of the one it copies."""


@dataclass(slots=True)
class BuiltModule:
    """One module, as far as it came in the latest run that began it."""

    key: str
    pom: Path
    packaging: str
    needs: tuple[str, ...]
    """Keys of the modules of the same reactor that come before it, its parent among them."""
    name: str
    result: ModuleResult | None = None
    """None while it is built, when the build was killed, and before its turn."""
    seconds: float | None = None
    files: list[ModuleFile] = field(default_factory=list)
    run: int = 0
    """Number of the run, from 1, that began it last; 0: none did."""
    ended_ms: int = 0
    """When it ended, in milliseconds of the epoch."""
    taken_from: str = ""
    """What it was taken over from, in words; empty when it was built here."""
    folder: Path | None = None
    """Its build folder (`target`), where Maven has said it."""
    torn: bool = False
    """Whether it failed otherwise than by its tests."""

    @property
    def may_be_torn(self) -> bool:
        """Whether files in its build folder can be incomplete: it failed, or was killed."""
        return self.torn or (self.run > 0 and self.result is None)


@dataclass(slots=True)
class BuildEvents:
    """All modules of one or several runs over the same source with the same options."""

    modules: dict[str, BuiltModule] = field(default_factory=dict)
    """In the order of the first run."""
    runs: int = 0
    succeeded: bool | None = None
    """How the latest run ended; None when it did not come to its end."""


def read_events(lines: Iterable[str]) -> BuildEvents:
    """The state after all events; what is no whole event, as after a kill, counts for nothing."""
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
        case ["planned", key, pom, packaging, needs, name]:
            module = BuiltModule(
                key, Path(pom), packaging, tuple(needs.split(",") if needs else ()), name
            )
            events.modules.setdefault(key, module)
        case ["ended", how]:
            events.succeeded = how == "succeeded"
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
            module.result, module.seconds, module.files = None, None, []
            module.taken_from, module.torn = "", False
        case ("builds", module, [folder]):
            module.folder = Path(folder)
        case ("torn", module, []):
            module.torn = True
        case ("taken", module, [taken_from]):
            module.taken_from = taken_from
        case ("file", module, [made, installed, size, mtime]) if size.isdigit():
            file = ModuleFile(Path(made), Path(installed), int(size), int(mtime))
            module.files.append(file)
        case ("succeeded" | "failed" | "skipped" as result, module, []):
            module.ended_ms = time
            module.result = _RESULTS[result]
            if module.key in started and result != "skipped":
                module.seconds = (time - started[module.key]) / _MILLISECONDS


_RESULTS = {
    "succeeded": ModuleResult.SUCCESS,
    "failed": ModuleResult.FAILURE,
    "skipped": ModuleResult.SKIPPED,
}
