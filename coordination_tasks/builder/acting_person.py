"""The name of the person who acts on this machine, which is recorded with each action."""

from __future__ import annotations

import getpass
import socket
import subprocess

_SECONDS = 5.0


def acting_person(named: str) -> str:
    """`named` if it is not empty, otherwise git's user.name, or else user@host."""
    return named or _name_in_git() or _user_at_host()


def _name_in_git() -> str:
    try:
        done = subprocess.run(
            ["git", "config", "--get", "user.name"],
            check=False, capture_output=True, timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return " ".join(done.stdout.decode("utf-8", "replace").split())


def _user_at_host() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without an entry in the system's user list
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
