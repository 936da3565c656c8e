"""A function is applied until it fits; each fault is made by a repository that has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from coordination_tasks.domain.errors import NotFound, OutcomeUnknown, Unavailable, WriteRefused
from coordination_tasks.repository.draft import Draft
from coordination_tasks.repository.memory import MemoryRemote, MemoryRepository
from coordination_tasks.repository.protocol import (
    Mark,
    Moved,
    Note,
    Repository,
    Unanswered,
    Version,
    VersionGone,
)
from coordination_tasks.repository.transaction import transact
from tests.support.coordination.world import Clock


class Faulty(MemoryRepository):
    """Runs `before` the write, and `after` it has landed."""

    def __init__(
        self,
        remote: MemoryRemote,
        *,
        before: Callable[[], None] = lambda: None,
        after: Callable[[Version], None] = lambda _: None,
    ) -> None:
        super().__init__(remote)
        self.before = before
        self.after = after
        self.writes = 0

    def push_if_unchanged(
        self,
        version: Version,
        changes: Mapping[str, bytes | None],
        message: str,
        takes: Sequence[Note] = (),
        marks: Sequence[Mark] = (),
    ) -> Version:
        self.writes += 1
        self.before()
        made = super().push_if_unchanged(version, changes, message, takes, marks)
        self.after(made)
        return made


def run(repository: Repository, function: Callable[[Draft], str], clock: Clock) -> str:
    return transact(repository, function, pace=clock.pace)


def add_line(draft: Draft) -> str:
    """Appends a line; its value is the line's number."""
    old = draft.read("a") or b""
    draft.write("a", old + b"x\n")
    return str(old.count(b"\n") + 1)


def lines(remote: MemoryRemote) -> int:
    return remote.files[remote.tip].get("a", b"").count(b"\n")


def other_writes(remote: MemoryRemote, times: int) -> Callable[[], None]:
    """Somebody else who adds a line before each of our first writes."""
    left = [times]

    def write() -> None:
        if left[0]:
            left[0] -= 1
            other = MemoryRepository(remote)
            run(other, add_line, Clock())

    return write


def test_a_lost_race_is_run_again_on_what_the_winner_wrote() -> None:
    remote, clock = MemoryRemote(), Clock()
    repository = Faulty(remote, before=other_writes(remote, 3))

    assert run(repository, add_line, clock) == "4"

    assert lines(remote) == 4
    assert len(clock.slept) == 3
    assert clock.slept == sorted(clock.slept)


def test_a_cached_version_costs_no_fetch() -> None:
    remote, clock = MemoryRemote(), Clock()
    repository = Faulty(remote)
    run(repository, add_line, clock)
    repository.fetch = lambda: pytest.fail("fetched")  # type: ignore[method-assign]

    assert run(repository, add_line, clock) == "2"


def test_it_gives_up_when_its_patience_ends() -> None:
    remote, clock = MemoryRemote(), Clock()
    repository = Faulty(remote, before=other_writes(remote, 10_000))

    with pytest.raises(Unavailable, match=r"gave up after .* tries: others wrote first"):
        run(repository, add_line, clock)

    assert clock.monotonic() < 2 * clock.pace.patience


def test_what_is_refused_on_an_old_version_is_asked_again_on_the_newest() -> None:
    remote, clock = MemoryRemote(), Clock()
    repository = MemoryRepository(remote)
    repository.fetch()
    run(MemoryRepository(remote), add_line, clock)

    def needs_a_line(draft: Draft) -> str:
        if draft.read("a") is None:
            raise NotFound("no line")
        return "found"

    assert run(repository, needs_a_line, clock) == "found"


def test_an_error_on_the_newest_version_is_the_answer() -> None:
    def fail(draft: Draft) -> str:
        raise NotFound(f"newest: {draft.is_newest}")

    with pytest.raises(NotFound, match="newest: True"):
        run(MemoryRepository(MemoryRemote()), fail, Clock())


def test_a_lost_answer_is_found_in_the_history() -> None:
    remote = MemoryRemote()
    answers = [True]

    def lose_first(made: Version) -> None:
        if answers:
            answers.clear()
            other_writes(remote, 1)()
            raise Unanswered(made, "the connection broke")

    repository = Faulty(remote, after=lose_first)

    assert run(repository, add_line, Clock()) == "1"
    assert lines(remote) == 2
    assert repository.writes == 1


def test_a_write_that_lands_late_is_found_too() -> None:
    """The push of the first try was only slow: it lands while the second one is on its way."""
    remote = MemoryRemote()
    late: list[Callable[[], Version]] = []

    class Slow(MemoryRepository):
        writes = 0

        def push_if_unchanged(
            self,
            version: Version,
            changes: Mapping[str, bytes | None],
            message: str,
            takes: Sequence[Note] = (),
            marks: Sequence[Mark] = (),
        ) -> Version:
            self.writes += 1
            if self.writes == 1:
                other = MemoryRepository(remote)
                made = Version("v1")  # the number that it will get
                late.append(lambda: other.push_if_unchanged(version, changes, message))
                raise Unanswered(made, "timeout")
            if late:
                late.pop()()
            return super().push_if_unchanged(version, changes, message)

    assert run(Slow(remote), add_line, Clock()) == "1"
    assert lines(remote) == 1


def test_a_remote_that_refuses_though_nobody_wrote() -> None:
    def refuse_all() -> None:
        raise Moved

    repository = Faulty(MemoryRemote(), before=refuse_all)

    with pytest.raises(WriteRefused, match="although its branch has not moved"):
        run(repository, add_line, Clock())
    assert repository.writes < 10


def test_a_remote_that_never_answers() -> None:
    def hang() -> None:
        raise Unanswered(Version("lost"), "git got no answer in time")

    with pytest.raises(OutcomeUnknown, match="no answer in time; the write may have succeeded"):
        run(Faulty(MemoryRemote(), before=hang), add_line, Clock())


def test_a_remote_that_is_not_reached_has_nothing_written() -> None:
    def refuse() -> None:
        raise Unanswered(Version("lost"), "Connection refused", left=False)

    with pytest.raises(Unavailable, match=r"Connection refused$") as raised:
        run(Faulty(MemoryRemote(), before=refuse), add_line, Clock())
    assert not isinstance(raised.value, OutcomeUnknown)


def test_a_damaged_copy_is_fetched_again_but_not_for_ever() -> None:
    def damage() -> None:
        raise VersionGone("damaged")

    repository = Faulty(MemoryRemote(), before=damage)

    with pytest.raises(VersionGone):
        run(repository, add_line, Clock())
    assert 1 < repository.writes < 10


def test_nothing_is_written_where_nothing_changed() -> None:
    remote = MemoryRemote()
    repository = Faulty(remote)
    run(repository, add_line, Clock())

    def write_the_same(draft: Draft) -> str:
        draft.write("a", b"x\n")
        return "same"

    assert run(repository, write_the_same, Clock()) == "same"
    assert repository.writes == 1


def test_the_message_says_what_was_done() -> None:
    remote = MemoryRemote()

    def note(*texts: str) -> Callable[[Draft], str]:
        def function(draft: Draft) -> str:
            for text in texts:
                draft.note(text)
            return add_line(draft)

        return function

    repository = MemoryRepository(remote)
    run(repository, note("one\nthing"), Clock())
    assert remote.messages[remote.tip] == "one thing"
    run(repository, note("this", "that"), Clock())
    assert remote.messages[remote.tip] == "that (and 1 more)\n\nthis\nthat"
