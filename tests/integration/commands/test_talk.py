"""`doit send`, `doit messages`, `doit locks`: what a person types, and what comes back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.conftest import HOME, PATIENCE, Farm


def test_a_message_goes_from_one_to_another(farm: Farm) -> None:
    sent = subprocess.run(
        [
            sys.executable,
            "-m",
            "doit",
            "send",
            "--to",
            "build2",
            "--subject",
            "[b]disk",
            "--body=-",
        ],
        cwd=HOME,
        env=farm.environment,
        input="it is\nfull\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    listed = farm.doit("messages", builder="build2").stdout
    assert sent in listed
    assert "[b]disk" in listed, "what others write is no markup"
    marked = farm.doit("messages", "--mark-read", "--json", builder="build2")
    [message] = json.loads(marked.stdout)
    assert (message["from"], message["body"]) == ("build1", "it is\nfull")
    assert marked.stderr == "1 message marked as read by build2\n"
    assert farm.doit("messages", builder="build2").stdout == "no unread messages for build2\n"


def test_a_lock_is_taken_and_freed(farm: Farm) -> None:
    done = farm.doit("locks", "--take", "config_update", "--for", "1h", "--json")
    assert done.returncode == 0, done.stderr
    [lock] = json.loads(done.stdout)
    assert lock["locked_by"] == "build1"
    refused = farm.doit("locks", "--free", "config_update", builder="build2")
    assert refused.returncode == 3
    assert "lock config_update is held by build1, not by build2" in refused.stderr
    assert "no lock is taken" in farm.doit("locks", "--free", "config_update").stdout
    again = farm.doit("locks", "--free", "config_update")
    assert (again.returncode, again.stderr) == (0, "no builder holds a lock 'config_update'\n")


def test_a_message_to_a_builder_that_nobody_saw_is_told(farm: Farm) -> None:
    farm.doit("enqueue", "--pipeline", "ledger", "--branch", "main")
    farm.doit("build", builder="build2")
    done = farm.doit("send", "--to", "biuld2", "--subject", "x")
    assert (done.returncode, done.stderr) == (
        0,
        "doit send: builder biuld2 has never reported; did you mean 'build2'?; "
        "the message waits for it\n",
    )
    assert farm.doit("send", "--to", "build2", "--subject", "x").stderr == ""


@pytest.mark.parametrize(
    ("command", "number", "code", "last"),
    [
        (
            ("build",),
            signal.SIGTERM,
            143,
            "ended by SIGTERM while claiming a job; no job is claimed",
        ),
        (
            ("enqueue", "--pipeline", "ledger", "--branch", "main"),
            signal.SIGINT,
            130,
            "interrupted",
        ),
    ],
)
def test_who_waits_for_a_lock_says_so_and_ends_when_told_to(
    farm: Farm, command: tuple[str, ...], number: signal.Signals, code: int, last: str
) -> None:
    farm.enqueue()
    assert farm.doit("locks", "--take", "job_assignment", builder="build2").returncode == 0
    # a shell lets what it starts in the background ignore SIGINT, and we would hand that on
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        waiting = farm.start(*command)
    finally:
        signal.signal(signal.SIGINT, before)
    output = waiting.stdout if command == ("build",) else waiting.stderr
    assert output
    assert output.readline().startswith("waiting: build2 holds the lock job_assignment until ")
    waiting.send_signal(number)
    assert waiting.wait(60) == code
    [line] = output.read().splitlines()
    assert line.endswith(last)


def test_several_builders_acknowledge_and_answer(farm: Farm) -> None:
    sent = farm.doit("send", "--to", "build2", "--to", "build3", "--subject", "stop?", "--ack")
    first, second = sent.stdout.split()
    follower = farm.start("messages", "--follow", "--json", "--all", "--from", "build2")
    shown = farm.doit("messages", builder="build2").stdout
    assert first in shown
    assert second not in shown
    assert "to be acknowledged" in shown
    done = farm.doit("messages", "--ack", first, builder="build2")
    assert done.stderr == "1 message acknowledged by build2\n"
    assert farm.doit("messages", builder="build2").stdout == "no unread messages for build2\n"
    answered = farm.doit("send", "--reply-to", first, "--body", "yes", builder="build2")
    assert answered.returncode == 0, answered.stderr
    thread = json.loads(farm.doit("messages", "--thread", second, "--json").stdout)
    assert [m["id"] for m in thread] == [first, second, answered.stdout.strip()]
    assert [m["acknowledged_by"] for m in thread] == [["build2"], [], []]
    assert (thread[2]["to"], thread[2]["subject"]) == ("build1", "Re: stop?")
    refused = farm.doit("messages", "--ack", answered.stdout.strip())
    assert refused.returncode == 3
    assert "asks for no acknowledgement" in refused.stderr
    assert follower.stdout
    seen = json.loads(follower.stdout.readline())
    assert (seen["body"], seen["in_reply_to"]) == ("yes", first)
    follower.send_signal(signal.SIGINT)
    assert follower.wait(timeout=PATIENCE) == 130
