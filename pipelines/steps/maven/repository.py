"""The shared part of Maven's local repository: downloads, never files that a build installed.

Each job has a local repository of its own, since two commits that install the same version into one
would compile against each other's jars. Downloads go from and to the builder's cache as copies,
which share blocks where the file system can do that: what a job writes into its repository reaches
no other job. Only files that Maven has compared with the checksum of their repository are taken,
and they are compared again when they are given.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from pipelines.steps.maven.checked_copy import CHECKSUMS, copy_checked, read_regular, write_new
from pipelines.workspace.containment import lies_below

_NO_SOURCE = frozenset({".git", "target", "node_modules"})
"""Folders that builds fill."""
_ORIGINS = "_remote.repositories"
"""In a version's folder: where each file came from: `name>repository=`, `name>=` if installed."""
_METADATA = "maven-metadata-"
_STATUS = "resolver-status.properties"
_SNAPSHOT = "-SNAPSHOT"


def reactor_folders(source: Path) -> frozenset[str]:
    """`group/artifact` folders, relative to a repository, of all modules in a source tree."""
    folders = set()
    for folder, inner, files in os.walk(source):
        inner[:] = [name for name in inner if name not in _NO_SOURCE]
        if "pom.xml" in files:
            folders |= _module_folder(Path(folder, "pom.xml"))
    return frozenset(folders)


def fill(
    cache: Path, repository: Path, own: Collection[str], check_cancelled: Callable[[], None]
) -> int:
    """Copy the cache's files into a job's repository, except folders `own`; returns the number.

    A file that no longer has its checksum is removed from the cache instead.
    """
    count = 0
    for folder, files in _folders(cache, own):
        check_cancelled()
        target = repository / folder
        if not lies_below(target / _ORIGINS, repository):
            continue  # a build has put a link there
        target.mkdir(parents=True, exist_ok=True)
        there = set(os.listdir(target))  # noqa: PTH208 - a job's repository has 10,000 files
        for name in files:
            if name not in there and not name.endswith((".tmp", *CHECKSUMS)):
                count += _give(cache / folder / name, target / name)
    return count


def harvest(
    repository: Path, cache: Path, own: Collection[str], check_cancelled: Callable[[], None]
) -> int:
    """Copy verified downloads of a job's repository into the cache; returns their number.

    Each file is on the disk before it is in the cache: a power cut leaves no torn jar in it.
    """
    count = 0
    for folder, files in _folders(repository, own):
        check_cancelled()
        if _ORIGINS in files:
            count += _harvest_version(repository / folder, cache / folder)
        elif _STATUS in files:
            _harvest_metadata(repository / folder, files, cache / folder)
    return count


def _folders(root: Path, own: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """Relative folder and file names, without snapshots, since Maven overwrites them."""
    for folder, inner, files in os.walk(root):
        relative = "" if Path(folder) == root else str(Path(folder).relative_to(root))
        inner[:] = [
            name
            for name in inner
            if not name.endswith(_SNAPSHOT) and f"{relative}/{name}".lstrip("/") not in own
        ]
        if files:
            yield relative, files


def _harvest_version(version: Path, target: Path) -> int:
    origins = _origins(version / _ORIGINS)
    known = _origins(target / _ORIGINS)
    downloaded = {name: places for name, places in origins.items() if "" not in places}
    new = [name for name in sorted(downloaded) if not (name in known and (target / name).exists())]
    taken = [name for name in new if copy_checked(version / name, target / name, durably=True)]
    if taken:
        kept = {**known, **{name: downloaded[name] for name in taken}}
        lines = [f"{name}>{place}=" for name in sorted(kept) for place in sorted(kept[name])]
        write_new(target / _ORIGINS, "\n".join([*lines, ""]).encode())
    return len(taken)


def _harvest_metadata(folder: Path, files: Collection[str], target: Path) -> None:
    """The lists of versions; Maven queries them again after a day."""
    names = [name for name in files if name.startswith(_METADATA) and name.endswith(".xml")]
    taken = [name for name in names if copy_checked(folder / name, target / name, durably=False)]
    status = read_regular(folder / _STATUS)
    if taken and status is not None:
        write_new(target / _STATUS, status)


def _origins(file: Path) -> Mapping[str, set[str]]:
    origins: dict[str, set[str]] = defaultdict(set)
    text = (read_regular(file) or b"").decode("utf-8", "replace")
    for line in text.splitlines():
        name, mark, place = line.rstrip("=").partition(">")
        if mark and "/" not in name:
            origins[name].add(place)
    return origins


def _give(source: Path, target: Path) -> int:
    """How many files were given: 1, or 0 for one that has no valid checksum."""
    if source.name in (_ORIGINS, _STATUS):
        write_new(target, source.read_bytes())
        return 1
    if copy_checked(source, target, durably=False):
        os.utime(source)  # the time of its last use
        return 1
    source.unlink(missing_ok=True)
    return 0


def _module_folder(pom: Path) -> set[str]:
    try:
        project = ET.parse(pom).getroot()  # noqa: S314 - expat (2.4 and later) refuses bombs
    except ET.ParseError:
        # Maven will report its errors.
        return set()
    artifact = project.findtext("{*}artifactId")
    group = project.findtext("{*}groupId") or project.findtext("{*}parent/{*}groupId")
    if not artifact or not group:
        return set()
    return {f"{group.strip().replace('.', '/')}/{artifact.strip()}"}
