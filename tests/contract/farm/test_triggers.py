"""Triggers of several builders: each commit is queued once, whoever looks, and whenever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.settings.triggers import Push, Schedule, Supersede, Triggers
from common.states import State
from coordination_tasks.domain.model import Job
from coordination_tasks.farm.triggers.looks import TriggerLooks
from coordination_tasks.farm.triggers.record import LookRecord
from coordination_tasks.store.attempt_commands import Completion
from tests.support.coordination.world import World, claim, control, job

FIRST, SECOND, THIRD = ("1" * 40, "2" * 40, "3" * 40)


@dataclass
class Source:
    """A source as it is at some moment; None: it does not answer."""

    triggers: Triggers
    branches: dict[str, str] | None = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    touched: bool | None = True
    repository: str = "/srv/source.git"

    def refs(self) -> Source:
        if self.branches is None:
            raise ConnectionError("cannot read /srv/source.git")
        return Source(self.triggers, dict(self.branches), dict(self.tags))

    def changes(self, since: str, until: str, patterns: Sequence[str]) -> bool | None:
        assert since != until
        assert patterns
        return self.touched


class Builder:
    """A builder that looks at the triggers of the pipeline `app`."""

    def __init__(self, world: World, folder: Path, source: Source, name: str = "build1") -> None:
        self.store, self.source, self.clock = world.store(name), source, world.clock
        self.looks = TriggerLooks(
            builder=name,
            store=self.store,
            snapshot=lambda: None,
            sources=dict,
            check=lambda _job: None,
            every=1.0,
            record=LookRecord(folder / f"{name}.json"),
            clock=world.clock,
            monotonic=world.clock.monotonic,
            notice=world.notices.append,
        )

    def look(self) -> None:
        sources: Mapping[str, Source] = {"app": self.source}
        self.looks.look(self.store.snapshot(), sources)  # type: ignore[arg-type]

    def ids(self) -> list[str]:
        return [job.id for job in self.store.jobs()]

    def said(self, kind: str = "push") -> tuple[str, ...]:
        return self.looks.record.read()[f"app/{kind}"].said

    def problem(self, kind: str = "push") -> str:
        return self.looks.record.read()[f"app/{kind}"].problem


def pushes(**values: object) -> Triggers:
    return Triggers(push=Push(**{"branches": ("*",), **values}))  # type: ignore[arg-type]


def test_the_first_look_only_notes_what_is_there(world: World, tmp_path: Path) -> None:
    source = Source(pushes(tags=("v*",)), {"main": FIRST}, {"v1": FIRST, "other": FIRST})
    builder = Builder(world, tmp_path, source)
    builder.look()
    assert builder.ids() == []
    assert builder.said() == ("2 branches and tags noted, which start nothing",)


def test_a_push_is_queued_once_in_the_farm(world: World, tmp_path: Path) -> None:
    source = Source(pushes(), {"main": FIRST})
    builders = [Builder(world, tmp_path, source, name) for name in ("build1", "build2")]
    builders[0].look()
    stale = builders[1].store.snapshot()
    source.branches = {"main": SECOND}
    builders[0].look()
    builders[1].looks.look(stale, {"app": source})  # type: ignore[dict-item]
    assert builders[1].said() == ("another builder was faster",)
    builders[1].look()
    [queued] = builders[0].store.jobs()
    assert queued.id == f"app-main-{SECOND[:12]}"
    assert (queued.branch, queued.commit) == ("main", SECOND)
    assert queued.trigger == "app/push"
    assert queued.description == "push to branch main"


def test_an_old_look_does_not_bring_an_old_commit_back(world: World, tmp_path: Path) -> None:
    """build2 saw the source before the push, and writes after build1."""
    builder, late = (Builder(world, tmp_path, Source(pushes()), n) for n in ("build1", "build2"))
    builder.source.branches = {"main": FIRST}
    builder.look()
    before = late.store.snapshot()
    late.source.branches = {"main": SECOND}
    builder.source.branches = {"main": THIRD}
    builder.look()
    late.looks.look(before, {"app": late.source})  # type: ignore[dict-item]
    assert builder.ids() == [f"app-main-{THIRD[:12]}"]


def test_a_branch_that_is_set_back_starts_nothing_twice(world: World, tmp_path: Path) -> None:
    source = Source(pushes(), {"main": FIRST})
    builder = Builder(world, tmp_path, source)
    builder.look()
    for commit in (SECOND, THIRD, SECOND):
        source.branches = {"main": commit}
        builder.look()
    assert builder.ids() == [f"app-main-{SECOND[:12]}", f"app-main-{THIRD[:12]}"]
    assert builder.said() == (f"was queued before: job app-main-{SECOND[:12]}",)


def test_new_branches_and_tags_start_jobs_and_many_come_in_parts(
    world: World, tmp_path: Path
) -> None:
    source = Source(pushes(tags=("v*",)), {"main": FIRST})
    builder = Builder(world, tmp_path, source)
    builder.look()
    source.branches = {"main": FIRST} | {f"topic/{n:03}": SECOND for n in range(120)}
    source.tags = {"v1": FIRST}
    builder.look()
    assert len(builder.ids()) == 100
    assert "21 more moved: they follow with the next look" in builder.said()
    builder.look()
    assert len(set(builder.ids())) == 121
    [tagged] = [each for each in builder.store.jobs() if each.description == "push to tag v1"]
    assert (tagged.branch, tagged.commit) == (None, FIRST)
    builder.look()
    assert len(builder.ids()) == 121


def test_patterns_that_are_new_build_no_branch_that_exists(world: World, tmp_path: Path) -> None:
    source = Source(pushes(branches=("main",)), {"main": FIRST, "topic": FIRST})
    builder = Builder(world, tmp_path, source)
    builder.look()
    source.triggers = pushes()
    builder.look()
    assert builder.ids() == []
    source.branches = {"main": FIRST, "topic": SECOND}
    builder.look()
    assert builder.ids() == [f"app-topic-{SECOND[:12]}"]


def test_a_push_that_changes_no_such_file_is_left_out(world: World, tmp_path: Path) -> None:
    source = Source(pushes(paths=("src/*",)), {"main": FIRST}, touched=False)
    builder = Builder(world, tmp_path, source)
    builder.look()
    source.branches = {"main": SECOND}
    builder.look()
    assert builder.ids() == []
    assert builder.said() == (f"main {SECOND[:12]}: changes none of the files of `paths`",)
    source.branches, source.touched = {"main": THIRD}, None
    builder.look()
    assert builder.ids() == [f"app-main-{THIRD[:12]}"]


def test_a_source_that_does_not_answer_is_told_once(world: World, tmp_path: Path) -> None:
    source = Source(pushes(), {"main": FIRST})
    builder = Builder(world, tmp_path, source)
    builder.look()
    source.branches = None
    builder.look()
    builder.look()
    assert builder.problem() == "cannot read /srv/source.git"
    assert world.notices.count("trigger app/push: cannot read /srv/source.git") == 1
    source.branches = {"main": SECOND}
    builder.look()
    assert builder.problem() == ""
    assert builder.ids() == [f"app-main-{SECOND[:12]}"]


def test_a_new_commit_supersedes_waiting_jobs_of_its_branch(world: World, tmp_path: Path) -> None:
    source = Source(pushes(supersede=Supersede.WAITING), {"main": FIRST, "other": FIRST})
    builder = Builder(world, tmp_path, source)
    builder.store.enqueue(job("by a person", pipeline="app"))
    builder.look()
    source.branches = {"main": SECOND, "other": SECOND}
    builder.look()
    running = builder.store.claim(
        claim_id="c", pipelines={"app": ()}, job_id=f"app-other-{SECOND[:12]}"
    )
    source.branches = {"main": THIRD, "other": THIRD}
    builder.look()
    states = {each.id: each.state for each in builder.store.jobs()}
    assert states[f"app-main-{SECOND[:12]}"] is State.CANCELLED
    assert states["by a person"] is State.QUEUED
    assert states[running.job.id] is State.RUNNING
    ended = builder.store.job(f"app-main-{SECOND[:12]}")
    assert ended.reason == (
        f"cancelled by trigger app/push: superseded by job app-main-{THIRD[:12]}"
    )
    del source.branches["main"]
    builder.look()
    gone = builder.store.job(f"app-main-{THIRD[:12]}")
    assert gone.reason == "cancelled by trigger app/push: the branch was deleted"
    assert builder.said() == ("branch main was deleted",)


def test_running_jobs_are_superseded_on_request(world: World, tmp_path: Path) -> None:
    source = Source(pushes(supersede=Supersede.RUNNING), {"main": FIRST})
    builder = Builder(world, tmp_path, source)
    builder.look()
    source.branches = {"main": SECOND}
    builder.look()
    builder.store.claim(claim_id="c", pipelines={"app": ()})
    source.branches = {"main": THIRD}
    builder.look()
    assert [each.state for each in builder.store.jobs()] == [State.CANCELLED, State.QUEUED]


def test_a_paused_trigger_starts_nothing_not_even_afterwards(world: World, tmp_path: Path) -> None:
    source = Source(pushes(), {"main": FIRST})
    builder = Builder(world, tmp_path, source)
    builder.look()
    control(builder.store).pause_trigger("app/push", "too much")
    source.branches = {"main": SECOND}
    builder.look()
    assert builder.ids() == []
    assert control(builder.store).resume_trigger("app/push")
    assert control(builder.store).resume_trigger("app/push") is None
    builder.look()
    assert builder.ids() == []
    source.branches = {"main": THIRD}
    builder.look()
    assert builder.ids() == [f"app-main-{THIRD[:12]}"]


def test_a_pause_that_comes_between_look_and_write_counts(world: World, tmp_path: Path) -> None:
    source = Source(pushes(), {"main": FIRST})
    builder = Builder(world, tmp_path, source)
    builder.look()
    before = builder.store.snapshot()
    control(builder.store).pause_trigger("app/push")
    source.branches = {"main": SECOND}
    builder.looks.look(before, {"app": source})  # type: ignore[dict-item]
    assert builder.ids() == []


NIGHTLY = Triggers(
    schedules=(Schedule(cron="30 2 * * *", timezone="Europe/Berlin", branch="main"),)
)


def test_a_schedule_runs_once_each_time_and_once_for_what_was_missed(
    world: World, tmp_path: Path
) -> None:
    builders = [Builder(world, tmp_path, Source(NIGHTLY), n) for n in ("build1", "build2")]
    world.clock.now = datetime(2025, 10, 24, 12, tzinfo=UTC)
    for _ in range(20):  # five days, in one of which the clocks go back
        world.clock.now += timedelta(hours=6)
        for builder in builders:
            builder.look()
    assert builders[0].ids() == [
        f"app-main-202510{day}T{hour}30Z"
        for day, hour in ((25, "00"), (26, "00"), (27, "01"), (28, "01"), (29, "01"))
    ]
    world.clock.now += timedelta(days=3)
    builders[0].look()
    assert builders[1].ids()[5:] == ["app-main-20251101T0130Z"]
    last = builders[1].store.jobs()[-1]
    assert (last.branch, last.commit, last.trigger) == ("main", None, "app/schedule")


def test_success_of_a_pipeline_starts_the_next_one(world: World, tmp_path: Path) -> None:
    builder = Builder(world, tmp_path, Source(Triggers(after=("sample",))))
    store = builder.store

    def build(name: str, state: State) -> Job:
        store.enqueue(job(name, commit=FIRST, priority=2))
        attempt = claim(store, name)
        store.complete(attempt, Completion(state=state, reason="", transitions=()))
        return store.job(name)

    build("before", State.SUCCEEDED)
    world.clock.now += timedelta(minutes=1)
    builder.look()
    world.clock.now += timedelta(minutes=1)
    build("good", State.SUCCEEDED)
    build("bad", State.FAILED)
    builder.look()
    builder.look()
    [follower] = [each for each in store.jobs() if each.pipeline == "app"]
    assert follower.id == "app-after-good"
    assert (follower.branch, follower.commit, follower.priority) == ("main", FIRST, 2)


def test_a_broken_state_starts_nothing(world: World, tmp_path: Path) -> None:
    source = Source(pushes(), {"main": FIRST})
    builder = Builder(world, tmp_path, source)
    builder.store.change(lambda draft: draft.write("coordination/triggers.json", b"{"))
    builder.look()
    assert builder.problem().startswith("coordination/triggers.json:1:2: invalid JSON")
    assert builder.ids() == []
