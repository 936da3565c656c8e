"""`doit watch` beside `doit build`: real processes, really stopped and really killed."""

from __future__ import annotations

import json
import re
import signal
import time

import pytest

from tests.conftest import PATIENCE, Farm, await_that, git, processes_of

DEFAULT_LEASE = 300.0
REASSIGNED_AFTER = 90.0
LEASE = "lease: {lease}s\nheartbeat: {{building: 1s, waiting: 1s, idle: 1s}}\n"
BEGIN = "echo began >> $LEDGER; sleep 1000"


def short_lease(farm: Farm, lease: int) -> None:
    config = farm.folder / "builder.yaml"
    config.write_text(config.read_text() + LEASE.format(lease=lease))


def beats(farm: Farm, builder: str) -> str:
    ref = f"refs/heads/heartbeat-{builder}"
    return git("-C", str(farm.coordination), "for-each-ref", "--format=%(objectname)", ref)


def commits(farm: Farm) -> int:
    return int(git("-C", str(farm.coordination), "rev-list", "--count", "main"))


def test_a_zombie_that_returns_stops_and_writes_nothing(farm: Farm) -> None:
    short_lease(farm, 8)  # seconds in which also a busy machine beats
    farm.second(BEGIN)
    job = farm.enqueue()
    watch = farm.start("watch", builder="build2")
    build = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    await_that(lambda: beats(farm, "build1") != "", "build1 beats")

    def seen_alive() -> bool:
        found = json.loads(farm.doit("jobs", "--json", builder="build2").stdout)
        return bool(found[0]["builder_liveness"] == "alive")

    await_that(seen_alive, "build1 is seen to move")
    shown = farm.doit("status", builder="build2")
    assert shown.returncode == 0, shown.stderr
    assert re.search(rf"^build1 +building.* {job} .* second$", shown.stdout, re.MULTILINE)
    build.send_signal(signal.SIGSTOP)
    await_that(lambda: farm.job(job)["status"] == "queued", "build2 takes the job")
    seen = json.loads(farm.doit("status", "--json", builder="build2").stdout)["builders"]
    assert {b["builder"]: b["liveness"] for b in seen}["build1"] == "silent"
    entry = farm.job(job)
    assert entry["reason"] == "no heartbeat from builder build1 for 8 s"
    watch.terminate()
    watch.wait(timeout=PATIENCE)
    assert watch.returncode == 0
    before = commits(farm)
    build.send_signal(signal.SIGCONT)
    out, err = build.communicate(timeout=PATIENCE)
    assert build.returncode == 5, out + err
    assert "lost the claim" in err
    assert "Traceback" not in out + err
    assert processes_of(farm.folder) == []
    assert commits(farm) == before
    assert farm.job(job) == entry
    farm.second("echo second >> $LEDGER")
    assert farm.doit("build", "--replan", builder="build2").returncode == 0
    assert farm.job(job)["attempt"] == 2


@pytest.mark.slow
def test_a_build_that_lives_keeps_its_job_for_many_leases(farm: Farm) -> None:
    short_lease(farm, 10)
    farm.second("echo began >> $LEDGER; sleep 35")
    job = farm.enqueue()
    watch = farm.start("watch", builder="build2")
    done = farm.doit("build")
    watch.terminate()
    _, told = watch.communicate(timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (farm.job(job)["attempt"], farm.job(job)["assigned_to"]) == (1, "build1")
    assert "was taken" not in told
    assert len(farm.steps(job)) == 6


@pytest.mark.slow
def test_with_default_settings_a_dead_builders_job_is_anothers_90_s_after_its_lease(
    farm: Farm,
) -> None:
    """The one test whose time is what it tests: these seconds are promised."""
    config = farm.folder / "builder.yaml"
    config.write_text(config.read_text().partition("flush_every:")[0])
    farm.second(BEGIN)
    job = farm.enqueue()
    watch = farm.start("watch", builder="build2")
    build = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    died = time.monotonic()
    build.kill()
    build.wait()
    farm.second("echo second >> $LEDGER")
    while farm.job(job)["status"] != "queued":
        assert time.monotonic() - died < DEFAULT_LEASE + REASSIGNED_AFTER
        time.sleep(1)
    assert farm.job(job)["reason"] == "no heartbeat from builder build1 for 300 s"
    assert farm.doit("build", "--replan", builder="build2").returncode == 0
    taken_after = time.monotonic() - died
    assert DEFAULT_LEASE <= taken_after < DEFAULT_LEASE + REASSIGNED_AFTER
    assert (farm.job(job)["assigned_to"], farm.job(job)["attempt"]) == ("build2", 2)
    watch.terminate()
    assert watch.wait(timeout=PATIENCE) == 0


def test_an_idle_farm_commits_nothing_on_main_and_beats_all_the_same(farm: Farm) -> None:
    short_lease(farm, 8)
    farm.enqueue()
    before = commits(farm)
    watches = [farm.start("watch", builder=name) for name in ("build1", "build2")]
    seen: dict[str, set[str]] = {"build1": set(), "build2": set()}

    def both_beat() -> bool:
        for name, found in seen.items():
            found.add(beats(farm, name))
        return all(len(found) > 3 for found in seen.values())

    await_that(both_beat, "both beat three times")
    for watch in watches:
        watch.send_signal(signal.SIGINT)
        assert watch.wait(timeout=PATIENCE) == 0
    assert commits(farm) == before
    beat = git("-C", str(farm.coordination), "show", "heartbeat-build1:build1/heartbeat.json")
    assert set(json.loads(beat)) >= {"server", "timestamp", "uptime_seconds", "healthy"}
    status = git("-C", str(farm.coordination), "show", "heartbeat-build1:build1/status.json")
    assert json.loads(status)["status"] == "idle"
    count = git("-C", str(farm.coordination), "rev-list", "--count", "heartbeat-build1")
    assert count == "1"


def test_a_watch_gives_back_what_a_killed_build_of_its_builder_left(farm: Farm) -> None:
    farm.second(BEGIN)
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    watch = farm.start("watch")
    assert any("sleep" in process.info["name"] for process in processes_of(farm.folder))
    build.kill()
    build.wait()
    await_that(lambda: farm.job(job)["status"] == "queued", "the watch gives the job back")
    assert farm.steps(job)["second"] == "cancelled"
    assert not any("sleep" in process.info["name"] for process in processes_of(farm.folder))
    other = farm.doit("watch")
    assert other.returncode == 3
    assert "another doit watch or doit work is running" in other.stderr
    watch.terminate()
    assert watch.wait(timeout=PATIENCE) == 0
    farm.second("echo second >> $LEDGER")
    assert farm.doit("build", "--replan").returncode == 0
