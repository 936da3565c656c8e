"""A repository without some of the files, without any, and without a commit: for each command."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.commands.test_bad_input import one_line
from tests.support.doit.commands_here import READING, WRITING, Commands, farm_of_commands

NO_SUCH_JOB = ("status --job built", "status --job archived", "explain built", "rerun built")
ALL = (*READING, *WRITING, "fsck", "fsck --repair", "squash-heartbeat")
NEEDING = {
    "queue": ("jobs", "explain", "housekeeping", "status --job built", "build"),
    "locks": ("locks", "locks --take config_update", "locks --free config_update", "fsck"),
    "messages": ("messages", "messages --mark-read", "housekeeping", "fsck"),
    "own status": ("status", "doctor", "explain built", "rerun built", "fsck"),
    "heartbeat": ("status", "doctor", "rerun built", "fsck"),
    "manifest": ("status --job built", "housekeeping", "rerun built"),
    "transitions": ("status --job built", "explain built", "rerun built"),
    "plan": ("explain built", "rerun built", "fsck"),
    "archive": ("status --job archived", "housekeeping", "fsck"),
}
"""Commands that have to do with a kind of document."""


@pytest.fixture(autouse=True)
def quick_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's tools take seconds, and are no document."""
    monkeypatch.setattr("pipelines.tasks.machine.check_tools", lambda _env: iter(()))


@pytest.mark.parametrize("begun", ["no commit", "a README"])
def test_each_command_in_an_empty_repository(
    begun: str,
    tmp_path_factory: pytest.TempPathFactory,
    capfd: pytest.CaptureFixture[str],
) -> None:
    last = "enqueue --pipeline ledger --branch main"
    with farm_of_commands(tmp_path_factory.mktemp("farm")) as commands:
        if begun != "no commit":
            commands.farm.write("README", "to be filled")
        for command in (*(c for c in ALL if c != last), last):
            capfd.readouterr()
            code = commands.run(command)
            out, err = capfd.readouterr()
            assert "Traceback" not in out + err
            assert code == expected_without_a_job(command, begun), f"{command}: {out}{err}"
            assert code == 0 or one_line(err), command


def expected_without_a_job(command: str, begun: str) -> int:
    if command == "status --at 2999-01-01" and begun == "no commit":
        return 3  # nothing ever was
    if command in NO_SUCH_JOB or command == "squash-heartbeat":
        return 3
    return 4 if command == "build" else 0


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    with farm_of_commands(tmp_path_factory.mktemp("farm")) as made:
        made.fill()
        yield made


@pytest.mark.parametrize("kind", NEEDING)
def test_each_document_may_be_missing(
    kind: str, commands: Commands, capfd: pytest.CaptureFixture[str]
) -> None:
    path = commands.paths()[kind]
    kept = commands.text(path)
    commands.farm.remove(path)
    found = {}
    for command in NEEDING[kind]:
        capfd.readouterr()
        found[command] = commands.run(command)
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        assert found[command] in (0, 6) or one_line(err), command
    if path not in commands.farm.files() or commands.text(path) != kept:
        commands.farm.write(path, kept)
    assert found == {command: expected_without(kind, command) for command in NEEDING[kind]}


def expected_without(kind: str, command: str) -> int:
    match kind, command:
        case "queue", "status --job built":
            return 3
        case "queue", "build":
            return 4
        case "archive", "status --job archived":
            return 3
        case "plan", "fsck":
            return 0  # the rerun before it has written it again
    return 0
