"""The labels of this machine, detected automatically."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

from pipelines.steps.maven.java.jdk import JDK_FOLDERS, jdk_majors

_DEBIAN_NAMES: Mapping[str, str] = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "armhf",
    "i686": "i386",
    "ppc64le": "ppc64el",
}
"""Debian's name of an architecture, where the kernel uses another."""


def machine_labels(jdk_folders: tuple[Path, ...] = JDK_FOLDERS) -> dict[str, str]:
    """Labels with their values, separated by commas: `jdk: 17, 21`.

    A label without a value is left out. Sources: uname, /etc/os-release, the JDKs in
    `jdk_folders`.
    """
    machine = platform.machine()
    found = {
        "arch": _DEBIAN_NAMES.get(machine, machine),
        "distro": ", ".join(_distro()),
        "jdk": ", ".join(map(str, jdk_majors(jdk_folders))),
    }
    return {name: value for name, value in found.items() if value}


def _distro() -> list[str]:
    """`debian`, `debian-12`, `bookworm`."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return []
    name = release.get("ID", "linux")
    version, codename = release.get("VERSION_ID"), release.get("VERSION_CODENAME")
    return [name, *([f"{name}-{version}"] if version else []), *([codename] if codename else [])]
