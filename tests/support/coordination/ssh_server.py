"""An sshd of our own on the loopback, and an `ssh` on the PATH that knows its keys."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import await_that

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin:/bin")
_PRIVILEGE_SEPARATION = Path("/run/sshd")


def is_possible() -> bool:
    """Whether this machine has an sshd that this user can start."""
    return SSHD is not None and _PRIVILEGE_SEPARATION.is_dir()


@contextmanager
def ssh_server(folder: Path, programs: str = "/usr/bin:/bin") -> Iterator[str]:
    """Its address; the folder `bin` in `folder` belongs on the PATH. `programs`: the PATH there."""
    folder.mkdir()
    for name in ("host", "user"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(make, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPermitRootLogin prohibit-password\nPidFile none\n"
        f"SetEnv PATH={programs}\n"
    )
    key = (folder / "host.pub").read_text().split()[:2]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {' '.join(key)}\n")
    (folder / "ssh_config").write_text(
        f"IdentityFile {folder}/user\nIdentitiesOnly yes\nUserKnownHostsFile {folder}/known_hosts\n"
    )
    (folder / "bin").mkdir()
    ssh = folder / "bin" / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
    ssh.chmod(0o755)
    command = [str(SSHD), "-D", "-e", "-f", str(folder / "sshd_config")]
    with (folder / "sshd.log").open("w") as log:
        server = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL)
    try:
        await_that(lambda: _answers(port) or server.poll() is not None, "sshd answers")
        yield f"ssh://{getpass.getuser()}@127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
