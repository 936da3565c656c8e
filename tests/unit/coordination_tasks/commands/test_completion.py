"""Which names of the farm complete a command line."""

from __future__ import annotations

from coordination_tasks.commands.builder.completion import names_in
from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.repository.memory import MemoryRemote, MemoryRepository
from coordination_tasks.store.store import Store


def test_an_id_that_a_shell_would_take_for_more_than_a_word_is_left_out() -> None:
    store = Store(MemoryRepository(MemoryRemote()), BuilderProfile(id="build1"))
    for job_id in ("job-1", "job-$(touch evil)", "job;evil"):
        store.enqueue(Job(id=job_id, pipeline="m", branch="main"))
    assert names_in("jobs", store.snapshot()) == ["job-1"]
