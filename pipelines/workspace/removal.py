"""Removes folders so that a kill leaves no partly removed one under its name."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path


def discard(folder: Path, graveyard: Path) -> None:
    """Remove `folder`, and the remains of an earlier, killed call in `graveyard`.

    Both must be on one file system. Raises OSError when a file cannot be removed; the name `folder`
    is free even then.
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
        # Go's module cache, for example, is read-only: make our own folders writable.
        for inner in (folder, *folder.rglob("*")):
            if inner.is_dir() and not inner.is_symlink():
                inner.chmod(0o700)
        shutil.rmtree(folder)
