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
# dpkg-checkbuilddeps asks for it in every build although no control file names it.
_BUILT_IN = "build-essential:native"


@dataclass(frozen=True, slots=True)
class SourceControl:
    """What a build of all binary packages needs to know of the source package."""

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
            FailureCode.PACKAGING_FAILED, "debian/control has no source paragraph at its beginning"
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
