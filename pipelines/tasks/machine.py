"""The programs that a builder needs, and whether this machine has them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.processes.capture import capture

Check = tuple[str, str, str | None]
"""Name of the check, its result, and the remedy (None: nothing to do)."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that steps call."""

    name: str
    version: tuple[str, ...]
    """Command that prints its version."""
    package: str
    """Debian package that contains it."""


def _installed(package: str) -> tuple[str, ...]:
    """For tools that have no option to print their version."""
    return ("dpkg-query", "--show", "--showformat", "${Package} ${Version}", package)


TOOLS = (
    Tool("git", ("git", "--version"), "git"),
    Tool("javac", ("javac", "-version"), "default-jdk-headless"),
    Tool("mvn", ("mvn", "-B", "-Dstyle.color=never", "--version"), "maven"),
    Tool("dpkg-buildpackage", ("dpkg-buildpackage", "--version"), "dpkg-dev"),
    Tool("dh", _installed("debhelper"), "debhelper"),
    Tool("dch", ("dch", "--version"), "devscripts"),
    Tool("equivs-build", _installed("equivs"), "equivs"),
    Tool("fakeroot", ("fakeroot", "--version"), "fakeroot"),
    Tool("lsb_release", ("lsb_release", "--short", "--description"), "lsb-release"),
)

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_SECONDS = 30.0


def check_tools(env: Mapping[str, str]) -> Iterator[Check]:
    """Check each tool."""
    for tool in TOOLS:
        path = shutil.which(tool.name, path=env.get("PATH"))
        if path is None:
            yield tool.name, "not found", f"apt-get install {tool.package}"
            continue
        captured = capture(tool.version, cwd=Path("/"), env=env, timeout=_SECONDS)
        line = next(iter(_ANSI.sub("", captured.text).strip().splitlines()), path)
        if captured.code != 0:
            yield tool.name, f"{path} fails: {line}", f"apt-get install --reinstall {tool.package}"
        else:
            yield tool.name, line.strip(), None
