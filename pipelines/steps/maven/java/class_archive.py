"""An archive of Maven's classes in a form that Java loads faster, for short runs.

Java writes such an archive when a run ends and loads classes from it in later ones (JEP 350, Java
13, https://openjdk.org/jeps/350). It checks itself whether an archive is complete and matches, and
ignores one that does not. The builder makes each archive once, with a project of its own: classes
that a job left there would run in other jobs.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.atomic_files import sync
from pipelines.domain.errors import StepFailed
from pipelines.processes.capture import capture
from pipelines.workspace.layout import Workspace

_FIRST_JAVA = 13
_SAID = re.compile(r"-Xshare|SharedArchiveFile|ArchiveClassesAtExit")
_QUIET = "-Xlog:cds=off,cds+dynamic=off"
"""Otherwise Java would report in Maven's output, for each class, why it is not in the archive."""
_UNUSED = 90 * 86400.0
"""Seconds after which an unused archive belongs to a removed Maven or Java."""


_SECONDS = 120.0
_PROJECT = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>builder</groupId><artifactId>classes</artifactId><version>1</version>
<packaging>pom</packaging></project>
"""
_ENVIRONMENT = ("PATH", "JAVA_HOME", "LANG", "LC_ALL")


@dataclass(frozen=True, slots=True)
class ClassArchive:
    """The archive of one Maven and Java on a builder."""

    file: Path
    env: Mapping[str, str]
    """The environment of Maven, by which it is found."""

    def options(self) -> tuple[str, ...]:
        """Options for the Java of a run, with which it uses the archive if there is one."""
        if not self.file.is_file():
            return ()
        os.utime(self.file)
        # An archive that a disk has damaged would end Java with a fatal error.
        whole = "-XX:+VerifySharedSpaces"
        return (f"-XX:SharedArchiveFile={self.file}", "-Xshare:auto", whole, _QUIET)

    def keep(self) -> None:
        """After a successful run: make the archive for later ones, unless there is one.

        It withstands a power cut. Without one, later runs take longer, and nothing else.
        """
        if self.file.is_file():
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.file.parent) as folder:
            made = Path(folder, "classes.jsa")
            with suppress(StepFailed):
                _make(made, self.env)
            if made.is_file():
                sync(made)
                made.replace(self.file)
        for other in self.file.parent.glob("*.jsa"):
            if time.time() - other.stat().st_mtime > _UNUSED:
                other.unlink(missing_ok=True)


def class_archive(
    workspace: Workspace, versions: Mapping[str, str], given: str, env: Mapping[str, str]
) -> ClassArchive | None:
    """The archive for these `versions` of `java` and `maven`.

    None if Java does not support it, if the source brings its own Maven, if `given`, all Java
    options of the user, has an option about it, or if its path contains a space, at which Maven's
    script would split MAVEN_OPTS.
    """
    number = re.match(r"\d+", versions["java"])
    is_foreign = not re.fullmatch(r"\d[\w.-]*", versions["maven"])
    if number is None or int(number[0]) < _FIRST_JAVA or is_foreign or _SAID.search(given):
        return None
    key = hashlib.sha256("\n".join((versions["java"], versions["maven"])).encode()).hexdigest()
    file = workspace.maven_tools / "class-archives" / f"{key[:16]}.jsa"
    return None if " " in str(file) else ClassArchive(file, env)


def _make(archive: Path, env: Mapping[str, str]) -> None:
    """Run Maven once without anything of a job. Raises StepFailed."""
    home = archive.parent
    (home / "pom.xml").write_text(_PROJECT)
    options = f"-XX:ArchiveClassesAtExit={archive} {_QUIET} -Duser.home={home}"
    capture(
        ("mvn", "-o", "-q", f"-Dmaven.repo.local={home / 'repository'}", "validate"),
        cwd=home,
        env={
            **{name: env[name] for name in _ENVIRONMENT if name in env},
            "HOME": str(home),
            "MAVEN_OPTS": options,
        },
        timeout=_SECONDS,
    )
