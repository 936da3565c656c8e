from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from common.settings.farm import ChannelEntry, FarmFile
from common.settings.notify import Notify, When
from coordination_tasks.farm.alerts.causes import Cause, Findings
from coordination_tasks.farm.alerts.message import channels_of, message_of
from coordination_tasks.farm.alerts.settle import Notice, mark_told, settle
from coordination_tasks.store.operations.alert_state import Alert, AlertState
from tests.support.coordination.world import NOON

MINUTE = timedelta(minutes=1)


def wrong(*names: str, events: dict[str, Cause] | None = None) -> Findings:
    """These are wrong, all else is over."""
    active = {name: Cause(kind="disk", text=f"{name} is wrong") for name in names}
    return Findings(active=active, over=lambda _key: True, events=events)


class Builder:
    """Settles a state again and again, and notes what it tells."""

    def __init__(self) -> None:
        self.state = AlertState()
        self.told: list[tuple[str, bool]] = []

    def turn(
        self, found: Findings, now: datetime, name: str = "build1", *, dies: bool = False
    ) -> list[tuple[str, bool]]:
        self.state, due = settle(self.state, found, builder=name, digest=300.0, now=now)
        told = [(notice.key, notice.is_over) for notice in due]
        if due and not dies:
            self.state = mark_told(self.state, due, {}, now)
        return told


def test_a_cause_is_told_once_and_once_that_it_is_over() -> None:
    builder = Builder()
    assert builder.turn(wrong("a"), NOON) == [("a", False)]
    assert builder.turn(wrong("a"), NOON + 10 * MINUTE) == []
    assert builder.turn(wrong(), NOON + 20 * MINUTE) == [("a", True)]
    assert builder.turn(wrong(), NOON + 30 * MINUTE) == []
    assert builder.state.alerts == {}
    assert builder.turn(wrong("a"), NOON + 40 * MINUTE) == [("a", False)]


def test_a_storm_comes_as_a_digest() -> None:
    builder = Builder()
    assert builder.turn(wrong("a"), NOON) == [("a", False)]
    assert builder.turn(wrong("a", "b"), NOON + MINUTE) == []
    assert builder.turn(wrong("a", "b", "c"), NOON + 2 * MINUTE) == []
    told = builder.turn(wrong("b", "c", "d"), NOON + 6 * MINUTE)
    assert told == [("a", True), ("b", False), ("c", False), ("d", False)]


def test_what_begins_and_ends_between_two_messages_is_told_to_nobody() -> None:
    builder = Builder()
    builder.turn(wrong("a"), NOON)
    builder.turn(wrong("a", "short"), NOON + MINUTE)
    builder.turn(wrong("a"), NOON + 2 * MINUTE)
    assert builder.turn(wrong("a"), NOON + 6 * MINUTE) == []


def test_what_comes_back_before_its_end_was_told_is_the_same_cause() -> None:
    builder = Builder()
    builder.turn(wrong("a"), NOON)
    builder.turn(wrong("a", "b"), NOON + 6 * MINUTE)
    builder.turn(wrong("b"), NOON + 7 * MINUTE)
    assert builder.turn(wrong("a", "b"), NOON + 12 * MINUTE) == []


def test_another_builder_tells_when_the_first_one_died() -> None:
    builder = Builder()
    assert builder.turn(wrong("a"), NOON, dies=True) == [("a", False)]
    assert builder.turn(wrong("a"), NOON + 5 * MINUTE, "build2") == []
    assert builder.turn(wrong("a"), NOON + 6 * MINUTE, "build2") == [("a", False)]


def test_a_sender_that_was_taken_for_dead_settles_nothing() -> None:
    state, due = settle(AlertState(), wrong("a"), builder="build1", digest=0, now=NOON)
    later = NOON + 6 * MINUTE
    state, again = settle(state, wrong("a"), builder="build2", digest=0, now=later)
    assert [notice.key for notice in again] == ["a"]
    assert mark_told(state, due, {}, later) == state


def test_an_unknown_state_ends_nothing() -> None:
    builder = Builder()
    builder.turn(wrong("a"), NOON)
    assert builder.turn(Findings(), NOON + 10 * MINUTE) == []
    assert list(builder.state.alerts) == ["a"]


def test_a_clock_that_was_set_back_stops_no_alert() -> None:
    builder = Builder()
    builder.turn(wrong("a"), NOON)
    assert builder.turn(wrong("a", "b"), NOON - timedelta(days=1)) == [("b", False)]


def test_events_from_before_anybody_asked_are_told_to_nobody() -> None:
    def events(*names: str) -> dict[str, Cause]:
        return {name: Cause(kind="job_ended", text=name, pipeline="app") for name in names}

    builder = Builder()
    assert builder.turn(wrong(events=events("old")), NOON) == []
    assert builder.turn(wrong(events=events("old", "new")), NOON + MINUTE) == [("new", False)]
    assert builder.turn(wrong(events=events("old", "new")), NOON + 10 * MINUTE) == []
    assert builder.turn(wrong(events=events("new")), NOON + 20 * MINUTE) == []
    assert builder.state.events == ("new",)
    assert builder.turn(wrong(), NOON + 30 * MINUTE) == []
    assert builder.state.events is None


def notice(kind: str, pipeline: str = "", *, over: bool = False) -> Notice:
    alert = Alert(kind=kind, text=f"{kind}\nhere", pipeline=pipeline, since=NOON)
    return Notice(key=kind, alert=replace(alert, ended_at=NOON) if over else alert)


def test_whom_a_notice_goes_to() -> None:
    farm = FarmFile(
        channels={
            "all": ChannelEntry(messages="all"),
            "disks": ChannelEntry(command=("page",), alerts=("disk",)),
        }
    )
    notify = {"app": [Notify(to=("all", "team")), Notify(to=("log",), when=(When.ALWAYS,))]}
    assert channels_of(notice("disk"), farm, notify) == ("all", "disks")
    assert channels_of(notice("job_slow", "app"), farm, notify) == ("all",)
    assert channels_of(notice("job_failed", "other"), farm, notify) == ("all",)
    assert channels_of(notice("job_failed", "app"), farm, notify) == ("all", "team")
    assert channels_of(notice("job_failed", "app", over=True), farm, notify) == ("all", "team")
    assert channels_of(notice("job_ended", "app"), farm, notify) == ("log",)
    assert channels_of(notice("job_ended", "other"), farm, notify) == ()


def test_the_text_of_a_message() -> None:
    one = message_of([notice("disk", over=True)])
    assert (one.title, one.body) == ("over: disk here", "over: disk here")
    many = message_of([notice("disk")] * 30)
    assert many.title == "30 notices of the build farm: disk here"
    assert many.body.splitlines()[-1] == "… and 10 more; see `doit alerts`"
    assert len(many.document["notices"]) == 30  # type: ignore[arg-type]
