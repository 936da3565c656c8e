"""`scripts/install-builder` in a throw-away root: everything but what needs a running system."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from installation.files import STARTED
from installation.ssh_access import fingerprint_of
from tests.conftest import HOME
from tests.support.coordination.loopback import ssh_server

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="useradd and chown need root"),
    pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here"),
]
GIVEN = ("--builder", "build7", "--repository", "/srv/coordination.git")
MOST_EXPOSED = 7.0
"""A unit without any protection has 9.6 (systemd 252)."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = tmp_path / "root"
    (found / "etc").mkdir(parents=True)
    for name, text in (
        ("passwd", "root:x:0:0:root:/root:/bin/bash\n"),
        ("group", "root:x:0:\n"),
        ("subuid", ""),
        ("subgid", ""),
    ):
        (found / "etc" / name).write_text(text)
    return found


def install(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HOME / "scripts" / "install-builder", "--root", root, *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=HOME.parent,
    )


def files(root: Path) -> dict[str, object]:
    return {
        str(path.relative_to(root)): path.lstat().st_mtime_ns
        for path in root.rglob("*")
        if "versions/" not in str(path)
    }


def test_a_builder_is_laid_out_checked_and_removed(root: Path) -> None:
    before = files(root)
    shown = install(root, *GIVEN, "--dry-run")
    assert "would add the user builder" in shown.stdout, shown.stderr
    assert files(root) == before

    done = install(root, *GIVEN)
    assert (done.returncode, done.stderr) == (0, "")
    would = [line.removeprefix("would ") for line in shown.stdout.splitlines()]
    assert [line.removeprefix("== ") for line in done.stdout.splitlines()][:-1] == would
    _check_files(root)
    _check_units(root)

    (root / "etc/build-coordination/builder.yaml").write_text("builder: build7 # mine\n")
    kept = files(root)
    again = install(root)
    assert [line for line in again.stdout.splitlines() if line.startswith("==")] == []
    assert files(root) == kept

    removed = install(root, "--remove")
    assert "kept: /etc/build-coordination (settings)" in removed.stdout, removed.stderr
    left = {name for name in files(root) if "doit" in name or name.startswith("srv/build")}
    assert left == set()
    assert (root / "etc/build-coordination/builder.yaml").read_text().endswith("# mine\n")


def _check_files(root: Path) -> None:
    uid = (root / "var/lib/build-coordination").stat().st_uid
    assert re.search(rf"^builder:[^:]*:{uid}:", (root / "etc/passwd").read_text(), re.MULTILINE)
    assert "builder:" in (root / "etc/subuid").read_text(), "for the users of a clean root"
    settings = (root / "etc/build-coordination/builder.yaml").stat()
    assert (settings.st_uid, settings.st_mode & 0o777) == (0, 0o640)
    shown = (root / "srv/build-coordination/current").readlink()
    assert (root / str(shown).lstrip("/") / "dodo.py").is_file()


def _check_units(root: Path) -> None:
    wanted = {"multi-user.target": "doit-work.service", "timers.target": "doit-clean.timer"}
    for target, unit in wanted.items():
        assert (root / f"etc/systemd/system/{target}.wants/{unit}").is_symlink()
    program = root / "srv/build-coordination/current"
    program = root / str(program.readlink()).lstrip("/") / ".venv/bin/doit"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    shutil.copytree("/lib/systemd/system", root / "lib/systemd/system", symlinks=True)
    verified = subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", *STARTED],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    judged = subprocess.run(
        [
            *("systemd-analyze", "security", "--offline=yes", f"--root={root}"),
            *(f"--threshold={MOST_EXPOSED * 10:.0f}", "doit-work.service"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_bad_usage_is_one_line(root: Path) -> None:
    for words, message in (
        (("--builder", "x"), "--repository is missing"),
        (("--bulder", "x"), "unrecognized arguments: --bulder x; see --help"),
        ((*GIVEN, "--user", "root"), "invalid user 'root': expected an ordinary user's name"),
    ):
        done = install(root, *words)
        assert (done.returncode, done.stderr) == (3, f"install-builder: {message}\n")


def test_a_host_is_trusted_by_its_fingerprint_alone(root: Path, tmp_path: Path) -> None:
    with ssh_server(tmp_path, tmp_path / "keys") as server:
        address = f"{server.address}/farm.git"
        given = ("--builder", "build7", "--repository", address)
        unknown = install(root, *given)
        assert unknown.returncode == 3
        assert "pass it as --host-fingerprint" in unknown.stderr
        wrong = install(root, *given, "--host-fingerprint", "SHA256:x")
        assert (wrong.returncode, "no key with the fingerprint" in wrong.stderr) == (1, True)
        known = root / "var/lib/build-coordination/.ssh/known_hosts"
        assert not known.exists()

        line = (server.keys / "known_hosts").read_text().splitlines()[0]
        done = install(root, *given, "--host-fingerprint", fingerprint_of(line))
        assert done.returncode == 0, done.stderr
        assert line.split()[2] in known.read_text()
        private = known.with_name("id_ed25519").stat()
        assert private.st_mode & 0o777 == 0o600
        assert private.st_uid == known.parent.stat().st_uid != 0
    assert "known_hosts" not in install(root).stdout, "the server is away, its key is known"
