"""Build-Depends as values: groups of alternatives, reduced to those that apply to this build.

The syntax is Debian Policy 7.1: `a (>= 1) [linux-any] <!nocheck> | b:native, c`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from debian.deb822 import PkgRelation

from pipelines.domain.errors import FailureCode, StepFailed

ArchitectureTest = Callable[[Sequence[str]], bool]
"""Whether restrictions like `amd64`, `!i386`, `linux-any` match this build's architecture."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


@dataclass(frozen=True, slots=True)
class Relation:
    """One acceptable package."""

    name: str
    qualifier: str | None = None
    """`any`, `native` or an architecture."""
    operator: str | None = None
    """`>=`, `<<`, …; None together with `version`."""
    version: str | None = None

    def __str__(self) -> str:
        name = f"{self.name}:{self.qualifier}" if self.qualifier else self.name
        return f"{name} ({self.operator} {self.version})" if self.operator else name


@dataclass(frozen=True, slots=True)
class Group:
    """Alternatives, one of which must be installed."""

    alternatives: tuple[Relation, ...]

    def __str__(self) -> str:
        return " | ".join(str(relation) for relation in self.alternatives)


def field_relations(field: str) -> list[list[Any]]:
    """The groups of alternatives in a field, in python-debian's form; none in an empty one.

    python-debian would make a relation without a name, and a warning, of an empty field and of
    two commas in a row: findings/python-debian-empty-relation.sh. dpkg skips them.
    """
    text = ",".join(filter(str.strip, field.split(",")))
    return PkgRelation.parse_relations(text) if text else []


def parse_groups(
    field: str, concerned: ArchitectureTest, profiles: Collection[str]
) -> tuple[Group, ...]:
    """The groups of one field that count for this architecture and these build profiles.

    Raises StepFailed (BUILD_DEPENDS) for an invalid relation.
    """
    wanted = []
    for alternatives in field_relations(field):
        kept = [
            _relation(parsed)
            for parsed in alternatives
            if _counts(parsed, concerned, frozenset(profiles))
        ]
        if kept:
            wanted.append(Group(tuple(kept)))
    return tuple(wanted)


def _counts(parsed: Any, concerned: ArchitectureTest, profiles: frozenset[str]) -> bool:
    if parsed["arch"] and not concerned([_restriction(r) for r in parsed["arch"]]):
        return False
    formula = parsed["restrictions"]
    return not formula or any(
        all((term.profile in profiles) is term.enabled for term in terms) for terms in formula
    )


def _restriction(restriction: PkgRelation.ArchRestriction) -> str:
    return restriction.arch if restriction.enabled else f"!{restriction.arch}"


def _relation(parsed: Any) -> Relation:
    name = parsed["name"].strip()
    # python-debian returns unparseable text as a name. Names become arguments of apt-get.
    if not _NAME.fullmatch(name):
        raise StepFailed(
            FailureCode.BUILD_DEPENDS, f"debian/control: invalid build dependency '{name[:80]}'"
        )
    operator, version = parsed["version"] or (None, None)
    return Relation(name, parsed["archqual"], operator, version)
