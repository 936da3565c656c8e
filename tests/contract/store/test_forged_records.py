"""Records that somebody with push access wrote, and no builder would; in memory and on Git."""

from __future__ import annotations

from common.states import State
from coordination_tasks.documents.paths import JOBS, transitions_path
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.attempt_commands import Completion
from tests.support.coordination.world import World, claim, job


def test_a_number_of_attempts_that_others_wrote_does_not_hang_the_release(world: World) -> None:
    store = world.store()
    store.enqueue(job())
    store.complete(claim(store), Completion(state=State.FAILED, reason="its own reason"))
    rerun = claim(store, "job_1")
    many = 10**14

    def forge(draft: Draft) -> None:
        jobs = (draft.read(JOBS) or b"").replace(b'"attempt": 2', f'"attempt": {many}'.encode())
        draft.write(JOBS, jobs)
        draft.write(
            transitions_path("job_1", many), draft.read(transitions_path("job_1", 2)) or b""
        )

    store.change(forge)
    after = store.reap("job_1", seen_token=rerun.token, reason="no heartbeat")
    assert after
    assert (after.state, after.reason, after.attempt) == (State.FAILED, "its own reason", many)
