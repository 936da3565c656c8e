"""Alerts of several builders: exactly one tells, also after the death of another."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from common.settings.farm import ChannelEntry, FarmFile
from common.settings.notify import Notify, When
from common.states import State
from coordination_tasks.farm.alerts.causes import Observed
from coordination_tasks.farm.alerts.channels.choice import Channels
from coordination_tasks.farm.alerts.own_facts import OwnAlerts, OwnFacts
from coordination_tasks.farm.alerts.sending import Sending
from coordination_tasks.farm.alerts.turn import Alerts, Rules
from coordination_tasks.farm.messages.mailbox import Mailbox
from coordination_tasks.store.attempt_commands import Completion
from tests.support.coordination.world import World, claim, job


class Builder:
    """A builder that tells by a program, which writes down what it gets."""

    def __init__(
        self, world: World, folder: Path, name: str, notify: tuple[Notify, ...] = ()
    ) -> None:
        self.store, self.clock, self.heard = world.store(name), world.clock, folder / "heard"
        script = folder / "tell"
        script.write_text(f"#!/bin/sh\ncat >> {self.heard}\n")
        script.chmod(0o755)
        pager = ChannelEntry(command=(str(script),))
        farm = FarmFile(
            channels={"pager": pager, "book": ChannelEntry(messages="build9", alerts=())}
        )
        self.rules = Rules(farm=farm, notify={"sample": notify} if notify else {})
        self.free = 1 << 40
        mailbox = Mailbox(self.store, clock=world.clock)
        self.alerts = Alerts(
            builder=name,
            store=self.store,
            snapshot=lambda: None,
            observed=Observed,
            facts=self.facts,
            rules=lambda: self.rules,
            sending=lambda rules: Sending(
                farm=rules.farm,
                notify=rules.notify,
                channels=Channels(lambda: None, mailbox),  # type: ignore[arg-type, return-value]
                notice=world.notices.append,
                sleep=lambda _seconds: None,
            ),
            own=OwnAlerts(folder / f"{name}.json"),
            clock=world.clock,
            notice=world.notices.append,
        )

    def facts(self) -> OwnFacts:
        return OwnFacts(
            builder=self.store.builder,
            disk_free=self.free,
            outbox_since=None,
            away_since=None,
            pipelines_problem="",
        )

    def turn(self) -> None:
        self.alerts.tell_of_farm(self.rules, self.store.snapshot(), Observed())

    def build(self, name: str, state: State) -> None:
        self.store.enqueue(job(name))
        attempt = claim(self.store, name)
        reason = f"it {state}"
        self.store.complete(attempt, Completion(state=state, reason=reason, transitions=()))
        self.clock.now += timedelta(minutes=1)

    def told(self) -> list[str]:
        """State and text of each notice, in order."""
        lines = self.heard.read_text().splitlines() if self.heard.exists() else []
        found = [notice for line in lines for notice in json.loads(line)["notices"]]
        return [f"{each['state']}: {each['text']}" for each in found]


def test_one_builder_tells_of_a_broken_branch_and_of_its_recovery(
    world: World, tmp_path: Path
) -> None:
    builders = [Builder(world, tmp_path, name) for name in ("build1", "build2")]
    builders[0].build("bad", State.FAILED)
    builders[0].build("worse", State.FAILED)
    for _ in range(2):
        for builder in builders:
            builder.turn()
    failed = "sample main: job worse failed: it failed"
    assert builders[0].told() == [f"open: {failed}"]
    builders[0].build("good", State.SUCCEEDED)
    for _ in range(4):
        for builder in reversed(builders):
            builder.turn()
        world.clock.now += timedelta(minutes=3)
    assert builders[0].told() == [f"open: {failed}", f"over: {failed}"]
    assert (
        json.loads(builders[0].store.snapshot().read("coordination/alerts.json") or b"")["alerts"]
        == {}
    )


def test_a_farm_in_which_nothing_is_wrong_writes_nothing(world: World, tmp_path: Path) -> None:
    builder = Builder(world, tmp_path, "build1")
    builder.build("good", State.SUCCEEDED)
    before = builder.store.snapshot().version
    builder.turn()
    assert builder.store.snapshot().version == before


def test_a_pipeline_that_wants_each_end(world: World, tmp_path: Path) -> None:
    always = Notify(to=("pager",), when=(When.ALWAYS,))
    builder = Builder(world, tmp_path, "build1", (always,))
    builder.build("before", State.SUCCEEDED)
    builder.turn()
    builder.build("one", State.SUCCEEDED)
    builder.build("two", State.FAILED)
    for _ in range(3):
        builder.turn()
        world.clock.now += timedelta(minutes=6)
    assert builder.told() == [
        "open: sample main: job one succeeded: it succeeded",
        "open: sample main: job two failed: it failed",
    ]


def test_a_builder_tells_of_itself_though_nobody_else_knows(world: World, tmp_path: Path) -> None:
    builder = Builder(world, tmp_path, "build1")
    for free in (1 << 40, 1 << 20, 1 << 20, 1 << 40):
        builder.free = free
        builder.alerts.tell_of_builder(builder.rules, builder.facts())
        world.clock.now += timedelta(minutes=6)
    text = "builder build1: only 1.0 MiB of disk free"
    assert builder.told() == [f"open: {text}", f"over: {text}"]
    assert builder.store.snapshot().read("coordination/alerts.json") is None


def test_a_program_that_fails_is_named_and_tried_three_times(world: World, tmp_path: Path) -> None:
    builder = Builder(world, tmp_path, "build1")
    script = tmp_path / "tell"
    script.write_text(f"#!/bin/sh\necho x >> {tmp_path}/tries\necho no luck >&2\nexit 7\n")
    builder.build("bad", State.FAILED)
    builder.turn()
    builder.turn()
    assert (tmp_path / "tries").read_text() == "x\nx\nx\n"
    assert [line for line in world.notices if "not delivered" in line] == [
        f"alert not delivered: channel pager: {script} ended with exit code 7: no luck"
    ]


def test_messages_in_the_repository(world: World, tmp_path: Path) -> None:
    builder = Builder(world, tmp_path, "build1")
    farm = FarmFile(channels={"book": ChannelEntry(messages="build9")})
    builder.rules = Rules(farm=farm, notify={})
    builder.build("bad", State.FAILED)
    builder.turn()
    [message] = builder.store.snapshot().messages()
    assert (message.sender, message.to, message.type) == ("build1", "build9", "warning")
    assert message.subject == "sample main: job bad failed: it failed"
