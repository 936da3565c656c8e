"""Messages: the reference's file, what real files hold, and who has read what."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from coordination_tasks.documents.messages import Message, MessagesDocument
from coordination_tasks.domain.errors import BadRequest, BrokenDocument, NotFound
from coordination_tasks.farm.messages.mailbox import Mailbox
from coordination_tasks.store.store import Store
from tests.support.coordination.world import NOON, World

MESSAGES = "coordination/messages.json"
REAL = """{
  "messages": [
    {"id": "m1", "from": "build2", "to": "all", "subject": "old", "timestamp": "2025-11-04 20:45",
     "priority": "high", "tags": ["x"]},
    "torn",
    {"from": "build2", "to": "build1", "type": "request", "body": "no id", "read": true},
    {"id": 7, "from": "build1", "to": "build2", "read": false}
  ],
  "metadata": {"v": 1}
}
"""


def box(world: World, name: str = "build1") -> Mailbox:
    return Mailbox(world.store(name), clock=world.clock)


def subjects(messages: tuple[Message, ...]) -> list[str]:
    return [message.subject for message in messages]


def test_a_message_has_the_keys_of_the_reference(world: World) -> None:
    sent = box(world).send("build2", "Brief", kind="warning", body="Long\ntext")

    assert json.loads(world.text(MESSAGES)) == {
        "messages": [
            {
                "id": sent.id,
                "from": "build1",
                "to": "build2",
                "type": "warning",
                "subject": "Brief",
                "body": "Long\ntext",
                "timestamp": "2025-10-29T12:00:00Z",
                "read": False,
            }
        ]
    }
    assert world.store().snapshot().messages() == (sent,)


def test_what_real_files_hold() -> None:
    document = MessagesDocument(REAL.encode())

    first, second, third = document.messages
    assert (first.type, first.read, first.at is not None) == ("info", False, True)
    assert first.is_unread_by("build1")
    assert not first.is_unread_by("build2"), "its sender knows it"
    assert (second.id, second.read, second.is_unread_by("build1")) == ("", True, False)
    assert (third.id, third.subject) == ("7", "")
    assert document.unreadable() == (f"{MESSAGES}: entry 2 is not an object",)


def test_marking_leaves_all_else_as_it_was(world: World) -> None:
    world.write(MESSAGES, REAL)

    [marked] = box(world).mark_read()

    assert marked.id == "m1"
    changed = '"tags": ["x"], "read": false, "read_by": ["build1"]}'
    assert world.text(MESSAGES).replace("\n     ", " ") == REAL.replace(
        '"tags": ["x"]}', changed
    ).replace("\n     ", " ")


def test_a_message_to_one_is_read_by_that_one(world: World) -> None:
    one, other = box(world, "build1"), box(world, "build2")
    sent = one.send("build2", "for you")

    assert subjects(other.unread()) == ["for you"]
    assert one.unread() == ()
    with pytest.raises(NotFound, match="to build1"):
        one.mark_read([sent.id])
    assert subjects(other.mark_read([sent.id])) == ["for you"]
    assert other.unread() == other.mark_read() == ()
    assert json.loads(world.text(MESSAGES))["messages"][0]["read"] is True


def test_a_message_to_all_is_read_by_each(world: World) -> None:
    stores: list[Store] = [world.store(f"build{n}") for n in (1, 2, 3)]
    for store in stores:
        store.publish_idle()
    one, two, three = map(Mailbox, stores)
    one.send("all", "stop at noon")

    two.mark_read()

    read = json.loads(world.text(MESSAGES))["messages"][0]
    assert (read["read"], read["read_by"]) == (False, ["build2"])
    assert (one.unread(), two.unread(), subjects(three.unread())) == ((), (), ["stop at noon"])
    three.mark_read()
    assert json.loads(world.text(MESSAGES))["messages"][0]["read"] is True, "all have read it"


def test_an_older_program_hides_no_message_to_all(world: World) -> None:
    box(world).send("all", "stop")
    world.write(MESSAGES, world.text(MESSAGES).replace('"read": false', '"read": true'))

    assert subjects(box(world, "build2").unread()) == ["stop"]


def test_a_message_is_archived_when_asked(world: World) -> None:
    one, two = box(world), box(world, "build2")
    sent = one.send("build2", "first")
    one.send("build2", "second")

    with pytest.raises(NotFound):
        box(world, "build3").archive([sent.id])
    two.archive([sent.id])

    assert subjects(world.store().snapshot().messages()) == ["second"]
    archived = json.loads(world.text("coordination/archive/2025-10/messages/1.jsonl"))
    assert (archived["id"], archived["subject"]) == (sent.id, "first")


@pytest.mark.parametrize(
    "send",
    [
        lambda box: box.send("a b", "x"),
        lambda box: box.send("build2", "x", kind="shout"),
        lambda box: box.send("build2", " "),
        lambda box: box.send("build2", "two\nlines"),
        lambda box: box.send("build2", "x" * 201),
        lambda box: box.send("build2", "x", body="x" * 20_001),
        lambda box: box.send("build2", "x", body="\0"),
    ],
)
def test_what_cannot_be_sent(world: World, send: Callable[[Mailbox], object]) -> None:
    with pytest.raises(BadRequest):
        send(box(world))


@pytest.mark.parametrize("text", ['{"messages": [', '{"messages": {}}', "[]", "<<<<<<< HEAD\n"])
def test_a_broken_document_is_named_and_left_alone(world: World, text: str) -> None:
    world.write(MESSAGES, text)
    mailbox = box(world)

    for act in (mailbox.unread, mailbox.mark_read, lambda: mailbox.send("all", "x")):
        with pytest.raises(BrokenDocument, match=r"coordination/messages\.json"):
            act()
    assert world.text(MESSAGES) == text


def test_freed_locks_are_told_to_all_though_nobody_may_hear(world: World) -> None:
    lock = {"locked_by": "build9\n", "locked_at": "2025-10-29 10:00", "expires_at": None}
    world.write("coordination/locks.json", json.dumps({"locks": {"x": lock}}))
    store = world.store()

    assert [freed.name for freed in store.free_expired_locks()] == ["x"]

    [told] = store.snapshot().messages()
    assert (told.to, told.type, told.at) == ("all", "warning", NOON)
    assert told.subject == "released expired lock x held by build9?"
    assert store.free_expired_locks() == ()


def test_locks_are_freed_also_when_messages_are_broken(world: World) -> None:
    world.write_all(
        {
            MESSAGES: b"{",
            "coordination/locks.json": b'{"locks": {"x": {"locked_by": "b", "locked_at": 5}}}',
        }
    )

    assert len(world.store().free_expired_locks()) == 1
    assert world.text(MESSAGES) == "{"
    assert "cannot warn others that lock x was released" in world.notices[0]
