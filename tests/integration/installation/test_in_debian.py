"""`scripts/install-builder` as a whole in a clean Debian: user, packages, environment, doctor."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import HOME, git

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="a root with users needs root"),
    pytest.mark.skipif(not shutil.which("mmdebstrap"), reason="mmdebstrap is not here"),
]
PACKAGES = "python3,python3-venv,git,systemd,ca-certificates,openssh-client,procps"
OF_THE_HOST = ("resolv.conf", "pip.conf", "ssl/certs/ca-certificates.crt")
"""How this machine reaches its name server and package index."""
ENTER = """
mount --make-rprivate / && mount --bind "$1" "$1" && mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev" && mount -t sysfs sysfs "$1/sys" && mount -t tmpfs tmpfs "$1/run"
cd "$1" && shift && mkdir -p mnt/old && pivot_root . mnt/old && umount -l mnt/old && exec "$@"
"""
"""Not chroot: the kernel lets nobody in one make a namespace of users."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = tmp_path / "root"
    made = ["mmdebstrap", "--variant=apt", f"--include={PACKAGES}", "bookworm", str(found)]
    subprocess.run([*made, "http://deb.debian.org/debian"], check=True)
    for name in OF_THE_HOST:
        if Path("/etc", name).exists():
            shutil.copy(f"/etc/{name}", found / "etc" / name)
    for folder in filter(None, os.environ.get("PIP_FIND_LINKS", "").split()):
        if Path(folder).is_dir():
            shutil.copytree(folder, found / folder.lstrip("/"))
    git("clone", "--quiet", "--no-hardlinks", str(HOME), str(found / "root/checkout"))
    git("clone", "--quiet", "--bare", str(HOME), str(found / "root/origin.git"))
    git("-C", str(found / "root/origin.git"), "branch", "--force", "main", "HEAD")
    git("-C", str(found / "root/checkout"), "remote", "set-url", "origin", "/root/origin.git")
    return found


def inside(root: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-ec", ENTER, "sh", root, *argv],
        env={**kept, "HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_a_machine_becomes_a_builder_and_gets_a_new_version(root: Path) -> None:
    inside(root, "git", "init", "--quiet", "--bare", "-b", "main", "/srv/coordination.git")
    install = "/root/checkout/scripts/install-builder"
    given = ("--builder", "build7", "--repository", "/srv/coordination.git")
    first = inside(root, install, *given)
    assert "/srv/coordination.git/objects" not in first.stdout
    assert (first.returncode, "nothing was started" in first.stdout) == (1, True), first.stderr
    inside(root, "chown", "--recursive", "builder:", "/srv/coordination.git")
    second = inside(root, install)
    assert (second.returncode, "This builder works" not in second.stdout) == (0, True)
    assert "systemd does not run here" in second.stdout, second.stdout + second.stderr
    shown = inside(root, "/srv/build-coordination/doit", "doctor", "--json")
    assert '"check": "sandbox", "ok": true' in shown.stdout, shown.stdout + shown.stderr

    origin = str(root / "root/origin.git")
    newer = git("-C", origin, "commit-tree", "-p", "HEAD", "-m", "newer", "HEAD^{tree}")
    git("-C", origin, "update-ref", "refs/heads/main", newer)
    updated = inside(root, "/srv/build-coordination/current/scripts/update-builder", "main")
    assert updated.returncode == 0, updated.stdout + updated.stderr
    version = inside(root, "/srv/build-coordination/doit", "version", "--json")
    assert newer in version.stdout, version.stdout + version.stderr
    status = inside(root, "/srv/build-coordination/doit", "status", "--json")
    assert '"drained": null' in status.stdout
