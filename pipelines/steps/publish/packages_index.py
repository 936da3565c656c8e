"""The index of an apt repository, as stanzas of text: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from debian.debian_support import Version

_FIELD = re.compile(r"^([A-Za-z0-9-]+):[ \t]*(.*)$", re.MULTILINE)
_SOURCE = re.compile(r"(\S+)(?: \((.+)\))?")
_RELEASED = re.compile(r"^ ([0-9a-f]{64}) +\d+ (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stanza:
    """One package in an index."""

    text: str
    package: str
    version: str
    architecture: str
    filename: str
    sha256: str
    source: str
    source_version: str

    @property
    def identity(self) -> tuple[str, str, str]:
        """What an installed package is known by."""
        return self.package, self.version, self.architecture

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.package} {self.version} ({self.architecture})"


def read_stanzas(text: str) -> list[Stanza]:
    """The packages of an index, in its order. Raises KeyError for one that lacks a field."""
    found = []
    for block in filter(None, (block.strip("\n") for block in text.split("\n\n"))):
        fields = dict(_FIELD.findall(block))
        # dpkg writes the source only where it differs from the package
        named = _SOURCE.match(fields.get("Source", ""))
        found.append(
            Stanza(
                text=block,
                package=fields["Package"],
                version=fields["Version"],
                architecture=fields["Architecture"],
                filename=fields["Filename"],
                sha256=fields["SHA256"],
                source=named[1] if named else fields["Package"],
                source_version=(named and named[2]) or fields["Version"],
            )
        )
    return found


def index_text(stanzas: Iterable[Stanza]) -> str:
    """The index of these packages."""
    return "".join(f"{stanza.text}\n\n" for stanza in stanzas)


def newest(stanzas: Iterable[Stanza], keep: int) -> list[Stanza]:
    """The `keep` newest versions of each package and architecture, in a fixed order."""
    by_name: dict[tuple[str, str], list[Stanza]] = {}
    for stanza in stanzas:
        by_name.setdefault((stanza.package, stanza.architecture), []).append(stanza)
    found: list[Stanza] = []
    for _, versions in sorted(by_name.items()):
        ordered = sorted(versions, key=lambda stanza: Version(stanza.version), reverse=True)
        found += ordered[:keep]
    return found


def architectures(stanzas: Iterable[Stanza], own: str) -> Sequence[str]:
    """Those that get an index: every machine's own one, and those of the packages."""
    return sorted({own, *(s.architecture for s in stanzas if s.architecture != "all")})


def of_architecture(stanzas: Iterable[Stanza], architecture: str) -> list[Stanza]:
    """What a machine of this architecture can install."""
    return [s for s in stanzas if s.architecture in {"all", architecture}]


def newer_than(build: Iterable[Stanza], offered: Iterable[Stanza]) -> list[Stanza]:
    """What later builds of the same source added to `offered`, packages that are new included."""
    sources = {one.source: Version(one.source_version) for one in build}
    own = {(one.package, one.architecture): Version(one.version) for one in build}

    def is_newer(one: Stanza) -> bool:
        before = own.get((one.package, one.architecture))
        if before is not None and Version(one.version) > before:
            return True
        source = sources.get(one.source)
        return source is not None and Version(one.source_version) > source

    return [one for one in offered if is_newer(one)]


def released_digests(release: str) -> dict[str, str]:
    """SHA-256 of the files that a signed index names, by path."""
    return {path: digest for digest, path in _RELEASED.findall(release)}
