"""The queue as a person sees it on terminals of different widths."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from common.states import State
from coordination_tasks.commands.jobs import jobs as jobs_command
from coordination_tasks.domain.model import Job

REASON = "step git-checkout: cannot read https://git.example.org/hello.git: no such host"
FAILED = Job(id="job_1795636347_0628", state=State.FAILED, branch="main", reason=REASON)
DONE = replace(FAILED, id="done", state=State.SUCCEEDED, reason="all steps succeeded")


def shown(monkeypatch: pytest.MonkeyPatch, width: int) -> list[str]:
    stream = io.StringIO()
    monkeypatch.setattr(jobs_command, "console", lambda: Console(file=stream, width=width))
    jobs_command.print_jobs([FAILED, DONE])
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_a_job_is_one_line_and_its_reason_is_beside_it_or_below_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide = shown(monkeypatch, 200)
    assert [REASON in line for line in wide] == [False, True, False]
    narrow = shown(monkeypatch, 80)
    assert [line.split()[:2] for line in narrow[1:3]] == [
        [FAILED.id, "failed"],
        ["done", "succeeded"],
    ]
    assert " ".join(narrow[3:]).strip() == f"{FAILED.id}: {REASON}"
    assert ("commit" in narrow[0], "commit" in shown(monkeypatch, 40)[0]) == (True, False)
