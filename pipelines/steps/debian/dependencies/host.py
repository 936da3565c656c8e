"""The machine as packaging sees it, read from files without starting a process."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from debian._arch_table import DpkgArchTable

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.debian.dependencies.relations import ArchitectureTest

DPKG_PACKAGES = ("dpkg-dev", "debhelper", "devscripts", "equivs")
"""Packages whose versions show which tools made a package."""

DPKG_ADMINDIR = Path("/var/lib/dpkg")
"""The default database of dpkg's tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Everything that decides how Build-Depends can be satisfied here."""

    codename: str
    """Code name of the distribution: `bookworm`."""
    is_root: bool
    concerned: ArchitectureTest
    admindir: Path = DPKG_ADMINDIR
    """dpkg's database."""
    package_lists: Path = Path("/var/lib/apt/lists")
    """apt's package lists."""
    lock: Path = Path("/run/lock/build-coordination-packaging.lock")
    """See `machine_lock`."""


HostReader = Callable[[], Host]


def this_host() -> Host:
    """The machine that this process runs on. Raises StepFailed (TOOL_MISSING) without dpkg."""
    status = _status(DPKG_ADMINDIR)
    # dpkg itself is never of a foreign architecture.
    architecture = _field(status, "dpkg", "Architecture")
    if architecture is None:
        raise StepFailed(
            FailureCode.TOOL_MISSING, "cannot build Debian packages here: dpkg is not installed"
        )
    release = platform.freedesktop_os_release()
    return Host(
        codename=release.get("VERSION_CODENAME") or release["ID"],
        is_root=os.geteuid() == 0,
        concerned=architecture_test(architecture),
    )


def architecture_test(architecture: str) -> ArchitectureTest:
    """Whether restrictions like `linux-any` or `!i386` match this Debian architecture."""
    table = DpkgArchTable.load_arch_table()

    def concerned(restrictions: Iterable[str]) -> bool:
        return table.architecture_is_concerned(
            architecture, restrictions, allow_mixing_positive_and_negative=True
        )

    return concerned


def installed_versions(names: Iterable[str], admindir: Path = DPKG_ADMINDIR) -> Mapping[str, str]:
    """Versions of those of the packages that are installed, by name."""
    status = _status(admindir)
    versions = {name: _field(status, name, "Version") for name in names}
    return {name: version for name, version in versions.items() if version is not None}


def _status(admindir: Path) -> str:
    path = admindir / "status"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _field(status: str, package: str, field: str) -> str | None:
    start = re.search(rf"^Package: {re.escape(package)}\n", status, flags=re.MULTILINE)
    if start is None:
        return None
    paragraph = status[start.start() :].split("\n\n", 1)[0]
    if " ok installed\n" not in paragraph:
        return None
    found = re.search(rf"^{field}: (.*)$", paragraph, flags=re.MULTILINE)
    return found[1] if found else None
