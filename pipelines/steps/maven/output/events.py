"""The events of a build's modules, as ModuleEventSpy.java writes them while Maven runs. Pure.

One line an event, fields with tabs between them, the first is the time in milliseconds of the
epoch: `run`; `planned KEY POM PACKAGING NEEDED,… NAME`; `builds KEY FOLDER`; `digest KEY DIGEST` of
everything that it reads, `reads KEY PATH` outside its folder, `open KEY WHY` when that is
incomplete; `left KEY FROM` when it is skipped; `started KEY`; `torn KEY` when anything but its
tests failed; `file KEY MADE INSTALLED SIZE MTIME`; `wrote KEY PATH SIZE MTIME` outside its build
folder; `target KEY DIGEST` of the names, sizes and times in that folder; `succeeded|failed|skipped
KEY`; `ended succeeded|failed`. A key is `group:artifact`. Unlike the log, events are exact even
with `-T`, and survive `kill -9`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.steps.maven.output.log import ModuleResult

_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """A file that a module made, and its place when it is installed."""

    made: Path
    installed: Path
    size: int
    mtime_ms: int
    """Milliseconds of the epoch; an installed file has the time of the original."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that a module wrote outside its build folder."""

    path: Path
    size: int
    mtime_ms: int
    """Milliseconds of the epoch."""


@dataclass(slots=True)
class BuiltModule:
    """One module, with its progress in the latest run that started it."""

    key: str
    pom: Path
    packaging: str
    needs: tuple[str, ...]
    """Keys of the modules of the same reactor that it needs, including its parent."""
    name: str
    result: ModuleResult | None = None
    """None before and during its build, and after a kill."""
    times: dict[int, float] = field(default_factory=dict)
    """Seconds by the number of the run; without runs that did not end it."""
    files: list[ModuleFile] = field(default_factory=list)
    run: int = 0
    """Number of the run, from 1, that started it last; 0: none did."""
    ended_ms: int = 0
    """Time of its end, in milliseconds of the epoch."""
    left_out: int = 0
    """Number of the latest run that skipped it; 0: none did."""
    taken_from: str = ""
    """The origin of the files of a skipped module, as text."""
    digest: str = ""
    """Digest of everything that it would be built from now."""
    built_digest: str = ""
    """Digest of everything that it was built from; empty when unknown."""
    reads: set[Path] = field(default_factory=set)
    """The paths that it reads outside its folder."""
    open: str = ""
    """Why `digest` may be incomplete; empty when it is complete."""
    wrote: list[WrittenFile] = field(default_factory=list)
    target: str = ""
    """Digest of the names, sizes and times of the files in its build folder."""
    folder: Path | None = None
    """Its build folder (`target`), if Maven has reported it."""
    torn: bool = False
    """Whether it failed for another reason than its tests."""

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
    """How the latest run ended; None when it did not end."""


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
            module.result, module.files = None, []
            module.wrote, module.target, module.torn = [], "", False
            module.built_digest = module.digest
        case ("torn", module, []):
            module.torn = True
        case ("left", module, [taken_from]):
            module.left_out, module.taken_from = events.runs, taken_from
        case ("succeeded" | "failed" | "skipped" as result, module, []):
            module.ended_ms = time
            module.result = _RESULTS[result]
            if module.key in started and result != "skipped":
                module.times[events.runs] = (time - started[module.key]) / _MILLISECONDS
        case (event, module, more):
            _take_fact(module, event, more)


def _take_fact(module: BuiltModule, event: str, more: list[str]) -> None:
    match event, more:
        case "builds", [folder]:
            module.folder = Path(folder)
        case "digest", [digest]:
            module.digest = digest
        case "reads", [path]:
            module.reads.add(Path(path))
        case "open", [why]:
            module.open = why
        case "file", [made, installed, size, mtime] if size.isdigit():
            file = ModuleFile(Path(made), Path(installed), int(size), int(mtime))
            module.files.append(file)
        case "wrote", [path, size, mtime] if size.isdigit():
            module.wrote.append(WrittenFile(Path(path), int(size), int(mtime)))
        case "target", [digest]:
            module.target = digest


_RESULTS = {
    "succeeded": ModuleResult.SUCCESS,
    "failed": ModuleResult.FAILURE,
    "skipped": ModuleResult.SKIPPED,
}
