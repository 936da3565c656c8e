from __future__ import annotations

import pytest

from pipelines.steps.maven_java import short_run_options

BOTH = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@pytest.mark.parametrize("count", [1, 4])
def test_a_run_of_few_modules_starts_fast(count: int) -> None:
    assert short_run_options([f"g:m{number}" for number in range(count)], "-Xmx1g") == BOTH


@pytest.mark.parametrize("count", [0, 5, 87])
def test_a_run_of_all_or_many_has_javas_defaults(count: int) -> None:
    assert short_run_options([f"g:m{number}" for number in range(count)], "") == ()


@pytest.mark.parametrize(
    ("given", "left"),
    [
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
    assert short_run_options(["g:m"], given) == left
