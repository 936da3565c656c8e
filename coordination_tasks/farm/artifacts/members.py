"""What is inside packages, jars and tar files, so that two of them can be compared part by part."""

from __future__ import annotations

import hashlib
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from typing import IO

_PACKAGES = (".deb", ".udeb", ".ddeb")
_ZIPS = (".jar", ".war", ".ear", ".zip")
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz")


@dataclass(frozen=True, slots=True)
class Member:
    """One file, folder or link in an archive."""

    content: str
    """SHA-256 of a file, target of a link, "" for others."""
    attributes: Mapping[str, str]
    """Everything else that the archive says of it, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDifferences:
    """How the members of two archives differ."""

    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]
    content: tuple[str, ...]
    """Names of those with other content."""
    attributes: Mapping[str, tuple[str, ...]]
    """Of those with the same content, what differs otherwise: `time: A, B`."""


def compare_members(a: Path, b: Path) -> MemberDifferences | None:
    """None if one of the files is no archive that can be read. Raises OSError."""
    ours, theirs = members(a), members(b)
    if ours is None or theirs is None:
        return None
    both = [name for name in ours if name in theirs]
    same = [name for name in both if ours[name].content == theirs[name].content]
    differing = {name: _differing(ours[name], theirs[name]) for name in same}
    return MemberDifferences(
        only_in_a=tuple(name for name in ours if name not in theirs),
        only_in_b=tuple(name for name in theirs if name not in ours),
        content=tuple(name for name in both if ours[name].content != theirs[name].content),
        attributes={name: found for name, found in differing.items() if found},
    )


def members(path: Path) -> dict[str, Member] | None:
    """The members of an archive by name, in its order; None if it is none. Raises OSError."""
    from debian.arfile import ArError  # noqa: PLC0415 - takes a tenth of a second
    from debian.debfile import DebError  # noqa: PLC0415

    try:
        return _by_name(_read(path))
    except (ArError, DebError, tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError,
            EOFError, ValueError, NotImplementedError, RuntimeError):  # fmt: skip
        return None  # broken, or encrypted


def _read(path: Path) -> Iterator[tuple[str, Member]]:
    if path.name.endswith(_PACKAGES):
        yield from _of_package(path)
    elif path.name.endswith(_ZIPS):
        with zipfile.ZipFile(path) as archive:
            yield from _of_zip(archive)
    elif path.name.endswith(_TARS):
        with tarfile.open(path) as tar:
            yield from _of_tar(tar)
    else:
        raise ValueError(f"{path} is no archive")


def _by_name(found: Iterable[tuple[str, Member]]) -> dict[str, Member]:
    """An archive may have several members of a name."""
    members: dict[str, Member] = {}
    for name, member in found:
        key, number = name, 2
        while key in members:
            key, number = f"{name} ({number})", number + 1
        members[key] = member
    return members


def _of_package(path: Path) -> Iterator[tuple[str, Member]]:
    from debian.debfile import DebFile  # noqa: PLC0415 - see members

    with DebFile(str(path)) as package:
        for part in package.getnames():
            header = package.getmember(part)
            content = package.getmember(part).read() if part == "debian-binary" else b""
            attributes = {"time": str(header.mtime), "owner": f"{header.owner}:{header.group}"}
            yield part, Member(hashlib.sha256(content).hexdigest() if content else "", attributes)
        for tar, part in ((package.control.tgz(), "control"), (package.data.tgz(), "data")):
            for name, member in _of_tar(tar):
                yield f"{part}/{name.removeprefix('./')}", member


def _of_tar(archive: tarfile.TarFile) -> Iterator[tuple[str, Member]]:
    for entry in archive:
        stream = archive.extractfile(entry) if entry.isreg() else None
        yield (
            entry.name,
            Member(
                _digest(stream) if stream else entry.linkname,
                {
                    "mode": f"{entry.mode:o}",
                    "owner": f"{entry.uname or entry.uid}:{entry.gname or entry.gid}",
                    "time": str(entry.mtime),
                    "type": entry.type.decode("ascii", "replace"),
                },
            ),
        )


def _of_zip(archive: zipfile.ZipFile) -> Iterator[tuple[str, Member]]:
    for entry in archive.infolist():
        with archive.open(entry) as stream:
            content = _digest(stream)
        year, month, day, hour, minute, second = entry.date_time
        time = f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
        attributes = {
            "mode": f"{stat.S_IMODE(entry.external_attr >> 16):o}",
            "time": time,
            "compression": str(entry.compress_type),
            "extra": entry.extra.hex(),
        }
        yield entry.filename, Member(content, attributes)


def _digest(stream: IO[bytes]) -> str:
    return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def _differing(a: Member, b: Member) -> tuple[str, ...]:
    return tuple(
        f"{name}: {value}, {b.attributes.get(name, 'none')}"
        for name, value in a.attributes.items()
        if b.attributes.get(name) != value
    )
