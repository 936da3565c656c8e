"""Which messages `doit messages` shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from coordination_tasks.commands.views.message_filter import MessageFilter
from coordination_tasks.documents.messages import Message
from coordination_tasks.domain.errors import NotFound
from tests.support.coordination.world import NOON


def message(name: str, hours: float, **values: Any) -> Message:
    values = {"sender": "build2", "to": "build1", "subject": name, **values}
    return Message(id=name, at=NOON + timedelta(hours=hours), **values)


MESSAGES = (
    message("read", 0, read=True),
    message("ask", 1, by="Ann", ack_required=True),
    message("old answer", 2, sender="build1", to="build2", subject="RE: re: ask"),
    message("new answer", 3, subject="other", in_reply_to="old answer"),
    message("untimed", 4, subject=""),
    message("elsewhere", 5, to="build3", subject=""),
)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, ["ask", "new answer", "untimed"]),
        ({"every": True, "limit": 2}, ["untimed", "elsewhere"]),
        ({"every": True, "unread": True}, ["ask", "new answer", "untimed"]),
        ({"sender": "Ann"}, ["ask"]),
        ({"every": True, "sender": "build1"}, ["old answer"]),
        ({"since": NOON + timedelta(hours=3)}, ["new answer", "untimed"]),
        ({"thread": "ask"}, ["ask", "old answer", "new answer"]),
        ({"thread": "new answer"}, ["old answer", "new answer"]),
        ({"thread": "untimed"}, ["untimed"]),
        ({"thread": "ask", "unread": True}, ["ask", "new answer"]),
        ({"ids": ("read", "elsewhere")}, ["read", "elsewhere"]),
    ],
)
def test_what_is_shown(options: dict[str, Any], shown: list[str]) -> None:
    assert [m.id for m in MessageFilter(**options).of(MESSAGES, "build1")] == shown


@pytest.mark.parametrize("options", [{"ids": ("x",)}, {"thread": "x"}])
def test_an_unknown_id_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(NotFound, match="unknown message 'x'"):
        MessageFilter(**options).of(MESSAGES, "build1")


def test_who_is_to_acknowledge() -> None:
    to_all = message("all", 0, to="all", ack_required=True, acknowledged_by=("build3",))
    asked = [b for b in ("build1", "build2", "build3", "build4") if to_all.awaits_ack_of(b)]
    assert asked == ["build1", "build4"]
