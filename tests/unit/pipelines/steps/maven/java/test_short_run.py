from __future__ import annotations

import pytest

from pipelines.steps.maven.java.short_run import is_short_run, short_run_options

BOTH = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@pytest.mark.parametrize(
    ("planned", "known", "short"),
    [(0, 0, False), (3, 0, False), (3, 3, True), (9, 5, True), (9, 4, False), (147, 60, False)],
)
def test_a_run_of_few_modules_is_short(planned: int, known: int, short: bool) -> None:
    assert is_short_run(planned, known) is short


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
