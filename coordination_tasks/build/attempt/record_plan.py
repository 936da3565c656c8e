"""How often a running attempt writes to the history that all builders share. Pure."""

from __future__ import annotations

_STEPS_A_WRITE = 2


def may_record(written: int, ended_steps: int) -> bool:
    """Whether transitions are to be written now, after `written` such writes of this attempt.

    One write for two steps, however long they take: with claim and end, a job of six steps takes
    five commits. What runs meanwhile is told by the heartbeats; what ended is safe in the outbox.
    """
    return ended_steps >= _STEPS_A_WRITE * written
