"""Copies of downloads that are compared with the checksum that Maven downloaded beside them.

Links are never followed: a build may have put them there, and they lead to files of the builder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO

from common.atomic_files import sync

CHECKSUMS = (".sha512", ".sha256", ".sha1", ".md5")
"""Endings of the files with checksums, the strongest first; MD5 proves nothing."""
_PROOFS = CHECKSUMS[:-1]
_LONGEST = 1 << 20
_FICLONE = 0x40049409
"""Linux's ioctl that lets a file share the blocks of another, until one of them is written to."""


def copy_checked(source: Path, target: Path, *, durably: bool) -> bool:
    """Copy a file with its checksums; False when it has none, or another content.

    `durably`: it is on the disk before it has its name.
    """
    checksums = {
        ending: content
        for ending in CHECKSUMS
        if (content := read_regular(source.with_name(source.name + ending))) is not None
    }
    proof = next((ending for ending in _PROOFS if ending in checksums), None)
    if proof is None:
        return False
    temporary = _temporary(target)
    try:
        if not _copied(source, temporary):
            return False
        with temporary.open("rb") as copy:
            digest = hashlib.file_digest(copy, proof.removeprefix(".")).hexdigest()
        if checksums[proof].split()[:1] != [digest.encode()]:
            return False
        if durably:
            sync(temporary)
        for ending, content in checksums.items():
            write_new(target.with_name(target.name + ending), content)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def read_regular(path: Path) -> bytes | None:
    """The first megabyte of a regular file; None when it is something else, or missing."""
    stream = _opened(path)
    if stream is None:
        return None
    with stream:
        return stream.read(_LONGEST)


def write_new(target: Path, content: bytes) -> None:
    """Put a new file in the place of `target`; a link there, or beside it, is not followed."""
    temporary = _temporary(target)
    with temporary.open("xb") as stream:
        stream.write(content)
    temporary.replace(target)


def _temporary(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")


def _copied(source: Path, target: Path) -> bool:
    stream = _opened(source)
    if stream is None:
        return False
    with stream, target.open("xb") as copy:
        with suppress(OSError):
            fcntl.ioctl(copy.fileno(), _FICLONE, stream.fileno())
            return True
        shutil.copyfileobj(stream, copy, _LONGEST)
    return True


def _opened(path: Path) -> IO[bytes] | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    stream = os.fdopen(descriptor, "rb")
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return stream
    stream.close()
    return None
