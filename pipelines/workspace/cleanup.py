"""The data on a builder's disk, and the removal of old and excess data.

The caller of `remove` holds the builder's lock, so no build uses any of it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from pipelines.workspace.job_metadata import read_note
from pipelines.workspace.layout import Workspace, folder_name
from pipelines.workspace.log_archive import ARCHIVE
from pipelines.workspace.removal import discard
from pipelines.workspace.retention import DiskItem, Removable, over_limits

_GRAVEYARD = "discarded"


def jobs_here(state_dir: Path) -> tuple[str, ...]:
    """Ids of the jobs that have a workspace on this builder."""
    notes = (read_note(folder / "job.json") for folder in _folders(state_dir / "jobs"))
    return tuple(note.job for note in notes if note)


def removable_items(
    state_dir: Path,
    limits: Mapping[str, tuple[float, int]],
    held_jobs: Collection[str],
    now: float,
) -> list[Removable]:
    """The items to remove, by kind; `limits` are seconds and bytes, `held_jobs` keep everything."""
    held = {folder_name(job) for job in held_jobs}

    def over(kind: str, items: Iterable[DiskItem]) -> list[Removable]:
        age, size = limits[kind]
        return over_limits(items, age=age, size=size, now=now)

    workspaces = over("workspaces", _workspaces(state_dir, held))
    gone = {each.item.path for each in workspaces}
    staying = [path for path in _folders(state_dir / "jobs") if path not in gone]
    return [
        *workspaces,
        *over("mirrors", _mirrors(state_dir, staying)),
        *over("logs", _logs(state_dir, held)),
        *over("maven", _maven(state_dir)),
    ]


def remove(state_dir: Path, paths: Iterable[Path]) -> None:
    """Remove these items, each completely or not at all. Raises OSError."""
    for path in paths:
        discard(path, state_dir / _GRAVEYARD)


def _workspaces(state_dir: Path, held: Collection[str]) -> Iterator[DiskItem]:
    for root in _folders(state_dir / "jobs"):
        note = read_note(root / "job.json")
        touched = (root, root / "job.json", root / "stamps", root / "logs")
        logs = root.glob("logs/*")
        yield DiskItem(
            kind="workspaces",
            path=root,
            name=note.job if note else root.name,
            size=_size(root),
            used_at=max(map(_changed, (*touched, *logs))),
            held=root.name in held,
        )


def _mirrors(state_dir: Path, workspaces: list[Path]) -> Iterator[DiskItem]:
    """The mirrors in use: a source tree takes its objects from the mirror of its clone."""
    lenders = {lender for root in workspaces for lender in _alternates(root)}
    for path in _folders(Workspace(state_dir, "").mirrors):
        yield DiskItem(
            kind="mirrors",
            path=path,
            name=path.name,
            size=_size(path),
            used_at=max(map(_changed, (path, path / "FETCH_HEAD", path / "packed-refs"))),
            held=(path / "objects").resolve() in lenders,
        )


def _alternates(root: Path) -> list[Path]:
    alternates = root / "build" / "source" / ".git" / "objects" / "info" / "alternates"
    lines = alternates.read_text().splitlines() if alternates.exists() else []
    return [Path(line).resolve() for line in lines if line.startswith("/")]


def _logs(state_dir: Path, held: Collection[str]) -> Iterator[DiskItem]:
    archive = state_dir / ARCHIVE
    for path in archive.glob("*/*/*.gz"):
        yield DiskItem(
            kind="logs",
            path=path,
            name=str(path.relative_to(archive)),
            size=_size(path),
            used_at=_changed(path),
            held=path.parent.name in held,
        )


def _maven(state_dir: Path) -> Iterator[DiskItem]:
    """Each kept module, each version of an artifact in the cache, the shared repository as a whole.

    When a job gets a copy of a file, or uses a kept module, its time is changed.
    """
    workspace = Workspace(state_dir, "")
    for path in workspace.kept_modules.glob("*/*/*.zip"):
        yield DiskItem(
            kind="maven",
            path=path,
            name=str(path.relative_to(workspace.kept_modules)),
            size=_size(path),
            used_at=_changed(path),
        )
    cache, shared = workspace.maven_cache, workspace.maven_shared_repository
    for folder, inner, files in os.walk(cache):
        if files and not inner:
            path = Path(folder)
            yield DiskItem(
                kind="maven",
                path=path,
                name=str(path.relative_to(cache)),
                size=_size(path),
                used_at=max((path / name).lstat().st_ctime for name in files),
            )
    if shared.exists():
        files_there = [path for path in shared.rglob("*") if path.is_file()]
        yield DiskItem(
            kind="maven",
            path=shared,
            name=shared.name,
            size=_size(shared),
            used_at=max((path.stat().st_mtime for path in files_there), default=_changed(shared)),
        )


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink())


def _changed(path: Path) -> float:
    return path.lstat().st_mtime if path.exists() else 0.0


def _size(path: Path) -> int:
    """Bytes on the disk that removing a file or a folder frees."""
    if not path.is_dir():
        return _share(path.lstat())
    inner = (Path(folder, name) for folder, _, files in os.walk(path) for name in files)
    return sum(_share(each.lstat()) for each in inner)


def _share(stat: os.stat_result) -> int:
    return stat.st_blocks * 512 // max(stat.st_nlink, 1)
