"""The report of Maven runs: from its events, or from the log where there are none."""

from __future__ import annotations

from pipelines.steps.maven.output.events import read_events
from pipelines.steps.maven.output.log import MavenLog, ModuleResult
from pipelines.steps.maven.report import report_of

SECOND = 1000
"""Milliseconds."""


def run_of_events(start: int, **seconds: int) -> list[str]:
    """Events of a Maven run at `start` (seconds), which builds these modules one by one."""
    lines, at = [(start * SECOND, "run")], start * SECOND
    lines += [(at, f"planned\tg:{name}\t/s/{name}/pom.xml\t{name}") for name in seconds]
    for name, length in seconds.items():
        lines.append((at, f"started\tg:{name}"))
        at += length * SECOND
        lines.append((at, f"succeeded\tg:{name}"))
    return [f"{time}\t{text}\n" for time, text in [*lines, (at, "ended\tsucceeded")]]


def logged(**seconds: float) -> list[str]:
    """The log of a Maven run over these modules."""
    count = len(seconds)
    return [
        "[INFO] Scanning for projects...",
        "[INFO] Reactor Build Order:",
        *(f"[INFO] {name}     [jar]" for name in seconds),
        *(
            line
            for n, name in enumerate(seconds, 1)
            for line in (f"[INFO] ---< g:{name} >---", f"[INFO] Building {name} 1.0 [{n}/{count}]")
        ),
        "[INFO] Reactor Summary for all 1.0:",
        *(f"[INFO] {name} ..... SUCCESS [  {time} s]" for name, time in seconds.items()),
        "[INFO] BUILD SUCCESS",
    ]


def test_the_times_of_several_runs_of_one_packaging_are_added_up() -> None:
    events = read_events([*run_of_events(10, api=3, web=4), *run_of_events(100, web=2)])

    found = {run.name: run.seconds for run in report_of(events, 0, MavenLog()).modules}

    assert found == {"api": 3.0, "web": 6.0}
    assert [run.seconds for run in report_of(events, 1, MavenLog()).modules] == [2.0]


def test_a_run_that_was_killed_adds_no_time() -> None:
    events = read_events([*run_of_events(10, api=3), "20000\trun\n", "20000\tstarted\tg:api\n"])
    [api] = report_of(events, 0, MavenLog()).modules
    assert (api.result, api.seconds) == (None, 3.0)


def test_without_events_the_runs_in_the_log_are_added_up() -> None:
    log = MavenLog()
    for line in (*logged(api=1.5, web=2.0), *logged(web=0.25, doc=1.0)):
        log.feed(line)

    found = report_of(read_events([]), 0, log)

    assert {run.name: run.seconds for run in found.modules} == {"api": 1.5, "web": 2.25, "doc": 1.0}
    assert {run.result for run in found.modules} == {ModuleResult.SUCCESS}
    assert not found.exact
