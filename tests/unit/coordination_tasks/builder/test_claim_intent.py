from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.builder.claim_intent import ClaimIntent, abandoned_job
from coordination_tasks.domain.model import Job


def test_what_was_written_is_read_until_it_is_cleared(tmp_path: Path) -> None:
    path = tmp_path / "state" / "claim"
    assert ClaimIntent(path).read() is None
    ClaimIntent(path).write("c1")
    assert ClaimIntent(path).read() == "c1"
    ClaimIntent(path).clear()
    ClaimIntent(path).clear()
    assert ClaimIntent(path).read() is None


def test_only_a_job_that_still_runs_under_the_claim_is_abandoned() -> None:
    running = Job(id="a", state=State.RUNNING, claim_id="c1")
    jobs = (
        Job(id="b", state=State.SUCCEEDED, claim_id="c1"),
        Job(id="c", state=State.RUNNING, claim_id="c2"),
        running,
    )
    assert abandoned_job(jobs, "c1") is running
    assert abandoned_job(jobs[:2], "c1") is None


def test_the_name_is_durable_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, bool]] = []

    def note(descriptor: int) -> None:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        synced.append((path, (tmp_path / "claim").exists()))

    monkeypatch.setattr(os, "fsync", note)
    ClaimIntent(tmp_path / "claim").write("c1")
    [(_, early), folder] = synced
    assert not early
    assert folder == (str(tmp_path), True)


def test_a_damaged_one_is_no_claim_of_any_job(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    path.write_bytes(b"c\xff1")
    claim_id = ClaimIntent(path).read()
    assert claim_id is not None
    assert abandoned_job((Job(id="a", state=State.RUNNING, claim_id="c1"),), claim_id) is None
