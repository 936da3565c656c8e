"""Dummy packages: name and provides of a dummy for a missing build dependency.

The package itself is built by the real `equivs-build`, which needs no root.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.steps.debian.dependencies.relations import Relation

DUMMY_VERSION = "1.0"
MAINTAINER = "Build Coordination <root@localhost>"
"""Identifies a dummy that a killed build left installed."""


@dataclass(frozen=True, slots=True)
class Provided:
    """A missing package that the dummy replaces."""

    name: str
    version: str | None
    """Version that the dummy claims; None when the dependency asks for none."""

    def __str__(self) -> str:
        return f"{self.name} (= {self.version})" if self.version else self.name


def provided_for(relation: Relation) -> Provided:
    """The Provides entry for `relation`: an unversioned one would not satisfy a version."""
    if relation.version is None:
        return Provided(relation.name, None)
    # `0` is the smallest that can follow a version and `~` sorts before its end.
    suffix = {">>": "+0", "<<": "~"}.get(relation.operator or "", "")
    return Provided(relation.name, relation.version + suffix)


def dummy_name(source: str) -> str:
    """Name of the one dummy package that a build of `source` gets."""
    return f"{source}-build-dummies"


def equivs_control(source: str, provided: Iterable[Provided]) -> str:
    """Input for `equivs-build`."""
    names = ", ".join(dict.fromkeys(str(item) for item in provided))
    return (
        "Section: misc\n"
        "Priority: optional\n"
        "Standards-Version: 4.6.2\n"
        "\n"
        f"Package: {dummy_name(source)}\n"
        f"Version: {DUMMY_VERSION}\n"
        f"Maintainer: {MAINTAINER}\n"
        "Architecture: all\n"
        f"Provides: {names}\n"
        f"Description: replaces build dependencies of {source} that the distribution lacks\n"
        " Made for one build. It has no content.\n"
    )


def installed_stanza(control: str) -> str:
    """A package's control paragraph as dpkg's status file has it when the package is installed."""
    return re.sub(
        r"^(Package: .*)$", r"\1\nStatus: install ok installed", control.strip(), flags=re.MULTILINE
    )
