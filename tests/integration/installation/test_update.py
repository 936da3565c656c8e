"""`scripts/update-builder` with real git and versions whose programs are small scripts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from installation import files, versions
from installation.machine import InstallationError, Machine
from installation.update import REASON, Update
from tests.conftest import git

SETUP = """#!/bin/sh
mkdir -p "$(dirname "$0")/../.venv/bin"
ln -sf /bin/true "$(dirname "$0")/../.venv/bin/python"
"""
INSTALL = """#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
ln -sfn "${here#ROOT}" ROOT/srv/build-coordination/current
exec ROOT/srv/build-coordination/doit doctor
"""
DOIT = r"""#!/bin/sh
cd ROOT
echo "$@" >>calls
case "$1" in
doctor) exit "$(cat ROOT/"$(readlink srv/build-coordination/current)"/health)" ;;
drain) [ -s drain ] || printf '{"reason": "%s"}' "$3" >drain ;;
resume) rm -f drain ;;
status) drain=$(cat drain 2>/dev/null || echo null)
    printf '{"builders": [{"builder": "b7", "drained": %s}]}' "$drain" ;;
jobs) cat running; echo '[]' >running ;;
esac
"""


class Installed:
    """A builder with the version `v1`, and an origin with newer ones."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(folder / "root")
        self.origin = folder / "origin"
        git("init", "--quiet", "-b", "main", str(self.origin))
        self.release("v1", health="0")
        checkout = folder / "checkout"
        git("clone", "--quiet", str(self.origin), str(checkout))
        git("-C", str(checkout), "switch", "--quiet", "--create", "local")
        commit = versions.commit_of(checkout)
        folder_of_v1 = versions.add_version(self.machine, checkout, commit)
        self.machine.link(files.CURRENT, folder_of_v1)
        self.machine.write(files.COMMAND, self._text(DOIT), mode=0o755, owner=None)
        self.path("running").write_text("[]")

    def path(self, name: str) -> Path:
        return self.machine.path(name)

    def _text(self, script: str) -> str:
        return script.replace("ROOT", str(self.machine.root))

    def release(self, name: str, *, health: str) -> None:
        for path, text in (
            ("dodo.py", ""),
            ("health", health),
            ("scripts/setup", SETUP),
            ("scripts/install-builder", self._text(INSTALL)),
        ):
            (self.origin / path).parent.mkdir(exist_ok=True)
            (self.origin / path).write_text(text)
            (self.origin / path).chmod(0o755)
        git("-C", str(self.origin), "add", "-A")
        git("-C", str(self.origin), "commit", "--quiet", "--allow-empty", "-m", name)
        git("-C", str(self.origin), "tag", name)

    def update(self, name: str = "") -> int:
        waits: list[float] = []
        return Update(machine=self.machine, builder="b7", wait=waits.append).run(name)

    @property
    def current(self) -> str:
        checkout = self.path(versions.current(self.machine) or "")
        return git("-C", str(checkout), "describe", "--tags")

    @property
    def calls(self) -> list[str]:
        return [line.split()[0] for line in self.path("calls").read_text().splitlines()]


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def test_the_newest_version_comes_when_the_job_has_ended(installed: Installed) -> None:
    installed.release("v2", health="0")
    installed.path("running").write_text(json.dumps([{"id": "web-1"}]))
    assert installed.update() == 0
    assert installed.current == "v2"
    assert installed.calls == ["doctor", "drain", "jobs", "jobs", "doctor", "status", "resume"]
    assert installed.update() == 0, "nothing to do"
    assert "doctor" not in installed.calls[7:]


def test_a_version_that_doctor_rejects_is_not_kept(installed: Installed) -> None:
    installed.release("v2", health="1")
    with pytest.raises(InstallationError, match="was not taken"):
        installed.update()
    assert installed.current == "v1"
    assert not installed.path("drain").exists(), "it claims again"


def test_the_drain_of_a_person_stays(installed: Installed) -> None:
    installed.release("v2", health="0")
    installed.path("drain").write_text('{"reason": "new disk"}')
    assert installed.update() == 0
    assert installed.path("drain").exists()


def test_the_drain_of_a_killed_update_ends(installed: Installed) -> None:
    installed.path("drain").write_text(json.dumps({"reason": REASON}))
    assert installed.update() == 0
    assert not installed.path("drain").exists()


def test_a_sick_builder_is_not_updated(installed: Installed) -> None:
    installed.release("v2", health="0")
    (installed.path(versions.current(installed.machine) or "") / "health").write_text("1")
    with pytest.raises(InstallationError, match="doctor finds problems already"):
        installed.update()
    assert installed.calls == ["doctor"]


def test_a_version_has_a_name_and_old_ones_go(installed: Installed) -> None:
    for name in ("v2", "v3", "v4"):
        installed.release(name, health="0")
    for name in ("v3", "v2", "main"):
        assert installed.update(name) == 0
    assert installed.current == "v4"
    assert len(list(installed.path(files.VERSIONS).iterdir())) == 2
    with pytest.raises(InstallationError, match="no version 'v9'"):
        installed.update("v9")


def test_an_unreachable_origin_changes_nothing(installed: Installed) -> None:
    shutil.rmtree(installed.origin)
    with pytest.raises(InstallationError, match="cannot fetch the newest versions"):
        installed.update()
    assert (installed.current, installed.path("calls").exists()) == ("v1", False)
