"""An archive of Maven's classes in a form that Java loads faster, for short runs.

Java writes such an archive when a run ends and loads classes from it in later ones (JEP 350, Java
13, https://openjdk.org/jeps/350). It checks itself whether an archive is complete and matches, and
ignores one that does not.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common.atomic_files import sync
from pipelines.workspace.layout import Workspace

_FIRST_JAVA = 13
_SAID = re.compile(r"-Xshare|SharedArchiveFile|ArchiveClassesAtExit")
_QUIET = "-Xlog:cds=off,cds+dynamic=off"
"""Otherwise Java would report in Maven's output, for each class, why it is not in the archive."""
_UNUSED = 90 * 86400.0
"""Seconds after which an unused archive belongs to a removed Maven or Java."""


@dataclass(frozen=True, slots=True)
class ClassArchive:
    """The archive of one Maven and Java on a builder."""

    file: Path
    written: Path
    """The file that a run writes when there is no archive yet; it is valid once it is kept."""

    def options(self) -> tuple[str, ...]:
        """Options for the Java of a run that uses the archive, or writes it."""
        if not self.file.is_file():
            self.written.parent.mkdir(parents=True, exist_ok=True)
            return (f"-XX:ArchiveClassesAtExit={self.written}", _QUIET)
        os.utime(self.file)
        # An archive that a disk has damaged would end Java with a fatal error.
        whole = "-XX:+VerifySharedSpaces"
        return (f"-XX:SharedArchiveFile={self.file}", "-Xshare:auto", whole, _QUIET)

    def keep(self) -> None:
        """After a successful run: keep its archive for later ones, even after a power cut."""
        if not self.written.is_file():
            return
        sync(self.written)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.written.replace(self.file)
        for other in self.file.parent.glob("*.jsa"):
            if time.time() - other.stat().st_mtime > _UNUSED:
                other.unlink(missing_ok=True)


def class_archive(
    workspace: Workspace, step: str, versions: Mapping[str, str], given: str
) -> ClassArchive | None:
    """The archive for these `versions` of `java` and `maven`.

    None if Java does not support it, if `given`, all Java options of the user, has an option about
    it, or if a path contains a space, at which Maven's script would split MAVEN_OPTS.
    """
    number = re.match(r"\d+", versions["java"])
    if number is None or int(number[0]) < _FIRST_JAVA or _SAID.search(given):
        return None
    key = hashlib.sha256("\n".join((versions["java"], versions["maven"])).encode()).hexdigest()
    archive = ClassArchive(
        file=workspace.maven_tools / "class-archives" / f"{key[:16]}.jsa",
        written=workspace.scratch(step) / "classes.jsa",
    )
    has_blank = any(" " in str(path) for path in (archive.file, archive.written))
    return None if has_blank else archive
