"""Answers by rules, and the files of all messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from common.settings.farm import AnswerEntry
from coordination_tasks.documents.messages import Message
from coordination_tasks.farm.messages.answers import Answers
from coordination_tasks.farm.messages.digest import all_text, count, count_lines, status_text
from coordination_tasks.farm.messages.mailbox import Mailbox
from tests.support.coordination.world import NOON, World, closing, memory_world


@pytest.fixture
def world() -> Iterator[World]:
    with closing(memory_world()) as made:
        yield made


def rule(**values: Any) -> AnswerEntry:
    return AnswerEntry.model_validate(
        {"subject": "status*", "reply": "{builder}: {status}"} | values
    )


def box(world: World, builder: str) -> Mailbox:
    return Mailbox(world.store(builder), clock=world.clock)


def turn(world: World, builder: str, **rules: AnswerEntry) -> list[str]:
    """What a builder says of one turn of its watch."""
    store, said = world.store(builder), list[str]()
    Answers(
        builder=builder,
        store=store,
        snapshot=store.snapshot,
        rules=lambda: rules,
        has_room=lambda: True,
        clock=world.clock,
        notice=said.append,
    ).run_due()
    return said


def test_a_message_is_answered_once(world: World) -> None:
    world.store("build2").publish_idle()
    asked = box(world, "build1").send("build2", "Status?")

    said = turn(world, "build2", status=rule())
    again = turn(world, "build2", status=rule())

    assert said == [f"answered message {asked.id} from build1 by rule status"]
    assert again == []
    _, answer = world.store().snapshot().messages()
    assert (answer.sender, answer.to, answer.in_reply_to) == ("build2", "build1", asked.id)
    assert (answer.subject, answer.body) == ("Re: Status?", "build2: idle")
    assert not world.store().snapshot().messages()[0].is_unread_by("build2")


def test_answers_are_not_answered(world: World) -> None:
    box(world, "build1").send("build2", "status?")
    box(world, "build1").send("build2", "Re: status?")
    everything = rule(subject="*")

    for _ in range(3):
        turn(world, "build2", all=everything)
        turn(world, "build1", all=everything)

    assert len(world.store().snapshot().messages()) == 3


def test_the_first_rule_that_matches_counts(world: World) -> None:
    box(world, "build1").send("build2", "status", kind="request")
    rules = {
        "others": rule(**{"from": ["build3"]}, reply="others"),
        "warnings": rule(type="warning", reply="warnings"),
        "requests": rule(type=["request", "error"], reply="{{requests}} {subject} of {sender}"),
        "rest": rule(reply="rest"),
    }

    turn(world, "build2", **rules)

    assert world.store().snapshot().messages()[1].body == "{requests} status of build1"


def test_a_rule_acknowledges_what_asks_for_it(world: World) -> None:
    asked = Message(id="", sender="", to="", subject="status", ack_required=True)
    box(world, "build1").send_to(("build2",), asked)
    box(world, "build1").send("build2", "status of what asks for nothing")

    turn(world, "build2", status=rule(ack=True))

    assert world.store().snapshot().messages()[0].acknowledged_by == ("build2",)


def test_what_cannot_be_repeated_stops_no_answer(world: World) -> None:
    key = "AKIA" + "Q3EGRIZAB7NLTYHW"
    world.write(
        "coordination/messages.json",
        '{"messages": [{"id": "m", "from": "build1", "to": "build2", "subject": "a\\u0007b '
        f'{key}"}}, {{"from": "build1", "to": "build2", "subject": "no id"}},'
        ' {"id": "n", "from": "somebody else", "to": "build2", "subject": "no builder"}]}',
    )

    assert len(turn(world, "build2", all=rule(subject="*", reply="got {subject}"))) == 1

    answer = world.store().snapshot().messages()[-1]
    assert key not in f"{answer.subject} {answer.body}"


@pytest.mark.parametrize("reply", ["{job}", "{builder.id}", "{", "{}", "x" * 2001])
def test_a_reply_has_known_placeholders(reply: str) -> None:
    with pytest.raises(ValueError, match=r"placeholder|brace|at most 2000"):
        rule(reply=reply)


def test_messages_as_files() -> None:
    first = Message(id="m1", sender="build1", to="all", subject="a|b\nc", body="id: m9\nx", at=NOON)
    second = Message(id="m2", sender="build2", to="build1", subject="Re: a", in_reply_to="m1")
    counts = count((first, second), 4, ("build1", "build2"))

    assert count_lines(counts) == (
        "2 messages (2 info), 4 archived",
        "build1: 1 unread, 0 to acknowledge",
        "build2: 1 unread, 0 to acknowledge",
    )
    assert "| 2025-10-29T12:00:00Z | build1 | all | info | a\\|b c |" in status_text(
        (first, second), counts, NOON
    )
    text = all_text((first, second))
    assert "    id: m9" in text, "a text is no head of a message"
    assert "answers: m1" in text
