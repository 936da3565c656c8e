"""Claims by many at once: who wins claims for those who wait, each exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from common.states import State
from coordination_tasks.domain.errors import NothingToClaim, Unavailable
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.repository.memory import MemoryRemote, MemoryRepository
from coordination_tasks.repository.protocol import Mark, Note, Version
from coordination_tasks.store.store import Store
from tests.support.coordination.world import (
    PIPELINES,
    Clock,
    World,
    claim,
    job,
    leave_request,
)

COMMIT = "c0ffee" * 6 + "0123"


def enqueue(store: Store, jobs: int) -> None:
    for number in range(jobs):
        store.enqueue(job(f"job_{number}", commit=COMMIT))


def test_who_has_had_a_turn_claims_for_those_who_wait(world: World) -> None:
    store, waiting = world.store("build1"), world.user("build2")
    enqueue(store, 5)
    leave_request(waiting, "build2", "c2")
    leave_request(waiting, "build3", "c3")

    assert claim(store).job.id == "job_0"
    assert len(waiting.fetch_notes()) == 2, "the first claim is not to cost a round trip more"
    before = waiting.known()
    assert claim(store).job.id == "job_1"

    assert waiting.fetch_notes() == ()
    assert [(j.id, j.assigned_to, j.claim_id) for j in store.jobs()[2:4]] == [
        ("job_2", "build2", "c2"),
        ("job_3", "build3", "c3"),
    ]
    assert [t.builder for t in store.transitions("job_2")] == ["build2"]
    assert store.snapshot().builder_status("build3").current_job is not None
    assert waiting.contains(waiting.known() or Version(""), before or Version(""))
    theirs = world.store("build2").claim(claim_id="c2", pipelines=PIPELINES)
    assert (theirs.job.id, theirs.number, theirs.token) == ("job_2", 1, 1)
    assert store.job("job_4").state is State.QUEUED


def test_nobody_claims_for_others_what_has_no_commit_here(world: World) -> None:
    """Whose builder can tell the commit claims the job for itself."""
    store, waiting = world.store("build1"), world.user("build2")
    for number in range(3):
        store.enqueue(job(f"job_{number}"))
    leave_request(waiting, "build2", "c2")
    claim(store)
    claim(store)
    assert store.job("job_2").state is State.QUEUED

    store.enqueue(job("job_3", priority=1))
    store.claim(claim_id="c", pipelines=PIPELINES, resolve=lambda _: COMMIT)

    assert (store.job("job_2").assigned_to, store.job("job_2").commit) == ("build2", COMMIT)


def test_a_request_that_nothing_fits_waits_on(world: World) -> None:
    store, waiting = world.store("build1"), world.user("build2")
    enqueue(store, 2)
    leave_request(waiting, "build2", "c2")
    claim(store)

    assert claim(store).job.id == "job_1"

    assert [note.owner for note in waiting.fetch_notes()] == ["build2"]


@pytest.mark.parametrize("note", [b"", b"{}", b"[1]", bytes([255]), b'{"claim_id": "c"}'])
def test_a_note_that_makes_no_sense_is_left_alone(world: World, note: bytes) -> None:
    store = world.store("build1")
    enqueue(store, 2)
    world.user().fetch()
    user = world.user()
    user.fetch()
    user.leave_note("build9", note)
    claim(store)

    assert claim(store).job.id == "job_1"


def test_nobody_claims_in_the_name_of_another(world: World) -> None:
    store, forger = world.store("build1"), world.user()
    enqueue(store, 3)
    leave_request(forger, "build2", "c2")
    [note] = forger.fetch_notes()
    forger.withdraw_note("build2")
    forger.leave_note("build3", note.data)
    claim(store)
    claim(store)

    assert store.job("job_2").state is State.QUEUED


def test_a_withdrawn_request_is_never_fulfilled(world: World) -> None:
    store, killed = world.store("build1"), world.store("build2")
    enqueue(store, 3)
    leave_request(world.user(), "build2", "c2")
    killed.withdraw_claim()
    claim(store)
    claim(store)

    assert store.job("job_2").state is State.QUEUED


def test_a_request_that_was_fulfilled_already_is_not_again(world: World) -> None:
    """The server died between its two files: main has the claim, and the note lies there still."""
    store, owner = world.store("build1"), world.store("build2")
    enqueue(store, 4)
    taken = owner.claim(claim_id="c2", pipelines=PIPELINES)
    leave_request(world.user(), "build2", "c2")
    claim(store)
    claim(store)

    assert [j.assigned_to for j in store.jobs()] == ["build2", "build1", "build1", None]
    assert taken.job.id == "job_0"
    assert world.user().fetch_notes() == ()


class Overtaken(MemoryRepository):
    """Others act just before it writes, leaves a note or withdraws one."""

    def __init__(self, remote: MemoryRemote) -> None:
        super().__init__(remote)
        self.before_write: list[Callable[[], object]] = []
        self.after_note: list[Callable[[], object]] = []
        self.before_withdrawal: list[Callable[[], object]] = []
        self.writes = 0

    def push_if_unchanged(
        self,
        version: Version,
        changes: Mapping[str, bytes | None],
        message: str,
        takes: Sequence[Note] = (),
        marks: Sequence[Mark] = (),
    ) -> Version:
        if self.before_write:
            self.before_write.pop(0)()
        made = super().push_if_unchanged(version, changes, message, takes, marks)
        self.writes += 1
        return made

    def leave_note(self, owner: str, data: bytes) -> None:
        super().leave_note(owner, data)
        if self.after_note:
            self.after_note.pop(0)()

    def withdraw_note(self, owner: str) -> bool:
        if self.before_withdrawal:
            self.before_withdrawal.pop(0)()
        return super().withdraw_note(owner)


class Race:
    """build1 wins, build2 is overtaken."""

    def __init__(self, jobs: int) -> None:
        self.remote = MemoryRemote()
        self.winner = self._store(MemoryRepository(self.remote), "build1")
        self.repository = Overtaken(self.remote)
        self.late = self._store(self.repository, "build2")
        enqueue(self.winner, jobs)
        self.repository.fetch()

    def _store(self, repository: MemoryRepository, name: str) -> Store:
        return Store(repository, BuilderProfile(id=name), clock=Clock(), pace=Clock().pace)


def test_who_loses_a_race_is_served_by_the_next_who_wins() -> None:
    race = Race(jobs=4)
    race.repository.before_write.append(lambda: claim(race.winner))
    race.repository.after_note.append(lambda: claim(race.winner))

    attempt = claim(race.late)

    assert (attempt.job.id, attempt.job.assigned_to) == ("job_2", "build2")
    assert race.repository.writes == 0
    assert not race.remote.notes


def test_who_is_served_has_its_job_though_others_wait_and_write() -> None:
    """A write for those who wait could lose one race after another while the job is running."""
    race = Race(jobs=5)
    race.repository.before_write.append(lambda: claim(race.winner))

    def serve_and_wait() -> None:
        claim(race.winner)
        leave_request(MemoryRepository(race.remote), "build3", "c3")

    race.repository.after_note.append(serve_and_wait)
    race.repository.before_write += [race.winner.publish_idle] * 1000

    assert claim(race.late).job.id == "job_2"
    assert race.repository.writes == 0


def test_who_loses_a_race_and_wins_the_next_takes_its_own_note_away() -> None:
    race = Race(jobs=2)
    race.repository.before_write.append(lambda: claim(race.winner))

    assert claim(race.late).job.id == "job_1"

    assert race.repository.writes == 1
    assert not race.remote.notes


def test_who_gives_up_leaves_no_request_behind() -> None:
    race = Race(jobs=1)
    race.repository.before_write.append(lambda: claim(race.winner))

    with pytest.raises(NothingToClaim):
        claim(race.late)

    assert not race.remote.notes


def test_who_gives_up_at_the_moment_when_it_is_served_has_the_job() -> None:
    race = Race(jobs=1)
    race.repository.before_write.append(lambda: claim(race.winner))

    def serve() -> None:
        race.winner.enqueue(job("new_1", commit=COMMIT))
        race.winner.enqueue(job("new_2", commit=COMMIT))
        claim(race.winner)

    race.repository.before_withdrawal.append(serve)

    assert claim(race.late).job.id == "new_2"


def test_a_claim_that_is_repeated_when_its_outcome_was_not_known() -> None:
    """The note is there, and the remote goes away; it is served before the claim is repeated."""
    race = Race(jobs=3)
    race.repository.before_write.append(lambda: claim(race.winner))

    def go_away() -> None:
        raise Unavailable("gone")

    race.repository.after_note.append(go_away)
    race.repository.before_withdrawal.append(go_away)
    with pytest.raises(Unavailable):
        race.late.claim(claim_id="c2", pipelines=PIPELINES)
    claim(race.winner)

    assert race.late.claim(claim_id="c2", pipelines=PIPELINES).job.id == "job_2"
    assert not race.remote.notes


def test_another_claim_first_withdraws_what_was_left_for_the_last() -> None:
    race = Race(jobs=3)
    race.repository.before_write.append(lambda: claim(race.winner))

    def go_away() -> None:
        raise Unavailable("gone")

    race.repository.after_note.append(go_away)
    race.repository.before_withdrawal.append(go_away)
    with pytest.raises(Unavailable):
        race.late.claim(claim_id="c2", pipelines=PIPELINES)

    assert race.late.claim(claim_id="c3", pipelines=PIPELINES).job.id == "job_1"
    claim(race.winner)
    assert [j.claim_id for j in race.winner.jobs()].count("c2") == 0
