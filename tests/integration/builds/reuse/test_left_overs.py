"""Whatever happened on a builder before, a job that succeeds makes what a new builder makes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.conftest import AUTHOR, PATIENCE, Farm, await_that, git
from tests.integration.builds.test_language_run import end_of

COUNT = "echo more >> tracked.txt; echo new >> untracked.txt; echo ign >> ignored.txt"
STATE = Path("state/build1/jobs")


@pytest.fixture
def dirty(farm: Farm) -> Farm:
    """A farm whose one step leaves files of all sorts and fails unless there is a flag."""
    (farm.source / "tracked.txt").write_text("base\n")
    (farm.source / ".gitignore").write_text("ignored.txt\n")
    push(farm)
    farm.pipeline(f"""
    - name: count
      run: |
        {COUNT}; wc -l *.txt
        echo x >> $LEDGER; if test -e $LEDGER.hang; then sleep 600; fi
        test -e $LEDGER.flag
    """)
    return farm


def push(farm: Farm, *refs: str) -> str:
    commit = farm.commit_source("change") if not refs else ""
    git("-C", str(farm.source), "push", "--quiet", "--force", "../source.git", *(refs or ["main"]))
    return commit


def lines(farm: Farm, job: str) -> list[int]:
    source = farm.folder / STATE / job / "build/source"
    names = ("tracked.txt", "untracked.txt", "ignored.txt")
    return [len((source / name).read_text().splitlines()) for name in names]


def flag(farm: Farm) -> None:
    farm.ledger.with_name("ledger.flag").touch()


def succeed(farm: Farm, job: str, *more: str) -> None:
    done = farm.doit("build", "--job", job, *more)
    assert done.returncode == 0, done.stdout + done.stderr


def test_of_a_failed_job_nothing_is_left_for_others_or_for_itself(dirty: Farm) -> None:
    first, second = dirty.enqueue(), dirty.enqueue()
    for _ in range(2):
        assert dirty.doit("build", "--job", first).returncode == 1
    flag(dirty)
    succeed(dirty, second)
    succeed(dirty, first)
    assert (lines(dirty, second), lines(dirty, first)) == ([2, 1, 1], [2, 1, 1])
    assert dirty.steps(second)["git-checkout"] == "succeeded"
    assert dirty.steps(first, attempt=3)["git-checkout"] == "up_to_date"


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_nor_of_a_killed_one(dirty: Farm, sign: signal.Signals) -> None:
    hang = dirty.ledger.with_name("ledger.hang")
    hang.touch()
    flag(dirty)
    job = dirty.enqueue()
    process = dirty.start("build")
    await_that(lambda: "x" in dirty.ran(), "the step begins")
    os.kill(process.pid, sign)
    process.communicate(timeout=PATIENCE)
    hang.unlink()
    succeed(dirty, job)
    assert lines(dirty, job) == [2, 1, 1]


def test_nor_of_earlier_tries_of_the_same_run(dirty: Farm) -> None:
    dirty.pipeline(f"""
    - name: count
      run: "{COUNT}; echo x >> $LEDGER; test $(wc -l < $LEDGER) = 3"
      retries: {{count: 3, backoff: 1s}}
    """)
    job = dirty.enqueue()
    succeed(dirty, job)
    assert lines(dirty, job) == [2, 1, 1]


def test_nor_of_a_step_that_worked_beside_another(farm: Farm) -> None:
    """What they left cannot be told apart: all run again."""
    farm.pipeline("""
    - {name: named, needs: git-checkout, outputs: [n.txt],
       run: "echo n >> $LEDGER; echo >> n.txt; until test -e $LEDGER.b; do sleep 0.05; done"}
    - {name: other, needs: git-checkout,
       run: "echo o >> $LEDGER; echo >> o.txt; until test -e $LEDGER.b; do sleep 0.05; done"}
    - {name: bad, needs: git-checkout, retries: {count: 2, backoff: 1s},
       run: "until grep n $LEDGER && grep o $LEDGER; do sleep 0.05; done;
         echo b >> $LEDGER; echo >> b.txt; touch $LEDGER.b; test -e $LEDGER.flag"}
    - {name: last, needs: [named, other, bad], run: "cat *.txt"}
    """)
    job = farm.enqueue()
    done = farm.doit("build", "-n", "4")
    assert done.returncode == 1
    log = Path(end_of(farm, job, "bad")["log"]).read_text()
    assert "not retried: its changes in the source tree cannot be separated" in log
    flag(farm)
    succeed(farm, job)
    assert sorted(farm.ran()) == ["b", "b", "n", "n", "o", "o"]
    source = farm.folder / STATE / job / "build/source"
    assert {path.name: path.read_text() for path in source.glob("*.txt")} == dict.fromkeys(
        ("n.txt", "o.txt", "b.txt"), "\n"
    )


def test_a_step_that_does_not_run_this_time_has_made_nothing(farm: Farm) -> None:
    farm.pipeline("""
    - {name: tried, run: "test -e $LEDGER.flag"}
    - {name: repair, run: "echo x > repaired; echo version=1 >> $STEP_OUTPUT", values: [version],
       when: failure}
    - {name: see, needs: [tried, repair], run: "ls >> $LEDGER; echo [$V] >> $LEDGER",
       env: {V: "${{ steps.repair.outputs.version }}"}}
    """)
    job = farm.enqueue()
    assert farm.doit("build").returncode == 1
    assert farm.steps(job)["repair"] == "succeeded"
    flag(farm)
    succeed(farm, job)
    assert farm.steps(job, attempt=2)["repair"] == "skipped"
    assert farm.ran() == ["hello", "[]"]


TAGGED = """
- {name: version, run: "echo version=$(git describe --always) >> $STEP_OUTPUT", values: [version]}
- {name: file, run: "git describe --always > v.txt", outputs: [v.txt]}
"""


def version(farm: Farm, job: str) -> str:
    """What both steps say."""
    source = farm.folder / STATE / job / "build/source"
    attempt = farm.job(job)["attempt"]
    given = end_of(farm, job, "version", attempt)
    told = given["details"].get("values", {}).get("version")
    written = (source / "v.txt").read_text().strip()
    assert told in (None, written)
    return written


def tag(farm: Farm, name: str, *what: str) -> None:
    git(*AUTHOR, "-C", str(farm.source), "tag", "--force", "-m", "x", name, *what)
    push(farm, f"refs/tags/{name}")


def test_a_tag_that_was_pushed_or_moved_later_counts(farm: Farm) -> None:
    farm.pipeline(TAGGED)
    tag(farm, "v0.9")
    (farm.source / "hello").write_text("more\n")
    push(farm)
    first = farm.enqueue()
    succeed(farm, first)
    assert version(farm, first).startswith("v0.9-1-g")
    tag(farm, "v1.0")
    second = farm.enqueue()
    succeed(farm, second)
    succeed(farm, first)
    assert (version(farm, second), version(farm, first)) == ("v1.0", "v1.0")
    reason = end_of(farm, first, "git-checkout", 2)
    assert reason["to"] == "succeeded"

    tag(farm, "v1.0", "HEAD~1")
    push(farm, ":refs/tags/v0.9")
    third = farm.enqueue()
    succeed(farm, third)
    succeed(farm, first)
    for job in (first, third):
        assert version(farm, job).startswith("v1.0-1-g")


def test_a_tag_elsewhere_changes_nothing(farm: Farm) -> None:
    farm.pipeline(TAGGED)
    job = farm.enqueue()
    succeed(farm, job)
    (farm.source / "hello").write_text("more\n")
    push(farm)
    tag(farm, "v2.0")
    succeed(farm, job)
    states = farm.steps(job, attempt=2)
    assert (states["git-checkout"], states["version"]) == ("up_to_date", "up_to_date")


def test_branches_in_the_tree_are_those_of_now(farm: Farm) -> None:
    farm.pipeline("""
    - {name: see, run: "git rev-parse origin/main >> $LEDGER; git branch -r >> $LEDGER"}
    """)
    git("-C", str(farm.source), "branch", "gone")
    push(farm, "gone")
    succeed(farm, farm.enqueue())
    push(farm, ":gone")
    (farm.source / "hello").write_text("more\n")
    now = push(farm)
    farm.ledger.unlink()
    succeed(farm, farm.enqueue("--commit", farm.commit))
    assert now in farm.ran()
    assert not [word for word in farm.ran() if "gone" in word]


NAMES = ["feat(x)-y", "fix/it's", "R&D", "feat!", "a{b", "release/1.0$", "DEV_HEAD", "x;id", "`id`"]


@pytest.mark.slow
def test_branches_by_every_name_that_git_allows(farm: Farm) -> None:
    farm.pipeline("""
    - {name: see, run: 'printf "%s\\n" "$BUILD_BRANCH" >> $LEDGER'}
    """)
    for name in NAMES:
        git("-C", str(farm.source), "branch", name)
        push(farm, name)
        succeed(farm, farm.enqueue("--branch", name))
    assert farm.ran() == NAMES


def test_a_tag_is_queued_by_its_name(farm: Farm) -> None:
    farm.pipeline(TAGGED)
    tag(farm, "v1")
    (farm.source / "hello").write_text("more\n")
    push(farm)
    done = farm.doit("enqueue", "--pipeline", "ledger", "--tag", "v1")
    job = done.stdout.strip()
    assert farm.job(job)["commit"] == farm.commit
    succeed(farm, job)
    assert version(farm, job) == "v1"
    for words, said, code in (
        (("--tag", "v2"), "the source of pipeline ledger has no tag 'v2'", 3),
        (("--tag", "v1", "--commit", farm.commit), "exclude each other", 3),
        (("--tag", "a b"), "invalid tag 'a b'", 3),
        ((), "missing --branch, --commit or --tag", 3),
    ):
        refused = farm.doit("enqueue", "--pipeline", "ledger", *words)
        assert (refused.returncode, said in refused.stderr) == (code, True), refused.stderr
    (farm.folder / "source.git").rename(farm.folder / "away.git")
    refused = farm.doit("enqueue", "--pipeline", "ledger", "--tag", "v1")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1), refused.stderr
