"""What is known of a job's logs from doubtful records."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordination_tasks.documents.paths import transitions_path
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.farm.job_logs import JobLogs, LocalLogs
from coordination_tasks.repository.draft import Draft
from coordination_tasks.repository.memory import (
    MemoryHeartbeats,
    MemoryRemote,
    MemoryRepository,
    MemoryStepLogs,
)
from coordination_tasks.store.store import Store


def job_logs(remote: MemoryRemote) -> JobLogs:
    return JobLogs(
        published=MemoryStepLogs(remote, "build1"),
        heartbeats=MemoryHeartbeats(remote, "heartbeat-build1"),
        local=LocalLogs(path=lambda *_: Path("a.log"), steps=lambda *_: ()),
        notice=lambda _: None,
    )


def test_a_builder_that_is_no_folder_and_no_branch_is_refused() -> None:
    remote = MemoryRemote()
    store = Store(MemoryRepository(remote), BuilderProfile(id="build1"))
    store.enqueue(Job(id="job", pipeline="m", branch="main"))
    store.claim(claim_id="claim", pipelines={"m": ()})
    path = transitions_path("job", 1)

    def forge(draft: Draft) -> None:
        record = (draft.read(path) or b"").replace(b'"build1"', b'"../../root"')
        draft.write(path, record)

    store.change(forge)
    with pytest.raises(BrokenDocument, match="invalid builder id"):
        job_logs(remote).view(store.snapshot(), "job")
