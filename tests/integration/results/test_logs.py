"""`doit logs` on the builder, and on a machine that shares only the repository with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, Farm, await_that
from tests.support.coordination.fake_secrets import GITHUB
from tests.support.coordination.world import git


class Laptop(Farm):
    """The same farm from a machine with a disk of its own."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "BUILDER_STATE_DIR": str(self.folder / "laptop")}


@pytest.fixture
def laptop(farm: Farm) -> Laptop:
    builder = farm.folder / "builder.yaml"
    text = "heartbeat: {building: 1s}\nip: 10.0.0.1\nlogs: {tail: 1K, failed: 300}\n"
    builder.write_text(builder.read_text() + text)
    return Laptop(farm.folder)


def shown(farm: Farm, *args: str) -> list[str]:
    done = farm.doit("logs", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


HANGS = (
    "for n in $(seq 300); do echo out $n; done; echo token " + GITHUB + ";"
    " echo second >> $LEDGER; until test -e $LEDGER.go; do sleep 0.1; done; echo goes on"
)


def test_a_hang_is_found_read_and_cancelled_from_a_third_machine(
    farm: Farm, laptop: Laptop
) -> None:
    farm.second(HANGS)
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "second" in farm.ran(), "the second step runs")
    assert "out 300" in shown(farm, job, "second"), "the builder itself reads the file"
    await_that(lambda: "out 300" in laptop.doit("logs", job).stdout, "a heartbeat shows it")

    lines = shown(laptop, job)
    assert lines[-2:] == ["out 300", "[withheld: GitHub Token]"]
    assert "out 1" not in lines, "only the last kilobyte"
    assert shown(laptop, job, "--grep", "out 29[0-9]", "--tail", "1") == ["out 299"]
    [log] = json.loads(laptop.doit("logs", job, "--json").stdout)["logs"]
    assert (log["step"], log["state"], log["source"]) == ("second", "running", "heartbeat")
    assert log["first_line"] + len(log["lines"]) - 1 == 302  # with `$ command`
    output = farm.folder / "followed"
    with output.open("w") as stream:
        follower = laptop.start("logs", job, "-f", stdout=stream.fileno())
    await_that(lambda: "out 300" in output.read_text(), "the follower shows it")

    assert laptop.doit("cancel", job, "--reason", "it hangs").returncode == 0
    _, err = build.communicate(timeout=PATIENCE)
    assert build.returncode == 5, err
    _, err = follower.communicate(timeout=PATIENCE)
    assert follower.returncode == 0, err
    out = output.read_text()
    assert "lines are not shown]" in out
    assert out.count("out 300\n") == 1
    assert "cancelled by" in out.splitlines()[-1]

    whole = shown(laptop, job, "second")
    assert [line for line in whole if line.startswith("out ")] == [
        f"out {n}" for n in range(1, 301)
    ]
    assert GITHUB not in "".join(whole)
    assert int(git(farm.coordination, "rev-list", "--count", "main")) <= 5
    assert git(farm.coordination, "for-each-ref", "--format=%(refname:short)").split() == [
        "heartbeat-build1",
        "logs-build1",
        "main",
    ]


def test_following_on_the_builder_shows_each_line_once_until_the_job_has_ended(
    farm: Farm, laptop: Laptop
) -> None:
    farm.second(HANGS)
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "second" in farm.ran(), "the second step runs")
    follower = farm.start("logs", job, "-f")
    remote = laptop.start("logs", job, "-f", "--json")
    left = farm.start("logs", job, "second", "-f")
    assert left.stdout
    left.stdout.readline()
    left.stdout.close()  # as `head -1` does
    assert left.wait(PATIENCE) == 1, "it ends although the step writes nothing more"
    assert left.stderr
    assert left.stderr.read() == ""
    await_that(lambda: "out 300" in laptop.doit("logs", job).stdout, "a heartbeat shows it")
    Path(f"{farm.ledger}.go").touch()
    assert build.wait(PATIENCE) == 0
    for process in (follower, remote):
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        assert out.count("goes on") == 1, (out, err)
    lines = [json.loads(line) for line in out.splitlines()]
    assert {"step": "second", "line": "goes on"} in lines


def test_a_failure_is_text_on_main_and_its_complete_log_is_published(
    farm: Farm, laptop: Laptop
) -> None:
    farm.second(
        "for n in $(seq 300); do echo out $n; done; printf '\\\\033[31mred\\\\033[0m'; false"
    )
    job = farm.enqueue()
    assert farm.doit("build").returncode == 1
    [path] = [p for p in farm.files() if re.fullmatch(r"build1/logs/\d{8}T\d{6}Z\.log", p)]
    text = farm.read(path)
    assert text.startswith(f"== job {job}, attempt 1, step second: failed: ")
    assert "out 300" in text
    assert "out 1\n" not in text
    lines = shown(laptop, job)
    assert "out 1" in lines
    assert "red" in "".join(lines)
    assert "\033" not in "".join(lines)
    assert "\033[31mred" in laptop.doit("logs", job, "--raw").stdout
    first = shown(laptop, job, "first")
    assert first[0].startswith("$ ")
    assert laptop.doit("logs", job, "third").returncode == 3
    farm.coordination.rename(farm.folder / "away.git")
    assert shown(laptop, job, "first") == first, "what was read once is known"


def test_a_log_that_did_not_reach_the_repository_is_told_with_its_host(
    farm: Farm, laptop: Laptop
) -> None:
    farm.second("echo second >> $LEDGER; sleep 3600")
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "second" in farm.ran(), "the second step runs")
    build.kill()
    build.wait()
    assert farm.doit("build", "--job", "none").returncode == 3
    done = laptop.doit("logs", job, "second", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    told = json.loads(done.stderr)["error"]
    assert "step second, attempt 1, did not reach the repository; build1 (10.0.0.1)" in told


def test_without_the_remote_the_builder_shows_its_file_and_sends_it_later(
    farm: Farm, laptop: Laptop
) -> None:
    farm.second(HANGS)
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "second" in farm.ran(), "the second step runs")
    await_that(lambda: laptop.doit("logs", job, "first").returncode == 0, "others can read first")
    await_that(lambda: laptop.doit("logs", job, "second").returncode == 0, "and the second")
    away = farm.coordination.rename(farm.folder / "away.git")
    done = farm.doit("logs", job, "second")
    assert done.returncode == 0
    assert "out 300\n" in done.stdout
    assert "Showing what this host has" in done.stderr
    [log] = json.loads(farm.doit("logs", job, "--json").stdout)["logs"]
    assert (log["step"], log["state"]) == ("second", "running"), "only the running step"
    unread = laptop.doit("logs", job)
    assert unread.returncode == 1
    assert "cannot reach the last lines of step second" in unread.stderr
    Path(f"{farm.ledger}.go").touch()
    assert build.wait(PATIENCE) == 0
    away.rename(farm.coordination)
    watch = farm.start("watch")
    await_that(lambda: "# exit" in laptop.doit("logs", job, "second").stdout, "the watch sends it")
    watch.terminate()
    assert watch.wait(PATIENCE) == 0
    assert "goes on" in shown(laptop, job, "second")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "expected the id of a job"),
        ("nope", "unknown job 'nope'"),
        ("a b c", "unexpected argument 'c'"),
        ("a --grep (", "--grep expects a regular expression"),
        ("a --tail -1", "--tail expects 1 or more"),
    ],
)
def test_usage(farm: Farm, line: str, words: str) -> None:
    done = farm.doit("logs", *line.split())
    assert done.returncode == 3
    assert words in done.stderr


def test_a_job_that_waits_has_no_logs(farm: Farm) -> None:
    job = farm.enqueue()
    done = farm.doit("logs", job)
    assert done.returncode == 3
    assert "no builder has claimed it" in done.stderr
