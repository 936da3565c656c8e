"""The source paragraph of `debian/control`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from debian.deb822 import Deb822

from pipelines.debian.build_depends import ArchitectureTest, Group, parse_groups
from pipelines.errors import FailureCode, StepFailed

_FIELDS = ("Build-Depends", "Build-Depends-Arch", "Build-Depends-Indep")
# dpkg-checkbuilddeps asks for it in every build although no control file names it.
_BUILT_IN = "build-essential:native"


@dataclass(frozen=True, slots=True)
class SourceControl:
    """What a build of all binary packages needs to know of the source package."""

    source: str
    build_depends: tuple[Group, ...]
    """Each group once, the built-in `build-essential` first."""


def parse_control(
    text: str, concerned: ArchitectureTest, profiles: Collection[str] = ()
) -> SourceControl:
    """Read the first paragraph. Raises StepFailed (PACKAGING_FAILED, BUILD_DEPENDS)."""
    paragraph = next(Deb822.iter_paragraphs(text.splitlines(keepends=True)), None)
    if paragraph is None or "Source" not in paragraph:
        raise StepFailed(
            FailureCode.PACKAGING_FAILED, "debian/control has no source paragraph at its beginning"
        )
    groups: dict[Group, None] = {}
    for field in (_BUILT_IN, *(paragraph.get(name, "") for name in _FIELDS)):
        if field.strip():
            groups.update(dict.fromkeys(parse_groups(field, concerned, profiles)))
    return SourceControl(source=paragraph["Source"].strip(), build_depends=tuple(groups))
