"""The sandbox of bubblewrap: a command sees the system read-only, and of its builder only its job.

Root keeps the few capabilities that packaging and tests use; they do not reach the host, whose
file systems are read-only here.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from common.settings.sandbox import Access, SandboxSettings
from pipelines.domain.network import Network
from pipelines.domain.pipeline import Command
from pipelines.processes.sandbox.launcher import (
    LAUNCHER,
    LAUNCHER_INSIDE,
    await_end,
    launched,
    leader,
    reported_end,
)
from pipelines.processes.sandbox.protocol import AGENT_VARIABLE, Enclosed, step_environment
from pipelines.workspace.layout import Workspace
from pipelines.workspace.removal import discard

_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt", "sys", "nix")
_OF_PACKAGES = ("/var/lib", "/var/cache")
_FOR_ROOT_ALONE = (
    *("/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/ssl/private"),
    *("/etc/sudoers", "/etc/sudoers.d", "/etc/apt/auth.conf", "/etc/apt/auth.conf.d"),
)
_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID")
_NAMESPACES = ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
_NOTHING = "/dev/null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubblewrap:
    """For the commands of one step, which run one after another."""

    bwrap: str
    """Path of the program."""
    workspace: Workspace
    step: str
    settings: SandboxSettings
    objects: Path
    """Git's objects that the source tree shares with the mirror of its repository."""
    network: Network = Network.HOST
    ssh_agent: bool = False

    @contextmanager
    def enclose(self, command: Command) -> Iterator[Enclosed]:
        """See Sandbox."""
        folder = self.workspace.temporary(self.step)
        graveyard = folder.with_name(f"{folder.name}.discarded")
        discard(folder, graveyard)
        for writable in (*self._own_folders(), folder / "home", folder / "tmp", *command.writable):
            writable.mkdir(parents=True, exist_ok=True)
        # a test may start its programs as another user
        (folder / "tmp").chmod(0o1777)
        try:
            with (
                tempfile.TemporaryFile() as report,
                tempfile.TemporaryFile() as info,
                tempfile.TemporaryFile() as arguments,
            ):
                # Not on the command line, which people read in lists of processes.
                arguments.write(b"".join(map(_ended, self.arguments(command, folder))))
                arguments.seek(0)
                files = [stream.fileno() for stream in (info, arguments, report)]
                start = leader(self.bwrap, info=files[0], arguments=files[1])
                try:
                    yield Enclosed(
                        argv=(*start, *launched(command.argv, files[2])),
                        env=self.environment(command),
                        descriptors=tuple(files),
                        exit_code=partial(reported_end, report),
                    )
                finally:
                    await_end(info)
        finally:
            discard(folder, graveyard)

    def environment(self, command: Command) -> dict[str, str]:
        """Environment of the command, with folders that it can see."""
        env = step_environment(command, self.ssh_agent)
        home = Path(env.get("HOME", "/"))
        if not home.is_relative_to(self.workspace.root):
            env["HOME"] = str(self.workspace.home)
        if os.geteuid() != 0:
            # There is no other user in its namespace: a chown cannot succeed.
            env["FAKEROOTDONTTRYCHOWN"] = "1"
        return {**env, "TMPDIR": "/tmp"}  # noqa: S108 - its own, see `arguments`

    def arguments(self, command: Command, temporary: Path) -> list[str]:
        """Arguments of bwrap; later mounts cover earlier ones. Reads the file system only."""
        readable = (*command.readable, self.workspace.packages, self.objects)
        writable = (*self._own_folders(), *command.writable)
        agent = command.env.get(AGENT_VARIABLE)
        system = list(_system())
        return [
            *("--die-with-parent", *_NAMESPACES, *_capabilities()),
            *(["--unshare-net"] if self.network is Network.NONE else []),
            *("--perms", "0755", "--dir", "/var", *_mounts(system)),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run", *_name_servers()),
            *_own_places(temporary),
            *_paths(self.settings.paths),
            *self._covers([*(target for _, target in system), *map(str, self.settings.paths)]),
            *_mounts(("--ro-bind-try", str(path)) for path in readable),
            *_mounts(("--bind", str(path)) for path in writable),
            *(_agent(agent) if self.ssh_agent and agent else []),
            *("--ro-bind", str(LAUNCHER), LAUNCHER_INSIDE),
            *("--chdir", str(command.cwd)),
        ]

    def _own_folders(self) -> tuple[Path, ...]:
        """Folders of the job that its commands may change; its records are not among them."""
        workspace = self.workspace
        return (
            workspace.source.parent,
            workspace.home,
            workspace.scratch(self.step),
            workspace.maven_repository,
            workspace.module_events_folder,
        )

    def _covers(self, shown: Iterable[str]) -> Iterator[str]:
        """Cover what the builder hides, where one of the paths `shown` would show it."""
        roots = [Path(path).resolve() for path in shown]
        hidden = (*self.settings.hidden, self.workspace.state_dir, *map(Path, _FOR_ROOT_ALONE))
        for path in dict.fromkeys(path.resolve() for path in hidden):
            if not any(path.is_relative_to(root) for root in roots):
                continue
            if path.is_dir():
                yield from ("--tmpfs", str(path))
            elif path.exists():
                yield from ("--ro-bind", _NOTHING, str(path))


def _ended(argument: str) -> bytes:
    """An argument as bwrap reads it from a file."""
    return os.fsencode(argument) + b"\0"


def _system() -> Iterator[tuple[str, str]]:
    """Option and path of each folder of the system."""
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink() or path.is_dir():
            yield "--ro-bind", str(path)
    yield from (("--ro-bind-try", path) for path in _OF_PACKAGES)


def _mounts(paths: Iterable[tuple[str, str]]) -> Iterator[str]:
    for option, path in paths:
        if Path(path).is_symlink() and Path(path).parent == Path("/"):
            yield from ("--symlink", str(Path(path).readlink()), path)
        else:
            yield from (option, path, path)


def _own_places(temporary: Path) -> Iterator[str]:
    """Temporary files, and the home folder of the user, where Java and ssh look for settings."""
    for place in ("/tmp", "/var/tmp"):  # noqa: S108 - they are the command's own
        yield from ("--bind", str(temporary / "tmp"), place)
    yield from ("--symlink", "../run", "/var/run", "--symlink", "../run/lock", "/var/lock")
    yield from ("--dir", "/run/lock", "--bind", str(temporary / "home"), str(user_home()))


def _paths(paths: Mapping[Path, Access]) -> Iterator[str]:
    for path, access in paths.items():
        option = "--bind-try" if access is Access.WRITE else "--ro-bind-try"
        yield from (option, str(path), str(path))


def _name_servers() -> Iterator[str]:
    """The file that /etc/resolv.conf links to, if it is among the files of running services."""
    path = Path("/etc/resolv.conf").resolve()
    if path.is_relative_to("/run"):
        yield from ("--ro-bind-try", str(path), str(path))


def _capabilities() -> Iterator[str]:
    if os.geteuid() == 0:
        yield from ("--cap-drop", "ALL")
        for name in _CAPABILITIES:
            yield from ("--cap-add", f"CAP_{name}")


def _agent(socket: str) -> Iterator[str]:
    known_hosts = str(user_home() / ".ssh" / "known_hosts")
    yield from ("--ro-bind-try", known_hosts, known_hosts, "--bind-try", socket, socket)


def user_home() -> Path:
    """Home folder of the user in the password database."""
    return Path(pwd.getpwuid(os.geteuid()).pw_dir)
