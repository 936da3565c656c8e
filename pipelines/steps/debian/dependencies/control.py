"""The source paragraph of `debian/control`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain

from debian.deb822 import Deb822

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.debian.dependencies.relations import ArchitectureTest, Group, parse_groups

_FIELDS = ("Build-Depends", "Build-Depends-Arch", "Build-Depends-Indep")
_CONFLICTS = ("Build-Conflicts", "Build-Conflicts-Arch", "Build-Conflicts-Indep")
# dpkg-checkbuilddeps requires it in every build although no control file lists it.
_BUILT_IN = "build-essential:native"


@dataclass(frozen=True, slots=True)
class SourceControl:
    """The data of the source package for a build of all binary packages."""

    source: str
    build_depends: tuple[Group, ...]
    """Each group once, the built-in `build-essential` first."""
    build_conflicts: tuple[Group, ...] = ()


def parse_control(
    text: str, concerned: ArchitectureTest, profiles: Collection[str] = ()
) -> SourceControl:
    """Read the first paragraph. Raises StepFailed (PACKAGING_FAILED, BUILD_DEPENDS)."""
    paragraph = next(Deb822.iter_paragraphs(text.splitlines(keepends=True)), None)
    if paragraph is None or "Source" not in paragraph:
        raise StepFailed(
            FailureCode.PACKAGING_FAILED, "debian/control does not start with a source paragraph"
        )
    fields = {name: paragraph.get(name, "") for name in (*_FIELDS, *_CONFLICTS)}

    def groups(*texts: str) -> tuple[Group, ...]:
        found = (parse_groups(text, concerned, profiles) for text in texts if text.strip())
        return tuple(dict.fromkeys(chain.from_iterable(found)))

    return SourceControl(
        source=paragraph["Source"].strip(),
        build_depends=groups(_BUILT_IN, *(fields[name] for name in _FIELDS)),
        build_conflicts=groups(*(fields[name] for name in _CONFLICTS)),
    )
