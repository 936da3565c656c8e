"""When the logs of an attempt are published, and what heartbeats show of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.build.logs.published import AttemptLogs, failure_log
from coordination_tasks.builder.config.logs import LogsFile
from coordination_tasks.domain.errors import CopyUnusable
from coordination_tasks.domain.model import Transition
from coordination_tasks.domain.step_log import LogLimits, PublishedLog
from coordination_tasks.repository.memory import MemoryRemote, MemoryStepLogs
from tests.support.coordination.world import Clock, claim, ended, job, memory_world

LIMITS = LogsFile().limits()


class Published:
    def __init__(self, folder: Path, limits: LogLimits = LIMITS) -> None:
        self.folder = folder
        store = memory_world().store()
        store.enqueue(job())
        self.attempt = claim(store)
        self.remote = MemoryRemote()
        self.logs = AttemptLogs(
            attempt=self.attempt,
            limits=limits,
            published=MemoryStepLogs(self.remote, "build1"),
            path=lambda step: folder / step,
            secrets=tuple,
            clock=Clock(),
        )

    def end(self, step: str, text: str | None) -> dict[str, Transition]:
        if text is not None:
            (self.folder / step).write_text(text)
        return {step: replace(ended(self.attempt, step), log=str(self.folder / step))}

    @property
    def steps(self) -> dict[str, bytes]:
        return {log.step: text for log, text in self.remote.logs.get("build1", {}).items()}


def test_long_logs_wait_for_the_end_of_the_attempt(tmp_path: Path) -> None:
    made = Published(tmp_path)
    all_ended = made.end("short", "1\n") | made.end("long", "x\n" * 200_000) | made.end("no", None)
    made.logs.keep(all_ended, only_short=True)
    made.logs.send()
    assert made.steps == {"short": b"1\n", "no": b""}
    (tmp_path / "short").write_text("2\n")
    made.logs.keep(all_ended)
    made.logs.send()
    assert made.steps == {"short": b"1\n", "no": b"", "long": b"x\n" * 200_000}, "each once"


class FullDisk(MemoryStepLogs):
    is_full = True

    def keep(self, logs: Mapping[PublishedLog, bytes], limits: LogLimits, now: datetime) -> None:
        if self.is_full:
            raise CopyUnusable("the disk is full")
        super().keep(logs, limits, now)


def test_what_a_full_disk_did_not_keep_is_kept_later(tmp_path: Path) -> None:
    made = Published(tmp_path)
    made.logs.published = disk = FullDisk(made.remote, "build1")
    step = made.end("short", "1\n")
    with pytest.raises(CopyUnusable):
        made.logs.keep(step)
    disk.is_full = False
    made.logs.keep(step)
    made.logs.send()
    assert made.steps == {"short": b"1\n"}


@pytest.mark.parametrize("limits", [replace(LIMITS, size=0), replace(LIMITS, each=0)])
def test_nothing_is_published_on_request(tmp_path: Path, limits: LogLimits) -> None:
    made = Published(tmp_path, replace(limits, tail=0))
    made.logs.keep(made.end("a", "1\n"))
    made.logs.send()
    assert made.steps == {}
    assert made.logs.tails(["a"]) == {}


def test_a_heartbeat_shows_the_running_steps(tmp_path: Path) -> None:
    made = Published(tmp_path)
    made.end("a", "1\n2\n")
    [(path, data)] = made.logs.tails(["a", "b"]).items()
    assert path == "build1/running-logs.json"
    shown = json.loads(data)
    assert (shown["job"], shown["attempt"]) == ("job_1", 1)
    [step] = shown["steps"]
    assert (step["step"], step["first_line"], step["lines"]) == ("a", 1, ["1", "2"])


@pytest.mark.parametrize("most", [0, 20])
def test_a_failure_is_told_within_its_limit(tmp_path: Path, most: int) -> None:
    made = Published(tmp_path)
    end = replace(made.end("a", "line\n" * 100)["a"], to_state=State.FAILED, reason="exit code 1")
    text = failure_log([end], most, ())
    assert (
        text
        == ("== job job_1, attempt 1, step a: failed: exit code 1\n" + "line\n" * 4)[: most * 100]
    )
    assert failure_log([replace(end, log="/nowhere")], most, ()) == ""
