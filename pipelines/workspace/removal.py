"""Removes folders so that a kill in the middle leaves no half of one under its name."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path


def discard(folder: Path, graveyard: Path) -> None:
    """Remove `folder`, and what an earlier, killed call left in `graveyard`.

    Both must be on one file system. Raises OSError when a file can't be removed; `folder` is free
    then all the same.
    """
    if folder.exists() or folder.is_symlink():
        graveyard.mkdir(parents=True, exist_ok=True)
        folder.rename(graveyard / uuid.uuid4().hex)
    if graveyard.exists():
        _remove(graveyard)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except PermissionError:
        # Go's module cache, for one, is read-only: our own folders can be opened up.
        for inner in (folder, *folder.rglob("*")):
            if inner.is_dir() and not inner.is_symlink():
                inner.chmod(0o700)
        shutil.rmtree(folder)
