"""The shared part of Maven's local repository: downloads, never files that a build installed.

Each job has a local repository of its own, since two commits that install the same version into one
would compile against each other's jars. Downloads go from and to the builder's cache by hard link.
Maven downloads to a new file, but it overwrites an existing one when it installs, and its tracking
files; so modules of the source are never linked, and tracking files are copied.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from common.atomic_files import sync
from pipelines.steps.maven.incremental.record import NO_SOURCE

_ORIGINS = "_remote.repositories"
"""In a version's folder: where each file came from: `name>repository=`, `name>=` if installed."""
_CHECKSUMS = (".sha1", ".md5", ".sha256", ".sha512")
_SNAPSHOT = "-SNAPSHOT"


def reactor_folders(source: Path) -> frozenset[str]:
    """`group/artifact` folders, relative to a repository, of all modules in a source tree."""
    folders = set()
    for folder, inner, files in os.walk(source):
        inner[:] = [name for name in inner if name not in NO_SOURCE]
        if "pom.xml" in files:
            folders |= _module_folder(Path(folder, "pom.xml"))
    return frozenset(folders)


def fill(
    cache: Path, repository: Path, own: Collection[str], check_cancelled: Callable[[], None]
) -> int:
    """Link the cache's files into a job's repository, except folders `own`; returns the number."""
    count = 0
    for folder, files in _folders(cache, own):
        check_cancelled()
        target = repository / folder
        target.mkdir(parents=True, exist_ok=True)
        there = set(os.listdir(target))  # noqa: PTH208 - a job's repository has 10,000 files
        for name in files:
            if name not in there and not name.endswith(".tmp"):
                _give(cache / folder / name, target / name)
                count += 1
    return count


def harvest(
    repository: Path, cache: Path, own: Collection[str], check_cancelled: Callable[[], None]
) -> int:
    """Link downloads of a job's repository into the cache; returns their number.

    Each file is on the disk before it is in the cache: a power cut leaves no torn jar in it.
    """
    count = 0
    for folder, files in _folders(repository, own):
        check_cancelled()
        if _ORIGINS in files:
            count += _harvest_version(repository / folder, cache / folder)
        elif "resolver-status.properties" in files:
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
    new = {name for name in downloaded if name not in known and (version / name).is_file()}
    if not new:
        return 0
    target.mkdir(parents=True, exist_ok=True)
    files = [f"{name}{ending}" for name in sorted(new) for ending in ("", *_CHECKSUMS)]
    for file in files:
        if (version / file).is_file() and not (target / file).exists():
            if file in new:
                sync(version / file)
            _link(version / file, target / file)
    kept = {**known, **{name: downloaded[name] for name in new}}
    lines = [f"{name}>{place}=" for name in sorted(kept) for place in sorted(kept[name])]
    _write(target / _ORIGINS, "\n".join([*lines, ""]).encode())
    return len(new)


def _harvest_metadata(folder: Path, files: Collection[str], target: Path) -> None:
    """The lists of versions; Maven queries them again after a day."""
    target.mkdir(parents=True, exist_ok=True)
    for name in files:
        if name != "maven-metadata-local.xml" and not name.endswith(".lastUpdated"):
            _write(target / name, (folder / name).read_bytes())


def _origins(file: Path) -> Mapping[str, set[str]]:
    origins: dict[str, set[str]] = defaultdict(set)
    if file.is_file():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            name, mark, place = line.rstrip("=").partition(">")
            if mark and "/" not in name:
                origins[name].add(place)
    return origins


def _give(source: Path, target: Path) -> None:
    kept_track = source.name == _ORIGINS or source.name.startswith(("maven-metadata", "resolver-"))
    if kept_track:
        _write(target, source.read_bytes())
    else:
        _link(source, target)


def _link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file system has no (more) links for it."""
    try:
        target.hardlink_to(source)
    except FileExistsError:
        return
    except OSError:
        temporary = _temporary(target)
        shutil.copy2(source, temporary)
        temporary.replace(target)


def _write(target: Path, content: bytes) -> None:
    temporary = _temporary(target)
    temporary.write_bytes(content)
    temporary.replace(target)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")


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
