"""A document that somebody else broke: each command, with each kind of document.

One line names the file, the others go on working, and the broken bytes stay as they are. The
commands run in this process: a process for each would take a minute and prove the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, Farm, await_that
from tests.integration.commands.test_bad_input import one_line
from tests.support.doit.commands_here import (
    QUEUE,
    READING,
    WRITING,
    Commands,
    farm_of_commands,
)

OF_THE_QUEUE = (
    "jobs",
    "status",
    "status --job built",
    "status --job archived",
    "status --at 2999-01-01",
    "explain",
    "explain built",
    "doctor",
    "housekeeping --dry-run",
    "housekeeping",
    "enqueue --pipeline ledger --branch main",
    "build",
    "rerun built",
)


@dataclass(frozen=True)
class Case:
    """What becomes of commands when a document is broken; the others work without a word."""

    fail: tuple[str, ...] = ()
    warn: tuple[str, ...] = ()
    """They do what they are for, and tell of the document."""
    mend: tuple[str, ...] = ()
    """They write it anew: its name is the digest of what it has to be."""
    look: tuple[str, ...] = ()
    """Commands that are run; none: all."""


FAR_FROM_IT = ("jobs", "locks", "outbox --send", "enqueue --pipeline ledger --branch main")
CASES = {
    "queue": Case(fail=OF_THE_QUEUE),
    "locks": Case(
        fail=tuple(c for c in (*READING, *WRITING) if c.startswith("locks")),
        warn=("housekeeping", "enqueue --pipeline ledger --branch main", "build", "rerun built"),
    ),
    "messages": Case(
        fail=(
            *("messages", "messages --mark-read", "send --to all --subject s --body b"),
            *("housekeeping --dry-run", "housekeeping"),
        )
    ),
    "own status": Case(
        fail=("status", "status --at 2999-01-01", "doctor"), warn=("build", "rerun built")
    ),
    "another's status": Case(
        fail=("status", "doctor"), look=("status", "doctor", "explain built", "build", *FAR_FROM_IT)
    ),
    "heartbeat": Case(
        warn=("build", "rerun built"),
        look=("status", "doctor", "build", "rerun built", *FAR_FROM_IT),
    ),
    "manifest": Case(look=("status --job built", "housekeeping", "explain built", *FAR_FROM_IT)),
    "transitions": Case(
        warn=("status --job built",),
        look=("status --job built", "explain built", "rerun built", *FAR_FROM_IT),
    ),
    "plan": Case(
        mend=("rerun built",),
        look=("status --job built", "explain built", *FAR_FROM_IT, "rerun built"),
    ),
    "archive": Case(
        fail=("status --job archived",),
        look=("status --job archived", "status --job built", "housekeeping", *FAR_FROM_IT),
    ),
}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    with farm_of_commands(tmp_path_factory.mktemp("farm")) as made:
        made.fill()
        yield made


@pytest.fixture(params=CASES)
def broken(request: pytest.FixtureRequest, commands: Commands) -> Iterator[tuple[str, str, str]]:
    """Kind, path and text of a document that another program has torn."""
    path = commands.paths()[request.param]
    good = commands.text(path)
    commands.farm.write(path, good.rstrip()[:-20])
    yield request.param, path, commands.farm.read(path)
    if commands.text(path) != good:
        commands.farm.write(path, good)


def outcome(command: str, code: int, out: str, err: str, path: str) -> str:
    """What a command made of the document: `fails`, `warns` or `works`."""
    assert "Traceback" not in out + err
    builds = command in {"build", "rerun built"}
    # what a build has to say stands between the steps, on stdout
    if code == 0 and path not in (out if builds else err):
        return "works"
    told = out if command == "doctor" or (builds and code == 0) else one_line(err)
    assert path in told, f"{command}: {told}"
    return "warns" if code == 0 else f"fails {code}"


def test_each_command(
    broken: tuple[str, str, str],
    commands: Commands,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind, path, text = broken
    case = CASES[kind]
    # the machine's tools take seconds, and are no document
    monkeypatch.setattr("pipelines.tasks.machine.check_tools", lambda _env: iter(()))
    commands.run("enqueue --pipeline ledger --branch main")
    found, expected = {}, {}
    for command in case.look or (*READING, *WRITING):
        capfd.readouterr()
        code = commands.run(command)
        found[command] = outcome(command, code, *capfd.readouterr(), path)
        failure = "fails 3" if kind == "archive" else "fails 1"
        expected[command] = failure if command in case.fail else "works"
        expected[command] = "warns" if command in case.warn else expected[command]
        is_left = commands.farm.read(path) == text
        assert is_left == (command not in case.mend), command
    assert found == expected


def test_fsck_names_it_with_what_to_do(
    broken: tuple[str, str, str], commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    kind, path, text = broken
    for command in ("fsck", "fsck --repair"):
        assert commands.run(command) == 6
        out, _ = capfd.readouterr()
        assert f"✘ {path}" in out
        assert "no problems found" not in out
        offered = "valid version: git --git-dir=" in out
        assert offered == (kind in {"queue", "locks", "messages", "heartbeat"} or "status" in kind)
    assert commands.farm.read(path) == text


def test_a_watch_tells_of_a_broken_queue_once_and_goes_on(farm: Farm) -> None:
    farm.write(QUEUE, '{"jobs": [')
    watch = farm.start("watch")
    assert watch.stderr
    told = [watch.stderr.readline()]
    while not told[-1].startswith("warning: "):
        told.append(watch.stderr.readline())
        assert told[-1], "the watch goes on"
    job = {"id": "x", "status": "running", "assigned_to": "build9"}
    farm.write(QUEUE, json.dumps({"jobs": [job]}))
    beats = Path("refs/heads/heartbeat-build1")
    await_that((farm.coordination / beats).exists, "it beats")
    watch.terminate()
    assert watch.wait(timeout=PATIENCE) == 0
    told.append(watch.stderr.read())
    said = {line.removeprefix("warning: ") for line in "".join(told[1:]).splitlines()}
    assert f"{QUEUE}:1:11: invalid JSON" in one_line("\n".join(said))
