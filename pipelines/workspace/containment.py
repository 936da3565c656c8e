"""Whether a file is ours, although a commit or a script may have linked foreign folders."""

from __future__ import annotations

from pathlib import Path


def lies_below(path: Path, folder: Path) -> bool:
    """Whether `path` is below `folder`, and no linked folder in between leads out of it."""
    real = folder.resolve()
    return path.is_relative_to(folder) and path.parent.resolve().is_relative_to(real)
