"""Tables of one line a row on terminals of different widths."""

from __future__ import annotations

import io

import pytest

from common.cli.text_table import coloured, table_lines, wants_colour

TITLES = ("JOB", "STATE", "BRANCH", "REASON")
ROWS = [
    ("job_1", "failed", "main", "no host\n  at all"),
    ("日本", "queued", "feature/x", ""),
    ("\x1b[2J", "x" * 30, "-", "a" * 90),
]


def test_columns_stand_below_each_other_and_a_row_is_one_line() -> None:
    assert table_lines(TITLES, ROWS[:2], None) == [
        "JOB    STATE   BRANCH     REASON",
        "job_1  failed  main       no host at all",
        "日本   queued  feature/x",
    ]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = table_lines(TITLES, [*ROWS, ("i" * 5000, "s", "b", "r")], width)
    assert len(lines) == 5
    assert max(map(len, lines)) <= width
    assert "\x1b" not in "".join(lines)
    for title in ("STATE", "BRANCH"):
        assert title in lines[0]


def test_a_column_that_is_not_needed_goes_before_the_text_is_cut() -> None:
    narrow = table_lines(TITLES, [("job_1", "failed", "b" * 40, "r" * 60)], 80, last_needs=30,
                         droppable=("BRANCH",))  # fmt: skip
    assert narrow[0] == "JOB    STATE   REASON"
    assert narrow[1] == f"job_1  failed  {'r' * 60}"
    wide = table_lines(TITLES, ROWS[:2], 80, droppable=("BRANCH",))
    assert "BRANCH" in wide[0]


def test_a_text_that_must_be_read_whole_continues_below_itself() -> None:
    rows = [("build", "make: *** [all] Error 2, see the log of the step"), ("b", "")]
    assert table_lines(("STEP", "REASON"), rows, 32, wrap=True) == [
        "STEP   REASON",
        "build  make: *** [all] Error 2,\n       see the log of the step",
        "b",
    ]


def test_in_a_pipe_only_a_monstrous_cell_is_cut() -> None:
    [_, line] = table_lines(("A", "B"), [("x" * 5000, "y" * 5000)], None)
    assert line == f"{'x' * 199}…  {'y' * 5000}"


def test_colours_are_for_terminals_and_for_those_who_ask() -> None:
    pipe = io.StringIO()
    assert not wants_colour(pipe, {})
    assert wants_colour(pipe, {"FORCE_COLOR": "1"})
    assert not wants_colour(pipe, {"FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert coloured("x", "red", wanted=True) == "\x1b[1;31mx\x1b[0m"
    assert coloured("x", "red", wanted=False) == coloured("x", "", wanted=True) == "x"
