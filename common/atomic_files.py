"""Files that are complete after a crash and still there after a power cut."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file atomically: after a crash it has either its old or its new content."""
    replace_file(path, content, sync)
    sync(path.parent)


def replace_file(
    path: Path, content: bytes, before: Callable[[Path], None] = lambda _: None
) -> None:
    """Replace a file atomically as other processes see it; `before` gets the new file first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    before(temporary)
    temporary.replace(path)


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
