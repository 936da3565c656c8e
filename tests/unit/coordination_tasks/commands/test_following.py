"""What `doit logs -f` shows of files on this host."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.commands.results.following import Following
from coordination_tasks.commands.results.logs import Shown
from coordination_tasks.farm.job_logs import AttemptView, JobLogs, LocalLogs, StepView
from coordination_tasks.repository.memory import MemoryHeartbeats, MemoryRemote, MemoryStepLogs


def logs_in(folder: Path) -> JobLogs:
    remote = MemoryRemote()

    def path(_builder: str, _job: str, _attempt: int, step: str) -> Path:
        packed = folder / f"{step}.log.gz"
        return packed if packed.exists() else folder / f"{step}.log"

    return JobLogs(
        published=MemoryStepLogs(remote, "build1"),
        heartbeats=MemoryHeartbeats(remote, "heartbeat-build1"),
        local=LocalLogs(path=path, steps=lambda _builder, _job: ()),
        notice=lambda _: None,
    )


def view(state: State | None) -> AttemptView:
    step = StepView(state=state, path=None if state is State.RUNNING else "maven.log")
    return AttemptView(
        job="job",
        attempt=1,
        builder="build1",
        host="build1",
        runs=state is State.RUNNING,
        steps={"maven": step},
    )


def follow(folder: Path, looks: Iterator[AttemptView], *, last: int = 0) -> None:
    shown = Shown(pattern=None, last=last, raw=False)
    following = Following(
        logs=logs_in(folder), look=lambda: next(looks), step="", write=shown.write
    )
    following.run(next(looks), every=0)


def test_a_packed_log_of_a_job_that_has_ended_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "maven.log.gz").write_bytes(gzip.compress(b"one\ntwo\n"))
    follow(tmp_path, iter([view(State.SUCCEEDED)]))
    assert capsys.readouterr().out == "==> maven <==\none\ntwo\n"


def test_tail_leaves_out_nothing_that_comes_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "maven.log"

    def looks() -> Iterator[AttemptView]:
        log.write_text("1\n2\n3\n")
        yield view(State.RUNNING)
        with log.open("a") as stream:
            stream.write("4\n5\n6\n")
        yield view(State.RUNNING)
        yield view(State.SUCCEEDED)

    follow(tmp_path, looks(), last=2)
    assert capsys.readouterr().out == "==> maven <==\n2\n3\n4\n5\n6\n"


def test_of_a_job_that_has_ended_tail_shows_the_last_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "maven.log").write_text("1\n2\n3\n")
    follow(tmp_path, iter([view(None)]), last=2)
    assert capsys.readouterr().out == "==> maven <==\n2\n3\n"
