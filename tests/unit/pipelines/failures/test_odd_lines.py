"""No output, however odd, makes the reading raise, grow, or take more than linear time."""

from __future__ import annotations

import gc
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.errors import FailureCode
from pipelines.failures.evidence import Evidence
from pipelines.failures.table import SIGNATURES
from pipelines.failures.verdict import verdict
from pipelines.steps.maven.output.errors import MavenErrors
from pipelines.steps.maven.output.failure import maven_failure
from tests.support.failures.kept_logs import SOURCE

LONGEST = 1 << 16
BEGINNINGS = (
    *("[ERROR] ", "[INFO] --- a:1:b (c) @ d ---", "[INFO] BUILD FAILURE", "make: *** [x] Error 1"),
    *("[ERROR] Failed to execute goal a:b:1:c (x) on project p: ", "CMake Error", "E: ", "  "),
    *("[INFO] Scanning for projects...", "npm ERR! ", "  at x", "Running a.B", "[ERROR]   "),
)
# Characters that the table's expressions repeat.
BULK = ("a", " ", ":", "/", "-", "a:", "a/", "1 ", "[a] ", "x: ", ".a", "\t", "é", "a.b:1:2: ")

odd_line = st.builds(
    lambda begin, text, bulk, times, end: (begin + text + bulk * times + end)[:LONGEST],
    st.sampled_from(BEGINNINGS) | st.just(""),
    st.text(max_size=40),
    st.sampled_from(BULK),
    st.sampled_from((0, 1, 50, 5000)),
    st.text(max_size=10),
)


def read(lines: list[str]) -> None:
    evidence, errors = Evidence(), MavenErrors()
    for line in lines:
        evidence.feed(line)
        errors.feed(line)
    packaging = verdict("x", "x failed", 1, evidence, own=FailureCode.COMMAND_FAILED)
    for failure in (packaging, maven_failure(errors, 1, source=SOURCE)):
        assert len(failure.excerpt.encode()) <= 2000
        assert len(failure.message) <= 300
        assert "\n" not in failure.message


@given(st.lists(odd_line, max_size=30))
def test_any_lines_are_read(lines: list[str]) -> None:
    read(lines)


@pytest.mark.parametrize("begin", ["", *BEGINNINGS])
@pytest.mark.parametrize("bulk", BULK)
def test_a_line_takes_time_that_is_linear_in_its_length(
    begin: str, bulk: str, request: pytest.FixtureRequest
) -> None:
    def seconds(length: int) -> float:
        line = begin + bulk * (length // len(bulk))
        start = time.process_time()
        for _ in range(5):
            Evidence().feed(line)
            MavenErrors().feed(line)
        return time.process_time() - start

    # A collection of what thousands of other tests left would count as time of the line.
    gc.disable()
    request.addfinalizer(gc.enable)

    # Only the first 2,000 characters are looked at, so length costs nothing above that.
    assert seconds(LONGEST) <= 5 * seconds(2000) + 0.1


def test_much_output_needs_little_memory() -> None:
    lines = [begin + bulk * 700 for begin in ("", *BEGINNINGS) for bulk in BULK]
    tracemalloc.start()
    try:
        read([f"{line}{number}" for number in range(10) for line in lines])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    given_to_it = sum(map(len, lines)) * 10
    assert peak - given_to_it < 20_000_000


def test_every_row_of_the_table_can_be_reached() -> None:
    patterns = [(signature.tool, signature.line) for signature in SIGNATURES]
    assert len(set(patterns)) == len(patterns)
