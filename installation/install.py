"""`scripts/install-builder`: makes this machine a builder, or removes what it installed."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from installation import files, ssh_access, versions
from installation.choices import Parser, as_text, kept_choices, made_choices, words_of
from installation.files import Choices
from installation.machine import (
    ROOT,
    InstallationError,
    Machine,
    Owner,
    UsageError,
    answer,
    say,
)

CHECKOUT = Path(__file__).parent.parent
_TEXTS = (
    ("builder", "name of this builder in the farm, such as build1"),
    ("repository", "address of the coordination repository"),
    ("user", "the builder's user, made if missing (default: builder)"),
    ("default-pipeline", "pipeline of jobs that name none"),
    ("manager", "who runs this builder"),
    ("address", "where others reach it with ssh, such as builder@build1.example.org"),
    ("host-fingerprint", "SHA256:… of the key of the repository's ssh server"),
)
_PACKAGE = re.compile(r"apt-get install ([a-z0-9][a-z0-9.+-]+)")
"""A remedy of doctor."""
_ABOUT = """\
Makes this machine a builder: user, folders, program with its Python environment, settings, ssh
key, known hosts, systemd units; then runs `doit doctor`, and starts the units when it is content.
Can be run again: it does what is missing, and keeps settings that you changed.

exit codes: 0 done, 1 a step or doctor failed, 3 bad usage"""


def main(words: list[str]) -> int:
    """Run the script; returns its exit code."""
    forget_own_environment()
    try:
        options = _parser().parse_args(words)
        machine = Machine(Path(options.root).absolute(), options.dry_run)
        _check_machine(machine)
        return remove(machine) if options.remove else install(machine, options)
    except (InstallationError, OSError) as error:
        sys.stderr.write(f"install-builder: {error}\n")
        return getattr(error, "exit_code", 1)
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("install-builder: interrupted; start it again to go on.\n")
        return 130


def _parser() -> Parser:
    parser = Parser(
        prog="install-builder",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words_of(_TEXTS, parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would be done")
    parser.add_argument(
        "--remove", action="store_true", help="remove units and program; keep settings and state"
    )
    parser.add_argument(
        "--root", default="/", help="prepare the files of a machine in this folder, start nothing"
    )
    return parser


def _check_machine(machine: Machine) -> None:
    if os.geteuid() != 0 and not machine.dry_run:
        raise UsageError("run this as root; --dry-run works as any user")


def install(machine: Machine, options: argparse.Namespace) -> int:
    """Do what is missing. Raises InstallationError."""
    choices = made_choices(machine, options)
    host = ssh_access.ssh_host(choices.repository)
    commit = versions.commit_of(CHECKOUT)
    _check_version(machine, commit)
    folder = versions.add_version(machine, CHECKOUT, commit)
    if not machine.is_image:
        versions.set_up(machine, folder)
    owner = add_user(machine, choices.user)
    add_settings(machine, choices, owner)
    if host is not None:
        ssh_access.give_key(machine, owner, f"{choices.user}@{choices.builder}")
        ssh_access.trust_host(machine, owner, host, options.host_fingerprint)
    machine.link(files.CURRENT, folder)
    add_units(machine, choices.user)
    if machine.dry_run:
        return 0
    if machine.is_image:
        say(
            f"{machine.root} is prepared. When it runs, start"
            f" {files.CURRENT}/scripts/install-builder."
        )
        return 0
    return check_and_start(machine)


def _check_version(machine: Machine, commit: str) -> None:
    """A running builder keeps its version: only an update waits for its job."""
    shown = versions.current(machine)
    if shown not in {None, versions.folder_of(commit)} and is_running(machine):
        raise UsageError(
            f"{files.WORK} runs another version ({shown}). Use"
            f" {files.CURRENT}/scripts/update-builder."
        )


def add_user(machine: Machine, user: str) -> Owner | None:
    """Add the builder's user, with numbers for the users of clean roots."""
    if machine.owner(user) is None:
        where = ("--prefix", machine.root) if machine.is_image else ()
        machine.run(
            *("useradd", *where, "--system", "--add-subids-for-system", "--user-group"),
            *("--home-dir", files.HOME, "--no-create-home", "--shell", "/bin/bash", user),
            why=f"add the user {user}",
        )
    return machine.owner(user)


def add_settings(machine: Machine, choices: Choices, owner: Owner | None) -> None:
    """Add folders, settings and the command; settings that exist are kept."""
    root = None if machine.is_image and owner is None else ROOT
    readable = None if owner is None else Owner(0, owner.gid)
    machine.folder(files.HOME, mode=0o750, owner=owner)
    machine.folder(files.STATE, mode=0o750, owner=owner)
    machine.folder(files.CONFIG, mode=0o750, owner=readable)
    texts = {
        files.BUILDER_FILE: files.builder_file(choices),
        files.PIPELINES_FILE: (CHECKOUT / "pipelines.yaml").read_text(),
    }
    for name, text in texts.items():
        if not machine.path(name).exists():
            machine.write(name, text, mode=0o640, owner=readable)
        machine.give(name, mode=0o640, owner=readable)
    machine.write(files.CHOICES_FILE, as_text(choices), mode=0o644, owner=root)
    machine.write(files.COMMAND, files.command_file(choices.user), mode=0o755, owner=root)


def add_units(machine: Machine, user: str) -> None:
    """Write the systemd units, and let them start with the machine."""
    owner = None if machine.is_image else ROOT
    units = files.unit_files(user)
    new = [
        machine.write(f"{files.UNITS}/{name}", text, mode=0o644, owner=owner)
        for name, text in units.items()
    ]
    if any(new) and systemd_runs(machine):
        machine.run("systemctl", "daemon-reload", why="let systemd read its units")
    where = (f"--root={machine.root}",) if machine.is_image else ()
    for name in files.STARTED:
        if answer("systemctl", *where, "is-enabled", name)[0]:
            machine.run("systemctl", *where, "--quiet", "enable", name, why=f"enable {name}")


def check_and_start(machine: Machine) -> int:
    """Run doctor; start the units if it finds no problem but packages, which are installed."""
    if packages := _missing_packages(machine):
        update = ("apt-get", "-q", "update")
        machine.run(*update, why="update the lists of packages")
        install = ("apt-get", "-q", "install", "--yes", "--no-install-recommends", *packages)
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        machine.run(*install, why=f"install {' '.join(packages)}", environment=environment)
    say("== doit doctor")
    code = subprocess.run([machine.path(files.COMMAND), "doctor"], check=False).returncode
    if code:
        say("nothing was started: fix what doctor shows, then start this script again.")
        if key := ssh_access.public_key(machine):
            say(f"The repository must let this key write:\n{key}")
        return 1
    if not systemd_runs(machine):
        say(f"systemd does not run here: {', '.join(files.STARTED)} start with the machine.")
        return 0
    for name in files.STARTED:
        if answer("systemctl", "is-active", name)[0]:
            machine.run("systemctl", "start", name, why=f"start {name}")
    if not machine.changes:
        say("there was nothing to do.")
    say(f"This builder works. `{files.COMMAND} status` shows the farm.")
    return 0


def _missing_packages(machine: Machine) -> list[str]:
    """Packages that the pipelines need, besides those of `scripts/setup`."""
    _, said = answer(machine.path(files.COMMAND), "doctor", "--json")
    try:
        checks = json.loads(said)
    except ValueError:
        return []  # the call for people shows why
    remedies = (check["remedy"] or "" for check in checks if not check["ok"])
    found = (_PACKAGE.fullmatch(remedy) for remedy in remedies)
    return sorted({match[1] for match in found if match})


def remove(machine: Machine) -> int:
    """Remove units and program. Raises InstallationError."""
    user = kept_choices(machine).get("user", "builder")
    where = (f"--root={machine.root}",) if machine.is_image else ()
    if systemd_runs(machine):
        for name in files.STARTED:
            if answer("systemctl", "is-active", name)[0] == 0:
                machine.run("systemctl", "stop", name, why=f"stop {name}")
    for name in files.STARTED:
        if answer("systemctl", *where, "is-enabled", name)[0] == 0:
            machine.run("systemctl", *where, "--quiet", "disable", name, why=f"disable {name}")
    for name in files.unit_files(user):
        machine.remove(f"{files.UNITS}/{name}")
    if systemd_runs(machine) and machine.changes:
        machine.run("systemctl", "daemon-reload", why="let systemd read its units")
    machine.remove(files.CODE)
    for name, what in ((files.CONFIG, "settings"), (files.HOME, "state, packages and keys")):
        if machine.path(name).exists():
            say(f"kept: {name} ({what})")
    return 0


def forget_own_environment() -> None:
    """What lets Python find this program must not reach the programs that it starts."""
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
        os.environ.pop(name, None)


def systemd_runs(machine: Machine) -> bool:
    """Whether systemd manages this machine."""
    return not machine.is_image and Path("/run/systemd/system").is_dir()


def is_running(machine: Machine) -> bool:
    """Whether the builder works now."""
    return systemd_runs(machine) and answer("systemctl", "is-active", files.WORK)[0] == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
