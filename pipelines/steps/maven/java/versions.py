"""Versions of Java and Maven, read from their files: asking the programs takes half a second."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

_CORE_VERSION = "META-INF/maven/org.apache.maven/maven-core/pom.properties"


def java_version(env: Mapping[str, str]) -> str | None:
    """Version of the JDK in JAVA_HOME, or else on PATH; None when it is unknown."""
    home = _java_home(env)
    if home is None or not (home / "release").is_file():
        return None
    text = (home / "release").read_text(encoding="utf-8", errors="replace")
    found = re.search(r'^JAVA_RUNTIME_VERSION="(.*)"$', text, re.MULTILINE) or re.search(
        r'^JAVA_VERSION="(.*)"$', text, re.MULTILINE
    )
    return found[1] if found else None


def maven_version(env: Mapping[str, str]) -> str | None:
    """Version of the `mvn` on PATH; None when it is unknown."""
    home = maven_home(env)
    if home is None:
        return None
    # Debian's jar has no version in its name, so the one inside counts.
    for jar in sorted((home / "lib").glob("maven-core*.jar")):
        with zipfile.ZipFile(jar) as content:
            if _CORE_VERSION in content.namelist():
                found = re.search(rb"^version=(\S+)", content.read(_CORE_VERSION), re.MULTILINE)
                return found[1].decode() if found else None
    return None


def wrapped_maven_version(source: Path) -> str | None:
    """Version of the Maven that a source's `mvnw` runs; None when there is no wrapper.

    Format: https://maven.apache.org/wrapper/ (`distributionUrl=…/apache-maven-3.9.9-bin.zip`).
    """
    settings = source / ".mvn" / "wrapper" / "maven-wrapper.properties"
    if not (source / "mvnw").is_file():
        return None
    text = settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else ""
    found = re.search(r"^distributionUrl=.*/apache-maven-(.+)-bin\.", text, re.MULTILINE)
    return f"{found[1]} (mvnw)" if found else "mvnw"


def maven_home(env: Mapping[str, str]) -> Path | None:
    """Home of the `mvn` on PATH: its jars are in `lib`."""
    program = shutil.which("mvn", path=env.get("PATH", ""))
    return Path(program).resolve().parents[1] if program else None


def _java_home(env: Mapping[str, str]) -> Path | None:
    if env.get("JAVA_HOME"):
        return Path(env["JAVA_HOME"])
    program = shutil.which("java", path=env.get("PATH", ""))
    return Path(program).resolve().parents[1] if program else None
