"""Makes all writes to a file system survive a power cut."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path


def sync_file_system(path: Path) -> None:
    """Wait until everything written to the file system of `path` is on its disk.

    Takes some milliseconds when little was written. Python has no call for syncfs(2). Raises
    OSError, also when the disk rejected earlier writes.
    """
    system = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if system.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(descriptor)
