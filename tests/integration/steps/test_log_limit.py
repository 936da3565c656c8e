"""A command that writes more than `log_limit`: the log has its start and its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.domain.pipeline import Command
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.logged_command import LoggedCommandRunner

LIMIT, MOST = 1 << 20, 18 << 20
LINE = "x" * 63
SOME = 600_000
"""Lines: 38 MB."""


@pytest.fixture
def cancellation() -> Iterator[Cancellation]:
    switch = Cancellation()
    yield switch
    switch.close()


@pytest.mark.parametrize("secrets", [(), ("a secret",)])
@pytest.mark.parametrize("pause", ["", "sleep 1.5;"])
def test_the_rest_is_counted_and_dropped_and_said(
    tmp_path: Path, cancellation: Cancellation, secrets: tuple[str, ...], pause: str
) -> None:
    runner = LoggedCommandRunner(
        tmp_path / "log",
        marker=f"test/{tmp_path.name}",
        cancellation=cancellation,
        secrets=secrets,
        log_limit=LIMIT,
    )
    many = f"yes {LINE} | head -n {SOME}"
    text = f"echo begin; {many}; {pause} {many}; {pause} echo the error is here; exit 7"
    seen: list[str] = []
    command = Command(argv=("sh", "-c", text), cwd=tmp_path, env={"PATH": os.environ["PATH"]})

    assert runner.run(command, seen.append) == 7

    log = (tmp_path / "log").read_bytes()
    assert LIMIT < len(log) < MOST
    lines = log.decode().splitlines()
    assert lines[1] == "begin"
    assert lines[-2] == "the error is here"
    assert seen[-1] == "the error is here"
    [told] = [line for line in lines if "log_limit" in line]
    dropped = int(told.split()[8])
    whole = 2 * SOME * (len(LINE) + 1)
    # what the command writes between a look at the size and the cut cannot be counted
    assert -1000 < whole - len(log) - dropped < 1 << 20
    assert b"\0" not in log


def test_a_log_below_its_limit_is_whole(tmp_path: Path, cancellation: Cancellation) -> None:
    runner = LoggedCommandRunner(
        tmp_path / "log", marker="test/whole", cancellation=cancellation, log_limit=LIMIT
    )
    command = Command(
        argv=("sh", "-c", f"yes {LINE} | head -n 100"),
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
    )
    assert runner.run(command) == 0
    assert (tmp_path / "log").read_text().count(LINE) == 100 + 1
