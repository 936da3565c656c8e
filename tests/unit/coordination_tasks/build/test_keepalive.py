from __future__ import annotations

import threading
from collections.abc import Callable

from coordination_tasks.build.attempt.keepalive import KeepaliveThread
from coordination_tasks.domain.errors import ClaimLost, Unavailable, WriteRefused

PATIENCE = 60.0


class Script:
    """Answers of a remote, one for each flush; then it is at its end."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.over = threading.Event()
        self.told: list[Exception] = []
        self.lost: list[ClaimLost] = []

    def flush(self) -> None:
        if not self.answers:
            self.over.set()
            return
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer

    def keep(self) -> None:
        thread = KeepaliveThread(
            self.flush,
            look=self.flush,
            every=0.001,
            on_lost=self._lose,
            on_trouble=self.told.append,
        )
        thread.start()
        assert self.over.wait(PATIENCE)
        thread.stop()

    def _lose(self, error: ClaimLost) -> None:
        self.lost.append(error)
        self.over.set()


def test_a_remote_that_goes_away_is_told_once_each_time() -> None:
    away = Unavailable("no route")
    script = Script(None, away, away, away, None, away)
    script.keep()
    assert script.told == [away, away]


def test_a_lost_claim_ends_the_keeping() -> None:
    error = ClaimLost("another has it")
    script = Script(None, error, None)
    script.keep()
    assert script.lost == [error]
    assert script.answers == [None]


def test_other_trouble_is_told_and_does_not_end_the_keeping() -> None:
    error = WriteRefused("hook")
    script = Script(error, error, None, error)
    script.keep()
    assert script.told == [error, error]


def test_a_thread_that_was_never_started_can_be_stopped() -> None:
    script = Script()
    thread = KeepaliveThread(
        script.flush, look=script.flush, every=1, on_lost=print, on_trouble=print
    )
    thread.stop()
    thread.check_claim()
    assert not script.over.is_set()


def test_what_nobody_foresaw_is_told_and_does_not_end_the_keeping() -> None:
    error = OSError("the clone's disk is gone")
    script = Script(error, KeyError("x"), None)
    script.keep()
    assert [str(told) for told in script.told] == [str(error), "'x'"]


class Asked:
    """A thread whose turns are an hour apart, and what it was told when it was asked."""

    def __init__(self, look: Callable[[], None]) -> None:
        self.lost: list[ClaimLost] = []
        self.trouble: list[Exception] = []
        self.turns = 0
        self.thread = KeepaliveThread(
            self._turn,
            look=look,
            every=3600,
            on_lost=self.lost.append,
            on_trouble=self.trouble.append,
        )
        self.thread.start()

    def _turn(self) -> None:
        self.turns += 1


def test_who_asks_knows_of_the_loss_when_the_answer_is_there() -> None:
    error = ClaimLost("another has it")

    def look() -> None:
        raise error

    asked = Asked(look)
    asked.thread.check_claim(PATIENCE)
    assert asked.lost == [error]
    asked.thread.check_claim(PATIENCE)
    asked.thread.stop()
    assert (asked.lost, asked.turns) == ([error], 0)


def test_without_the_remote_the_step_starts() -> None:
    def look() -> None:
        raise Unavailable("no route")

    asked = Asked(look)
    asked.thread.check_claim(PATIENCE)
    assert asked.lost == []
    assert [str(error) for error in asked.trouble] == ["no route"]
    asked.thread.stop()


def test_an_answer_is_not_waited_for_forever() -> None:
    over = threading.Event()

    def look() -> None:
        over.wait(PATIENCE)

    asked = Asked(look)
    asked.thread.check_claim(0.01)
    assert asked.lost == []
    over.set()
    asked.thread.stop()
