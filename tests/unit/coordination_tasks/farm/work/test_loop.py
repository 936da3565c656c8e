"""When `doit work` starts a build, what it does with its end, and when it ends itself."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from coordination_tasks.domain.errors import Unavailable
from coordination_tasks.farm.work.loop import LONGEST_SILENCE, Until, Work, poll_interval
from coordination_tasks.farm.work.service_manager import ServiceManager
from tests.support.coordination.world import claim, control, job, memory_world


class Build:
    """A `doit build` that ends when the test says so."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.words = ""
        self.silence = 0.0
        self.signals: list[int] = []

    def poll(self) -> int | None:
        return self.code

    def silent_for(self) -> float:
        return self.silence

    def signal(self, number: int) -> None:
        self.signals.append(number)

    def last_words(self) -> str:
        return self.words


class Bench:
    """The work of build1, whose time passes when it waits."""

    def __init__(self, until: Until = Until.NEVER, *, finishes: bool = False) -> None:
        self.world = memory_world()
        self.store = self.world.store()
        self.seen = self.store.snapshot()
        self.now = 1000.0
        self.looks = 0
        self.watched = 0
        self.builds: list[Build] = []
        self.notices: list[str] = []
        self.pipelines = 1
        self.away = False
        self.at_end: Callable[[], object] = lambda: None
        self.work = Work(
            builder="build1",
            watch=self.watch,
            look=self.look,
            snapshot=lambda: self.seen,
            start_build=self.start,
            pipelines_state=lambda: self.pipelines,
            service=ServiceManager({}, monotonic=lambda: self.now),
            watch_every=30.0,
            until=until,
            finishes=finishes,
            monotonic=lambda: self.now,
            wait=self.wait,
            notice=self.notices.append,
        )
        self.ends_at = 0.0

    def watch(self) -> None:
        self.watched += 1

    def look(self) -> None:
        self.looks += 1
        if self.away:
            raise Unavailable("away")
        self.seen = self.store.snapshot()

    def start(self) -> Build:
        self.builds.append(Build())
        return self.builds[-1]

    def wait(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.ends_at:
            self.at_end()

    def run(self, seconds: float) -> int:
        """Work for so long, then end by a signal that ends what runs, too."""
        self.ends_at = self.now + seconds

        def end() -> None:
            self.work.end()
            for build in self.builds:
                build.code = 130 if build.code is None else build.code

        self.at_end = end
        return self.work.run()

    def end_builds(self, code: int, words: str = "") -> None:
        """From now on each build ends at once, and changes nothing."""
        start = self.start

        def ending() -> Build:
            build = start()
            build.code, build.words = code, words
            return build

        self.work.start_build = ending


def test_a_new_job_is_seen_within_5_s_and_an_idle_farm_starts_nothing() -> None:
    bench = Bench()
    assert bench.run(60) == 0
    assert (bench.builds, bench.watched) == ([], 2)
    assert 15 <= bench.looks <= 21
    bench = Bench()
    bench.store.enqueue(job())
    bench.run(5)
    assert len(bench.builds) == 1


@pytest.mark.parametrize(
    ("cost", "builders", "seconds"), [(0.01, 2, 3), (0.4, 2, 4), (2, 2, 20), (0.01, 100, 20)]
)
def test_slow_remotes_and_large_farms_are_asked_less(
    cost: float, builders: int, seconds: float
) -> None:
    assert poll_interval(cost, builders) == seconds


def test_what_prevents_a_build_is_said_once_and_tried_again_when_something_changes() -> None:
    bench = Bench()
    bench.store.enqueue(job())
    bench.end_builds(4, "doit build: none matches")
    bench.run(130)
    assert len(bench.builds) == 3  # at once, then each minute
    assert bench.notices == ["doit build: none matches"]
    bench = Bench()
    bench.store.enqueue(job())
    bench.end_builds(3, "broken")
    before = bench.watch

    def mend() -> None:
        before()
        bench.pipelines = 2 if bench.watched > 1 else 1

    bench.work.watch = mend
    bench.run(40)
    assert len(bench.builds) == 2


def test_builds_that_fail_are_started_ever_more_rarely() -> None:
    bench = Bench()
    for number in range(100):
        bench.store.enqueue(job(f"job_{number}"))
    start = bench.start

    def fail() -> Build:
        build = start()
        claim(bench.store)
        build.code = 1
        return build

    bench.work.start_build = fail
    bench.run(120)
    assert 5 <= len(bench.builds) <= 8


def test_jobs_for_others_and_a_drained_builder_start_nothing() -> None:
    bench = Bench()
    bench.store.enqueue(job(wanted_builder="build2"))
    bench.run(30)
    assert bench.builds == []
    bench = Bench()
    bench.store.enqueue(job())
    control(bench.store).drain("build1", "new disk")
    bench.run(30)
    assert bench.builds == []


def test_a_build_without_a_sign_of_life_is_killed() -> None:
    bench = Bench()
    bench.store.enqueue(job())

    def start() -> Build:
        build = bench.start()
        build.silence = LONGEST_SILENCE + 1
        return build

    bench.work.start_build = start
    bench.run(5)
    assert signal.SIGKILL in bench.builds[0].signals
    assert "no sign of life" in bench.notices[0]


def test_a_signal_reaches_the_build_and_with_finish_only_the_second() -> None:
    bench = Bench()
    bench.store.enqueue(job())
    assert bench.run(5) == 0
    assert bench.builds[0].signals == [signal.SIGTERM]
    bench = Bench(finishes=True)
    bench.store.enqueue(job())
    assert bench.run(5) == 0
    assert bench.builds[0].signals == []
    bench = Bench(finishes=True)
    bench.store.enqueue(job())
    bench.at_end = bench.work.end
    bench.ends_at = bench.now + 5

    def twice() -> None:
        bench.work.end()
        if bench.builds[0].signals:
            bench.builds[0].code = 143

    bench.at_end = twice
    bench.work.run()
    assert bench.builds[0].signals == [signal.SIGTERM]


@pytest.mark.parametrize(
    ("until", "code", "ended"),
    [(Until.ONE_BUILD, 1, 1), (Until.ONE_BUILD, 4, 4), (Until.IDLE, 4, 0), (Until.IDLE, 3, 3)],
)
def test_how_it_ends_by_itself(until: Until, code: int, ended: int) -> None:
    bench = Bench(until)
    bench.store.enqueue(job())
    bench.end_builds(code)
    assert bench.work.run() == ended
    assert len(bench.builds) == 1


@pytest.mark.parametrize(("until", "ended"), [(Until.ONE_BUILD, 4), (Until.IDLE, 0)])
def test_it_ends_when_nothing_waits_or_the_remote_is_away(until: Until, ended: int) -> None:
    bench = Bench(until)
    assert bench.work.run() == ended
    bench = Bench(until)
    bench.away = True
    assert bench.work.run() == 1


def test_while_the_remote_is_away_it_is_asked_as_often_as_the_watch_looks() -> None:
    bench = Bench()
    bench.away = True
    bench.store.enqueue(job())
    bench.run(60)
    assert (bench.looks, bench.builds) == (2, [])
