"""The queue as a person sees it on terminals of different widths."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.cli.text_table import table_lines
from common.states import State
from coordination_tasks.commands.control.acting import show_jobs
from coordination_tasks.commands.jobs.jobs import jobs_section
from coordination_tasks.domain.model import Job

REASON = "step git-checkout: cannot read https://git.example.org/hello.git: no such host"
FAILED = Job(id="job_1795636347_0628", state=State.FAILED, branch="main", reason=REASON)
DONE = replace(FAILED, id="done", state=State.SUCCEEDED, reason="all steps succeeded")


def shown(width: int | None) -> list[str]:
    section = jobs_section([FAILED, DONE], {})
    return table_lines(
        section.titles, section.rows, width, droppable=section.droppable, last_needs=30
    )


def test_a_job_is_one_line_with_its_reason_beside_it() -> None:
    for width in (None, 200):
        assert [REASON in line for line in shown(width)] == [False, True, False]
    narrow = shown(80)
    assert [line.split()[:2] for line in narrow[1:]] == [
        [FAILED.id, "failed"],
        ["done", "succeeded"],
    ]
    assert "step git-checkout: cannot" in narrow[1]
    assert ("COMMIT" in narrow[0], "COMMIT" in shown(200)[0]) == (False, True)


def test_what_a_command_tells_of_a_job_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    show_jobs([replace(FAILED, id="a\u202eb", reason="\x1b[2Jgone")], json=False)
    assert capsys.readouterr().out == "a<U+202E>b failed: ␛[2Jgone\n"


def test_an_id_of_any_length_hides_no_column() -> None:
    section = jobs_section([replace(FAILED, id="x" * 5000), DONE], {})
    lines = table_lines(section.titles, section.rows, 80)
    assert lines[0].split() == list(section.titles)
    assert max(map(len, lines)) <= 80
