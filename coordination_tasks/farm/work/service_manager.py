"""Tells the service manager how this process is, if one started it.

The protocol is sd_notify(3) of systemd: datagrams of assignments to the socket in `NOTIFY_SOCKET`,
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress

SOCKET_VARIABLE = "NOTIFY_SOCKET"
VARIABLES = frozenset({SOCKET_VARIABLE, "WATCHDOG_USEC", "WATCHDOG_PID"})
"""Not for the processes that this one starts."""
_SIGNS_A_PERIOD = 4
"""The manual asks for two: a busy machine may delay one."""
_LONGEST_SEND = 1.0


class ServiceManager:
    """The service manager that `environment` names; without one, every method does nothing."""

    def __init__(self, environment: Mapping[str, str], *, monotonic: Callable[[], float]) -> None:
        self._address = environment.get(SOCKET_VARIABLE, "")
        self._monotonic = monotonic
        self._every = _watchdog_seconds(environment) / _SIGNS_A_PERIOD
        self._signed_at = -self._every
        self._status = ""

    def ready(self) -> None:
        """Say that this process has started."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Say that this process is about to end."""
        self._send("STOPPING=1")

    def show(self, status: str) -> None:
        """Show what this process does, in one line for people."""
        if status != self._status:
            self._status = status
            self._send(f"STATUS={' '.join(status.split())}")

    def is_alive(self) -> None:
        """Give a sign of life; called by the work itself: a thread would go on when that hangs."""
        now = self._monotonic()
        if self._every and now - self._signed_at >= self._every:
            self._signed_at = now
            self._send("WATCHDOG=1")

    def _send(self, assignment: str) -> None:
        if not self._address:
            return
        name = self._address
        address = f"\0{name[1:]}" if name.startswith("@") else name
        # A manager that is away notices the missing signs: builds go on without it.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_LONGEST_SEND)
            sender.sendto(assignment.encode(), address)


def _watchdog_seconds(environment: Mapping[str, str]) -> float:
    """The period of the watchdog; 0 if there is none for this process."""
    period = environment.get("WATCHDOG_USEC", "")
    process = environment.get("WATCHDOG_PID", "")
    is_ours = not process or process == str(os.getpid())
    return int(period) / 1e6 if period.isdecimal() and is_ours else 0.0
