"""A folder as destination: a folder of its own for each attempt, complete or not there."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from common.digests import file_sha256
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.workspace.sync import sync_file_system

POINTER = "current"
"""The link to the folder that users should take."""
_NEW_POINTER = ".current.new"


def publish_to_folder(files: Sequence[Path], target: Path) -> Sequence[str]:
    """Copy files into a new folder `target`; returns their names, none if it is there already.

    Raises StepFailed (BAD_REQUEST) if it is there with other bytes, or two files have one name.
    """
    _finish_pointer(target.parent)
    refuse_doubles(files)
    if target.exists():
        _refuse_other_bytes(files, target)
        return ()
    new = target.with_name(f".{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)  # what a killed publication left
    new.mkdir(parents=True)
    for path in files:
        shutil.copyfile(path, new / path.name)
        (new / path.name).chmod(0o644)
    sync_file_system(new)
    prepared = _prepared_pointer(target)
    new.rename(target)
    sync_file_system(target.parent)
    prepared.replace(target.parent / POINTER)
    return [path.name for path in files]


def refuse_doubles(files: Sequence[Path]) -> None:
    """Raise StepFailed (BAD_REQUEST) for two files of one name."""
    twice = [name for name, count in Counter(path.name for path in files).items() if count > 1]
    if twice:
        message = f"two artifacts are called {twice[0]}: a folder cannot hold both"
        raise StepFailed(FailureCode.BAD_REQUEST, message)


def point_to(target: Path) -> str:
    """Let the pointer name this folder; returns what it named before, "" for nothing."""
    _finish_pointer(target.parent)
    pointer = target.parent / POINTER
    before = str(pointer.readlink()) if pointer.is_symlink() else ""
    if before != target.name:
        _prepared_pointer(target).replace(pointer)
        sync_file_system(target.parent)
    return before


def _prepared_pointer(target: Path) -> Path:
    pointer = target.parent / POINTER
    if pointer.exists() and not pointer.is_symlink():
        message = f"{pointer} is no link. Move it away, or choose another `folder` in builder.yaml."
        raise StepFailed(FailureCode.BAD_REQUEST, message)
    new = target.parent / _NEW_POINTER
    new.unlink(missing_ok=True)
    new.symlink_to(target.name)
    return new


def _finish_pointer(top: Path) -> None:
    """What a publication that was killed behind its rename did not come to."""
    new = top / _NEW_POINTER
    if new.exists():
        new.replace(top / POINTER)


def _refuse_other_bytes(files: Sequence[Path], target: Path) -> None:
    for path in files:
        there = target / path.name
        if not there.is_file() or file_sha256(there) != file_sha256(path):
            raise StepFailed(
                FailureCode.BAD_REQUEST,
                f"{target} has another {path.name}. Remove that folder, or build the job again.",
            )
