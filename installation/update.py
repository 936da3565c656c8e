"""`scripts/update-builder`: a new version, when the builder's job has ended; back if it is bad."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation import files, versions
from installation.choices import Parser, kept_choices
from installation.install import forget_own_environment, systemd_runs
from installation.machine import InstallationError, Machine, UsageError, answer, say

REASON = "update of this builder"
_LOOK_EVERY = 10.0
_ABOUT = """\
Prepares the new version beside the current one, drains the builder and waits until its job has
ended, changes the version and its units, runs `doit doctor`, and resumes. If doctor finds a
problem that it did not find before, the earlier version comes back. Can be run again after a kill.

exit codes: 0 the version is in use, 1 it is not: the earlier one is in use, 3 bad usage"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One update of the builder on `machine`."""

    machine: Machine
    builder: str
    wait: Callable[[float], None] = time.sleep

    def run(self, name: str) -> int:
        """Bring the version `name`; "" is the newest of the origin. Raises InstallationError."""
        old = versions.current(self.machine) or ""
        new = self._prepare(old, name)
        if new == old:
            self._resume()
            say(f"{old} is in use already.")
            return 0
        if self._doctor():
            raise InstallationError(
                "doctor finds problems already (see above), so it could not judge a new version."
                " Fix them first."
            )
        self._drain()
        try:
            self._await_end()
            is_good = self._change(new)
            if not is_good:
                say(f"== going back to {old}")
                self._change(old)
        finally:
            self._resume()
        if not is_good:
            raise InstallationError(f"{new} was not taken; {old} is in use again.")
        versions.remove_old(self.machine)
        say(f"{new} is in use.")
        return 0

    def _prepare(self, old: str, name: str) -> str:
        """Folder of the version, set up beside the current one."""
        checkout = self.machine.path(old)
        self.machine.run(
            *("git", "-C", checkout, "fetch", "--quiet", "--tags", "--force", "--prune", "origin"),
            why="fetch the newest versions",
        )
        # The clone was made from a checkout, which may have been on another branch.
        answer("git", "-C", checkout, "remote", "set-head", "origin", "--auto")
        commit = _meant(checkout, name)
        folder = versions.add_version(self.machine, checkout, commit)
        if folder != old:
            versions.set_up(self.machine, folder)
        return folder

    def _change(self, folder: str) -> bool:
        """Let the builder use a version; returns whether doctor and systemd are content."""
        runs = systemd_runs(self.machine)
        if runs:
            self.machine.run("systemctl", "stop", files.WORK, why=f"stop {files.WORK}")
        script = self.machine.path(f"{folder}/scripts/install-builder")
        is_good = subprocess.run([script], check=False).returncode == 0
        is_good = is_good and versions.current(self.machine) == folder
        if not is_good and runs:
            answer("systemctl", "start", files.WORK)
        return is_good

    def _drain(self) -> None:
        self._doit("drain", "--reason", REASON)

    def _resume(self) -> None:
        """End our drain; that of a person stays."""
        builders = self._asked("status")["builders"]
        drains = [one["drained"] for one in builders if one["builder"] == self.builder]
        if any(drain and drain["reason"] == REASON for drain in drains):
            self._doit("resume")

    def _await_end(self) -> None:
        """Wait until no job runs here."""
        shown = ""
        while jobs := self._asked("jobs", "--state", "running", "--builder", self.builder):
            if jobs[0]["id"] != shown:
                shown = jobs[0]["id"]
                say(f"waiting for the end of job {shown} (Ctrl-C gives up the update)")
            self.wait(_LOOK_EVERY)

    def _doctor(self) -> int:
        return subprocess.run([self.machine.path(files.COMMAND), "doctor"], check=False).returncode

    def _doit(self, *words: str) -> None:
        command = self.machine.path(files.COMMAND)
        if subprocess.run([command, *words], check=False).returncode:
            raise InstallationError(f"`{files.COMMAND} {' '.join(words)}` failed")

    def _asked(self, *words: str) -> Any:
        code, said = answer(self.machine.path(files.COMMAND), *words, "--json")
        if code:
            raise InstallationError(f"`doit {words[0]}` failed: {said}")
        return json.loads(said)


def _meant(checkout: Path, name: str) -> str:
    """The commit that a tag, a branch of the origin or a commit names."""
    if not name:
        return versions.commit_of(checkout, "refs/remotes/origin/HEAD")
    for pattern in ("refs/tags/{}", "refs/remotes/origin/{}"):
        code, said = answer(
            "git", "-C", checkout, "rev-parse", "--verify", f"{pattern.format(name)}^{{commit}}"
        )
        if code == 0:
            return said
    return versions.commit_of(checkout, name)


def main(words: list[str]) -> int:
    """Run the script; returns its exit code."""
    forget_own_environment()
    parser = Parser(
        prog="update-builder",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("version", nargs="?", default="", help="a tag, branch or commit")
    try:
        name = parser.parse_args(words).version
        machine = Machine()
        builder = kept_choices(machine).get("builder")
        if builder is None or versions.current(machine) is None:
            raise UsageError("no builder is installed here; scripts/install-builder makes one")
        return Update(machine=machine, builder=builder).run(name)
    except (InstallationError, OSError) as error:
        sys.stderr.write(f"update-builder: {error}\n")
        return getattr(error, "exit_code", 1)
    except KeyboardInterrupt:
        sys.stderr.write("update-builder: interrupted; the version is as it was.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
