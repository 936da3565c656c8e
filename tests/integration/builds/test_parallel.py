"""Steps that don't need each other run at once, and all of them end when the build has to."""

from __future__ import annotations

import signal

import pytest

from tests.conftest import PATIENCE, Farm, await_that, processes_of
from tests.integration.commands.test_bad_input import one_line

MEET = "touch $LEDGER.{me}; until [ -e $LEDGER.{other} ]; do sleep 0.02; done; echo met >> $LEDGER"


def meeting(me: str, other: str) -> str:
    return MEET.format(me=me, other=other)


PAIR = """
- {name: left, needs: git-checkout, run: "%s"}
- {name: right, needs: git-checkout, run: "%s"}
- {name: after, needs: [left, right], run: "echo after >> $LEDGER"}
"""


def test_two_steps_run_at_once_and_the_third_waits_for_both(farm: Farm) -> None:
    config = farm.folder / "builder.yaml"
    config.write_text(config.read_text() + "parallel: 2\n")
    farm.pipeline(PAIR % (meeting("a", "b"), meeting("b", "a")))
    job = farm.enqueue()
    done = farm.doit("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert farm.ran() == ["met", "met", "after"]
    assert set(farm.steps(job).values()) == {"succeeded"}


def test_one_at_a_time_unless_asked(farm: Farm) -> None:
    alone = "mkdir $LEDGER.lock && sleep 0.2 && rmdir $LEDGER.lock && echo alone >> $LEDGER"
    farm.pipeline(PAIR % (alone, alone))
    farm.enqueue()
    assert farm.doit("build").returncode == 0
    assert farm.ran() == ["alone", "alone", "after"]


def test_a_failure_lets_the_other_branch_end_and_is_published_last(farm: Farm) -> None:
    slow = f"{meeting('b', 'a')}; sleep 0.5; echo end >> $LEDGER"
    steps = [
        ("slow", "git-checkout", slow),
        ("apart", "slow", "echo apart >> $LEDGER"),
        ("bad", "git-checkout", "touch $LEDGER.a; exit 3"),
        ("after", "bad", "echo after >> $LEDGER"),
    ]
    line = '- {name: %s, needs: %s, run: "%s"}'
    farm.pipeline("\n".join(line % step for step in steps) + "\n")
    job = farm.enqueue()
    assert farm.doit("build", "-n", "4").returncode == 1
    assert farm.ran() == ["met", "end", "apart"]
    states = farm.steps(job)
    assert (states["bad"], states["slow"], states["after"]) == ("failed", "succeeded", "skipped")
    ends = [t["step"] for t in farm.transitions(job) if t["from"] == "running"]
    assert ends[-2:] == ["publish-status", None]


RUNNING = "echo began >> $LEDGER; setsid sleep 1000 & sleep 1000"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_running_steps(farm: Farm, number: signal.Signals) -> None:
    farm.pipeline(PAIR % (RUNNING, RUNNING))
    job = farm.enqueue()
    process = farm.start("build", "-n", "2")
    await_that(lambda: farm.ran() == ["began", "began"], "both steps begin")
    process.send_signal(number)
    process.wait(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert processes_of(farm.folder) == []
    assert farm.job(job)["status"] == "queued"
    states = farm.steps(job)
    assert (states["left"], states["right"], states["after"]) == (
        "cancelled",
        "cancelled",
        "skipped",
    )


def test_after_kill_9_of_two_running_steps_both_run_again(farm: Farm) -> None:
    farm.pipeline(PAIR % (RUNNING, RUNNING))
    job = farm.enqueue()
    process = farm.start("build", "-n", "2")
    await_that(lambda: farm.ran() == ["began", "began"], "both steps begin")
    process.kill()
    process.wait()
    farm.pipeline(PAIR % (meeting("a", "b"), meeting("b", "a")))
    again = farm.doit("build", "--replan", "-n", "2")
    assert again.returncode == 0, again.stdout + again.stderr
    assert processes_of(farm.folder) == []
    assert farm.ran() == ["began", "began", "met", "met", "after"]
    assert farm.steps(job, attempt=1)["left"] == "cancelled"
    assert farm.steps(job, attempt=1)["right"] == "cancelled"


def test_lines_of_two_steps_never_mix(farm: Farm) -> None:
    many = "for i in $(seq 2000); do echo {word}{word}{word}{word}; done"
    farm.pipeline(PAIR % (many.format(word="left"), many.format(word="right")))
    farm.enqueue()
    done = farm.doit("build", "-n", "2", "--verbose")
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if " | " in line]
    assert lines.count(f"[left] | {'left' * 4}") == 2000
    assert lines.count(f"[right] | {'right' * 4}") == 2000


def test_a_journal_that_fails_ends_the_steps(farm: Farm) -> None:
    """What a step did can't be recorded while another runs: nothing is left running behind."""
    farm.without_sandbox()
    config = farm.folder / "builder.yaml"
    journal = farm.folder / "state/build1/outbox.sqlite"
    config.write_text(config.read_text().replace("env: {", f"env: {{JOURNAL: {journal}, "))
    hurt = """
        - name: left
          needs: git-checkout
          shell: python
          run: |
            import os, pathlib, sqlite3, time
            while not pathlib.Path(os.environ["LEDGER"]).exists(): time.sleep(0.02)
            sqlite3.connect(os.environ["JOURNAL"], timeout=30).execute("DROP TABLE entries")
        - {name: right, needs: git-checkout, run: "%s"}
    """
    farm.pipeline(hurt % RUNNING)
    farm.enqueue()
    done = farm.doit("build", "-n", "2")
    assert done.returncode == 1
    assert one_line(done.stderr).endswith("its unsent records are lost.")
    assert farm.ran() == ["began"]
    assert processes_of(farm.folder) == []
