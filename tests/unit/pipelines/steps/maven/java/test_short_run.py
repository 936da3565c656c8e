from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.steps.maven.java.short_run import (
    is_short_run,
    quick_options,
    remember_times,
    short_run_options,
)
from pipelines.steps.maven.output.events import BuildEvents, BuiltModule
from pipelines.steps.maven.output.log import ModuleResult
from tests.support.pipelines.step_context import Steps

BOTH = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@pytest.mark.parametrize(
    ("times", "done", "short"),
    [
        ({}, (), False),
        ({"a": 1.0, "b": 2.0}, (), True),
        ({"a": 1.0, "b": 40.0}, (), False),
        ({"a": 1.0, "b": 40.0}, ("b",), True),
        ({"a": 1.0, "b": 40.0}, ("a",), False),
        ({"b": 40.0}, ("b",), False),
    ],
)
def test_a_run_of_modules_that_take_little_time_is_short(
    times: dict[str, float], done: tuple[str, ...], short: bool
) -> None:
    modules = {name: BuiltModule(name, Path("pom.xml"), name) for name in ("a", "b")}
    for name in done:
        modules[name].result = ModuleResult.SUCCESS
    assert is_short_run(times, BuildEvents(modules)) is short


def test_times_of_earlier_runs(tmp_path: Path) -> None:
    context = Steps(tmp_path).context()
    assert quick_options(context, {}, BuildEvents()) is None
    module = BuiltModule("g:a", Path("pom.xml"), "a", times={1: 99.0, 2: 3.0})
    remember_times(context, BuildEvents({"g:a": module}))
    remember_times(context, BuildEvents())
    assert quick_options(context, {}, BuildEvents()) == BOTH
    [file] = context.workspace.maven_tools.glob("module-times/*")
    file.write_text("[")
    assert quick_options(context, {}, BuildEvents()) is None


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("-Xmx1g", BOTH),
        ("-XX:+UseG1GC", BOTH[:1]),
        ("-Xmx2g -XX:+UseParallelGC -ea", BOTH[:1]),
        ("-XX:TieredStopAtLevel=4", BOTH[1:]),
        ("-XX:-TieredCompilation", BOTH[1:]),
        ("-Xint -XX:+UseZGC", ()),
        ("-XX:+UseGCOverheadLimit", BOTH),
        ("-XX:+ExitOnOutOfMemoryError", BOTH),
    ],
)
def test_what_the_user_says_to_java_stays(given: str, left: tuple[str, ...]) -> None:
    assert short_run_options(given) == left
