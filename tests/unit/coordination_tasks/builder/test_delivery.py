"""Few pushes find what a remote refuses. A real remote with a real hook: test_outbox_command.py."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from coordination_tasks.builder.outbox.delivery import Answers, deliver
from coordination_tasks.domain.errors import (
    AllRefused,
    IllegalTransition,
    SecretFound,
    WriteRefused,
)
from coordination_tasks.domain.model import Attempt, Job
from coordination_tasks.store.attempt_commands import AttemptCommand, Fence, Release
from tests.support.coordination.world import NOON

MANY = 1000


class Remote:
    """Refuses a push with one of the `bad` commands in it, and notes what it takes."""

    def __init__(self, bad: Collection[int], error: Exception) -> None:
        self.bad = {str(number) for number in bad}
        self.error = error
        self.pushes = 0
        self.taken: list[str] = []

    def send(self, commands: Sequence[AttemptCommand]) -> Answers:
        self.pushes += 1
        names = [command.fence.job_id for command in commands]
        if self.bad.intersection(names):
            raise self.error
        self.taken += names
        return (None,) * len(commands)


def commands(count: int = MANY) -> list[AttemptCommand]:
    attempts = (
        Attempt(job=Job(id=str(n)), builder="b", number=1, token=1, claim_id="c")
        for n in range(count)
    )
    return [Release(fence=Fence.of(attempt), reason="x", at=NOON) for attempt in attempts]


@pytest.mark.parametrize("error", [WriteRefused("a hook says no"), SecretFound("line 1")])
@pytest.mark.parametrize("bad", [{0}, {77}, {999}, {0, 1, 2}, {0, 1, 2, 50, 51, 52, 999}])
def test_the_bad_ones_are_refused_and_the_others_taken_in_order(
    bad: set[int], error: Exception
) -> None:
    remote = Remote(bad, error)

    answers = deliver(commands(), remote)

    assert [number for number, answer in enumerate(answers) if answer] == sorted(bad)
    assert remote.taken == [str(number) for number in range(MANY) if number not in bad]
    assert remote.pushes <= 21 * len(bad)


@pytest.mark.parametrize("count", [1, 2, 3, 12, MANY])
def test_a_remote_that_takes_nothing_is_soon_left_alone(count: int) -> None:
    remote = Remote(range(count), WriteRefused("main is frozen"))

    with pytest.raises(AllRefused, match="main is frozen"):
        deliver(commands(count), remote)

    assert remote.pushes <= 14


def test_what_is_illegal_anyway_does_not_show_that_a_remote_takes_writes() -> None:
    class Frozen(Remote):
        def send(self, commands: Sequence[AttemptCommand]) -> Answers:
            if [command.fence.job_id for command in commands] == ["1"]:
                return (IllegalTransition("never begun"),)
            return super().send(commands)

    with pytest.raises(AllRefused):
        deliver(commands(2), Frozen({0, 1}, WriteRefused("main is frozen")))


def test_secrets_alone_are_no_sign_of_a_frozen_remote() -> None:
    answers = deliver(commands(2), Remote({0, 1}, SecretFound("line 1")))
    assert [type(answer) for answer in answers] == [SecretFound, SecretFound]
