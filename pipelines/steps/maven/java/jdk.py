"""Finds a JDK on this machine by its version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed

JDK_FOLDERS = (Path("/usr/lib/jvm"),)
"""The folder in which packages of Debian, Ubuntu and Temurin install JDKs."""

_VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?(?P<version>[\d._]+)', re.MULTILINE)


def find_jdk(wanted: str, env: Mapping[str, str], folders: tuple[Path, ...] = JDK_FOLDERS) -> Path:
    """Home of the JDK that `wanted` names: a directory, or a version like `17`, `17.0.2`, `1.8`.

    Of several, JAVA_HOME of `env` comes first, then the newest. Raises StepFailed (TOOL_MISSING).
    """
    if wanted.startswith("/"):
        if (Path(wanted) / "bin" / "javac").is_file():
            return Path(wanted)
        raise StepFailed(FailureCode.TOOL_MISSING, f"invalid JDK {wanted}: it has no bin/javac")
    preferred = [Path(env["JAVA_HOME"])] if env.get("JAVA_HOME") else []
    found = dict(_jdks([*preferred, *_newest_first(folders)]))
    parts = _parts(wanted.removeprefix("1."))
    for home, version in found.items():
        if _parts(version)[: len(parts)] == parts:
            return home
    known = ", ".join(sorted(set(found.values()))) or "none"
    raise StepFailed(
        FailureCode.TOOL_MISSING,
        f"unknown JDK {wanted} below {' or '.join(map(str, folders))} (found: {known})",
    )


def jdk_majors(folders: tuple[Path, ...] = JDK_FOLDERS) -> list[int]:
    """Versions of the JDKs in `folders`, their first number only, the lowest first."""
    return sorted({_parts(version)[0] for _, version in _jdks(_newest_first(folders))})


def jdk_packages(major: str) -> tuple[str, ...]:
    """Packages of a JDK of this major version, Debian's first. Pure."""
    return f"openjdk-{major}-jdk-headless", f"temurin-{major}-jdk"


def jdk_folders(major: str) -> tuple[str, ...]:
    """The names of their folders in /usr/lib/jvm, without the architecture. Pure."""
    return f"java-{major}-openjdk", f"temurin-{major}-jdk"


def jdk_version(release: Path) -> str | None:
    """The version in a JDK's file `release`; None if there is none."""
    if not release.is_file():
        return None
    match = _VERSION.search(release.read_text(encoding="utf-8", errors="replace"))
    return match["version"] if match else None


def _newest_first(folders: tuple[Path, ...]) -> list[Path]:
    homes = {home.resolve() for folder in folders if folder.is_dir() for home in folder.iterdir()}
    versions = dict(_jdks(sorted(homes)))
    return sorted(versions, key=lambda home: _parts(versions[home]), reverse=True)


def _jdks(homes: list[Path]) -> Iterator[tuple[Path, str]]:
    for home in homes:
        version = jdk_version(home / "release")
        if version and (home / "bin" / "javac").is_file():
            yield home, version


def _parts(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]
