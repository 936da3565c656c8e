"""What the service manager gets, on a real socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from coordination_tasks.farm.work.service_manager import ServiceManager


def received(receiver: socket.socket) -> list[str]:
    found = []
    receiver.setblocking(False)
    try:
        while True:
            found.append(receiver.recv(4096).decode())
    except BlockingIOError:
        return found


@pytest.mark.parametrize("abstract", [False, True])
def test_it_gets_what_changes_and_a_sign_four_times_a_period(
    tmp_path: Path, abstract: bool
) -> None:
    name = f"\0test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    now = [1000.0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name)
        environment = {
            "NOTIFY_SOCKET": name.replace("\0", "@"),
            "WATCHDOG_USEC": "8000000",
            "WATCHDOG_PID": str(os.getpid()),
        }
        service = ServiceManager(environment, monotonic=lambda: now[0])
        service.ready()
        for _ in range(9):
            service.show("idle,\nwhatever")
            service.is_alive()
            now[0] += 0.5
        service.stopping()
        alive = ["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]
        told = ["READY=1", "STATUS=idle, whatever", *alive, "STOPPING=1"]
        assert received(receiver) == told


def test_a_watchdog_of_another_process_gets_nothing(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name)
        environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "8000000", "WATCHDOG_PID": "1"}
        ServiceManager(environment, monotonic=lambda: 0.0).is_alive()
        assert received(receiver) == []


def test_a_manager_that_is_away_harms_nothing(tmp_path: Path) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}, monotonic=lambda: 0.0)
    service.ready()
    ServiceManager({}, monotonic=lambda: 0.0).ready()
