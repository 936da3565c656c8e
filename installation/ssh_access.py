"""The ssh key of a builder, and the host keys that it trusts."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from installation.files import SSH
from installation.machine import InstallationError, Machine, Owner, UsageError, answer, say

KEY = f"{SSH}/id_ed25519"
KNOWN_HOSTS = f"{SSH}/known_hosts"
_SECONDS = "20"
_SCP = re.compile(r"(?:[^/@:]+@)?(?P<host>\[[^]]+\]|[^/:@]+):(?!//)")


class SshHost(NamedTuple):
    """Where an ssh server is."""

    name: str
    port: int = 22

    @property
    def known_as(self) -> str:
        """Its name in a file of known hosts."""
        return self.name if self.port == 22 else f"[{self.name}]:{self.port}"  # noqa: PLR2004


def ssh_host(repository: str) -> SshHost | None:
    """The ssh server of a repository's address; None if git reaches it otherwise.

    Raises UsageError.
    """
    if "://" in repository:
        try:
            found = urlsplit(repository)
            host, port = found.hostname, found.port
        except ValueError as error:
            raise UsageError(f"invalid address {repository[:100]!r}: {error}") from error
        if found.scheme not in {"ssh", "git+ssh"} or not host:
            return None
        return SshHost(host, port or 22)
    if matched := _SCP.match(repository):
        return SshHost(matched["host"].strip("[]"))
    return None


def give_key(machine: Machine, owner: Owner | None, comment: str) -> None:
    """Make the key of the builder, unless it has one."""
    machine.folder(SSH, mode=0o700, owner=owner)
    path = machine.path(KEY)
    if not path.exists():
        made = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path)
        machine.run(*made, why=f"make the ssh key {KEY}")
    machine.give(KEY, mode=0o600, owner=owner)
    machine.give(f"{KEY}.pub", mode=0o644, owner=owner)


def public_key(machine: Machine) -> str:
    """The line that a server needs to let the builder in; "" before it has a key."""
    path = machine.path(f"{KEY}.pub")
    return path.read_text().strip() if path.is_file() else ""


def trust_host(machine: Machine, owner: Owner | None, host: SshHost, fingerprint: str) -> None:
    """Add the host's key to the known ones, if its fingerprint is `fingerprint` or a person agrees.

    Raises InstallationError.
    """
    path = machine.path(KNOWN_HOSTS)
    if path.is_file() and answer("ssh-keygen", "-F", host.known_as, "-f", path)[0] == 0:
        return
    if machine.dry_run:
        say(f"would add the key of {host.known_as} to {KNOWN_HOSTS}")
        return
    code, said = answer("ssh-keyscan", "-T", _SECONDS, "-p", str(host.port), "--", host.name)
    offered = [line for line in said.splitlines() if line and not line.startswith("#")]
    if code != 0 or not offered:
        raise InstallationError(
            f"no ssh server answers at {host.known_as}. Check --repository and the network."
        )
    prints = {line: fingerprint_of(line) for line in offered}
    chosen = [line for line, found in prints.items() if found == fingerprint]
    if not chosen:
        chosen = _agreed(host, prints, fingerprint)
    before = path.read_text() if path.is_file() else ""
    text = before + "".join(f"{line}\n" for line in chosen)
    machine.write(KNOWN_HOSTS, text, mode=0o644, owner=owner)


def fingerprint_of(line: str) -> str:
    """`SHA256:…` of a line of ssh-keyscan; "" if ssh-keygen cannot read it."""
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as file:
        file.write(f"{line}\n")
        file.flush()
        code, said = answer("ssh-keygen", "-l", "-E", "sha256", "-f", Path(file.name))
    words = said.split()
    return words[1] if code == 0 and len(words) > 1 else ""


def _agreed(host: SshHost, prints: dict[str, str], fingerprint: str) -> list[str]:
    shown = ", ".join(sorted(filter(None, prints.values())))
    if fingerprint:
        raise InstallationError(
            f"{host.known_as} has no key with the fingerprint {fingerprint}; it offers {shown}."
            " Ask its owner which one is right."
        )
    if not sys.stdin.isatty():
        raise UsageError(
            f"unknown host {host.known_as}, which offers {shown}. Ask its owner which one is right,"
            " then pass it as --host-fingerprint."
        )
    say(f"{host.known_as} offers these keys: {shown}")
    if input("Are these its keys? Ask its owner. [yes/no] ").strip().lower() != "yes":
        raise InstallationError(f"{host.known_as} is not trusted.")
    return list(prints)
