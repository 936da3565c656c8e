"""The results of a build, by its `.changes` file: checked, and moved to their place."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from debian.deb822 import Changes, Deb822

from common.digests import file_sha256
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.failures.excerpt import excerpt
from pipelines.processes.capture import capture

_PACKAGE_SUFFIXES = (".deb", ".udeb", ".ddeb")


@dataclass(frozen=True, slots=True)
class Package:
    """A finished binary package, as its own control file describes it."""

    name: str
    version: str
    architecture: str
    path: Path


@dataclass(frozen=True, slots=True)
class BuiltFiles:
    """The files that a `.changes` file lists, all in one folder, and that file itself."""

    version: str
    changes: Path
    files: tuple[Path, ...]


def read_changes(folder: Path) -> BuiltFiles:
    """Find the one `.changes` in `folder` and check size and SHA-256 of all listed files.

    Raises StepFailed (ARTIFACT_MISSING, PACKAGING_FAILED).
    """
    found = sorted(folder.glob("*.changes"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise StepFailed(
            FailureCode.ARTIFACT_MISSING,
            f"expected one .changes file beside the source, found {names}",
        )
    with found[0].open(encoding="utf-8", errors="replace") as stream:
        changes = Changes(stream)
    entries = changes.get("Checksums-Sha256", [])
    for entry in entries:
        _check(folder, entry["name"], int(entry["size"]), entry["sha256"])
    files = tuple(folder / entry["name"] for entry in entries)
    return BuiltFiles(version=changes.get("Version", ""), changes=found[0], files=files)


def move_files(built: BuiltFiles, target: Path) -> tuple[Path, ...]:
    """Make `target` contain exactly these files; returns their new paths, sorted by name."""
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    return tuple(
        Path(shutil.move(path, target / path.name))
        for path in sorted((*built.files, built.changes))
    )


def read_packages(files: Iterable[Path], env: Mapping[str, str]) -> tuple[Package, ...]:
    """The binary packages among `files`. Raises StepFailed (PACKAGING_FAILED) for a broken one."""
    return tuple(_package(path, env) for path in files if path.suffix in _PACKAGE_SUFFIXES)


def read_package_control(path: Path, env: Mapping[str, str]) -> str:
    """The control paragraph inside a package, with `?` for each byte that is not UTF-8.

    Raises StepFailed (PACKAGING_FAILED).
    """
    # dpkg-deb, not python-debian, which needs another program for Ubuntu's zstd.
    got = capture(["dpkg-deb", "--field", str(path)], cwd=path.parent, env=env)
    if got.code != 0:
        raise StepFailed(
            FailureCode.PACKAGING_FAILED,
            f"invalid package {path.name}",
            excerpt=excerpt(got.text.splitlines()),
        )
    return got.output.encode(errors="replace").decode()


def _check(folder: Path, name: str, size: int, digest: str) -> None:
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise StepFailed(
            FailureCode.ARTIFACT_MISSING,
            f"missing file {name[:200]} of the .changes file",
        )
    if path.stat().st_size != size or file_sha256(path) != digest:
        raise StepFailed(
            FailureCode.PACKAGING_FAILED, f"{name} differs from its description in .changes"
        )


def _package(path: Path, env: Mapping[str, str]) -> Package:
    control = Deb822(read_package_control(path, env))
    return Package(control["Package"], control["Version"], control["Architecture"], path)
