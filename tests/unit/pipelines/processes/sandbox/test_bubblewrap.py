"""What bwrap is told: the order counts, since later mounts cover earlier ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.settings.sandbox import Access, SandboxSettings
from pipelines.domain.network import Network
from pipelines.domain.pipeline import Command
from pipelines.processes.sandbox.bubblewrap import Bubblewrap, user_home
from pipelines.workspace.layout import Workspace


@pytest.fixture
def sandbox(tmp_path: Path) -> Bubblewrap:
    shared = tmp_path / "shared"
    shared.mkdir()
    (tmp_path / "state").mkdir()
    (shared / "secrets.yaml").touch()
    (shared / "clone").mkdir()
    return Bubblewrap(
        bwrap="/usr/bin/bwrap",
        workspace=Workspace(tmp_path / "state", "job", 1),
        step="step",
        settings=SandboxSettings(
            paths={shared: Access.WRITE, Path("/opt/tool"): Access.READ},
            hidden=(shared / "secrets.yaml", shared / "clone", shared / "gone", tmp_path / "home"),
        ),
        objects=tmp_path / "state/mirrors/x.git/objects",
    )


def command(**more: object) -> Command:
    env = {"PATH": "/bin", "HOME": "/root", "SSH_AUTH_SOCK": "/run/agent", "TMPDIR": "/big"}
    return Command(argv=("true",), cwd=Path("/build"), env=env, **more)  # type: ignore[arg-type]


def position(arguments: list[str], *wanted: str) -> int:
    """Where these arguments follow each other."""
    length = len(wanted)
    found = [n for n in range(len(arguments)) if tuple(arguments[n : n + length]) == wanted]
    assert found, f"{wanted} not in {arguments}"
    return found[-1]


def test_what_the_builder_hides_covers_what_its_owner_shares(sandbox: Bubblewrap) -> None:
    arguments = sandbox.arguments(command(), Path("/t"))
    shared = str(next(iter(sandbox.settings.paths)))
    at = position(arguments, "--bind-try", shared, shared)
    assert at < position(arguments, "--ro-bind", "/dev/null", f"{shared}/secrets.yaml")
    assert at < position(arguments, "--tmpfs", f"{shared}/clone")
    assert position(arguments, "--ro-bind-try", "/opt/tool", "/opt/tool")
    assert f"{shared}/gone" not in arguments
    assert str(sandbox.settings.hidden[-1]) not in arguments


def test_the_jobs_own_folders_come_last(sandbox: Bubblewrap) -> None:
    writable, readable = Path("/state/shared"), Path("/state/tool")
    arguments = sandbox.arguments(command(writable=(writable,), readable=(readable,)), Path("/t"))
    root = sandbox.workspace.root
    for own in ("build", "home", "scratch/step", "maven-repository", "maven"):
        position(arguments, "--bind", f"{root}/{own}", f"{root}/{own}")
    position(arguments, "--bind", str(writable), str(writable))
    position(arguments, "--ro-bind-try", str(readable), str(readable))
    position(arguments, "--ro-bind-try", str(sandbox.objects), str(sandbox.objects))
    for records in ("stamps", "changes", "logs", "exit-codes", "job.json"):
        assert not any(argument.endswith(f"/{records}") for argument in arguments)


def test_the_temporary_folders_are_the_commands_own(sandbox: Bubblewrap) -> None:
    arguments = sandbox.arguments(command(), Path("/t"))
    position(arguments, "--bind", "/t/tmp", "/tmp")
    position(arguments, "--bind", "/t/tmp", "/var/tmp")
    position(arguments, "--bind", "/t/home", str(user_home()))


def test_network_and_agent_are_said_by_the_step(sandbox: Bubblewrap) -> None:
    plain = sandbox.arguments(command(), Path("/t"))
    assert "--unshare-net" not in plain
    assert "/run/agent" not in plain
    more = Bubblewrap(
        bwrap=sandbox.bwrap,
        workspace=sandbox.workspace,
        step=sandbox.step,
        settings=sandbox.settings,
        objects=sandbox.objects,
        network=Network.NONE,
        ssh_agent=True,
    )
    arguments = more.arguments(command(), Path("/t"))
    assert "--unshare-net" in arguments
    position(arguments, "--bind-try", "/run/agent", "/run/agent")
    assert more.environment(command())["SSH_AUTH_SOCK"] == "/run/agent"


def test_the_environment_names_folders_that_are_there(sandbox: Bubblewrap) -> None:
    env = sandbox.environment(command())
    assert env["HOME"] == str(sandbox.workspace.home)
    assert env["TMPDIR"] == "/tmp"
    assert "SSH_AUTH_SOCK" not in env
    assert ("FAKEROOTDONTTRYCHOWN" in env) == (os.geteuid() != 0)
    inside = str(sandbox.workspace.root / "build/own-home")
    given = Command(argv=("true",), cwd=Path("/"), env={"HOME": inside})
    assert sandbox.environment(given)["HOME"] == inside


def test_temporary_folders_are_new_for_each_command(sandbox: Bubblewrap) -> None:
    folder = sandbox.workspace.temporary("step")
    (folder / "tmp").mkdir(parents=True)
    (folder / "tmp" / "left").touch()
    with sandbox.enclose(command()) as enclosed:
        assert list((folder / "tmp").iterdir()) == []
        assert (folder / "tmp").stat().st_mode & 0o7777 == 0o1777
        assert enclosed.argv[:3] == ("/usr/bin/env", "--ignore-signal=TERM", "/usr/bin/bwrap")
        assert enclosed.argv[-1] == "true"
    assert not folder.exists()
