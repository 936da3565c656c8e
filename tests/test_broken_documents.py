"""A document that somebody else broke: each command, with each kind of document.

One line names the file, the others go on working, and the broken bytes stay as they are. The
commands run in this process: a process for each would take a minute and prove the same.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from doit.doit_cmd import DoitMain

from tests.conftest import HOME, Farm, await_that
from tests.test_bad_input import one_line

QUEUE, LOCKS, MESSAGES = (f"coordination/{name}.json" for name in ("jobs", "locks", "messages"))
OWN, OTHER = "build1/status.json", "build2/status.json"
READING = (
    "jobs",
    "status",
    "status --job built",
    "status --job archived",
    "status --at 2999-01-01",
    "messages",
    "locks",
    "outbox",
    "explain",
    "explain built",
    "clean-workspaces",
    "housekeeping --dry-run",
    "doctor",
)
WRITING = (
    "messages --mark-read",
    "send --to all --subject s --body b",
    "locks --take config_update",
    "locks --free config_update",
    "locks --free-expired",
    "outbox --send",
    "enqueue --pipeline ledger --branch main",
    "housekeeping",
    "build",
    "rerun built",
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


class Commands:
    """A farm whose commands run in this process."""

    def __init__(self, farm: Farm, patch: pytest.MonkeyPatch) -> None:
        self.farm = farm
        patch.setenv("BUILDER_CONFIG", farm.environment["BUILDER_CONFIG"])
        patch.setenv("BUILDER_ID", "build1")
        patch.chdir(HOME)

    def run(self, command: str) -> int:
        """The exit code."""
        # what a process keeps from its start to its end
        sys.modules.pop("dodo", None)
        held = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return int(DoitMain(config_filenames=("pyproject.toml",)).run(command.split()) or 0)
        finally:
            for number, handler in held.items():
                signal.signal(number, handler)

    def text(self, path: str) -> str:
        """A file at the tip of the coordination repository, to its last newline."""
        show = ["git", "-C", str(self.farm.coordination), "show", f"main:{path}"]
        return subprocess.run(show, check=True, capture_output=True, text=True).stdout

    def paths(self) -> dict[str, str]:
        """Where each kind of document is."""
        [archive] = [p for p in self.farm.files() if "archive" in p and "/jobs/" in p]
        [log] = [p for p in self.farm.files() if p.endswith("/built/001.jsonl")]
        [manifest] = [p for p in self.farm.files() if p.endswith("built-1-manifest.json")]
        [plan] = [p for p in self.farm.files() if p.startswith("coordination/plans/")]
        return {
            "queue": QUEUE,
            "locks": LOCKS,
            "messages": MESSAGES,
            "own status": OWN,
            "another's status": OTHER,
            "heartbeat": "build1/heartbeat.json",
            "manifest": manifest,
            "transitions": log,
            "plan": plan,
            "archive": archive,
        }


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """A farm with a document of each kind."""
    farm = Farm(tmp_path_factory.mktemp("farm"))
    farm.set_up()
    with pytest.MonkeyPatch.context() as patch:
        made = Commands(farm, patch)
        made.run("enqueue --pipeline ledger --branch main --id built")
        assert made.run("build") == 0
        entry = {"id": "archived", "pipeline": "ledger", "status": "completed"}
        queue = json.loads(farm.read(QUEUE))
        queue["jobs"].append(entry | {"completed_at": "2025-01-01"})
        farm.write(QUEUE, json.dumps(queue, indent=2))
        farm.write(OTHER, json.dumps({"server": "build2", "status": "idle"}, indent=2))
        for command in (
            "housekeeping",
            "send --to build1 --subject x --body y",
            "locks --take config_update",
        ):
            assert made.run(command) == 0
        yield made
    farm.end_all()


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
    if code == 0 and path not in err:
        return "works"
    told = out if command == "doctor" else one_line(err)
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
    monkeypatch.setattr("pipelines.machine.check_tools", lambda _env: iter(()))
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
        assert "nothing is wrong" not in out
        offered = "good version: git --git-dir=" in out
        assert offered == (kind in {"queue", "locks", "messages", "heartbeat"} or "status" in kind)
    assert commands.farm.read(path) == text


def test_a_watch_tells_of_a_broken_queue_once_and_goes_on(farm: Farm) -> None:
    farm.write(QUEUE, '{"jobs": [')
    watch = farm.start("watch")
    assert watch.stderr
    told = [watch.stderr.readline()]
    while not told[-1].startswith("warning: "):
        told.append(watch.stderr.readline())
    job = {"id": "x", "status": "running", "assigned_to": "build9"}
    farm.write(QUEUE, json.dumps({"jobs": [job]}))
    beats = Path("refs/heads/heartbeat-build1")
    await_that((farm.coordination / beats).exists, "it beats")
    watch.terminate()
    assert watch.wait(timeout=20) == 0
    told.append(watch.stderr.read())
    said = {line.removeprefix("warning: ") for line in "".join(told[1:]).splitlines()}
    assert f"{QUEUE}:1:11: no valid JSON" in one_line("\n".join(said))
