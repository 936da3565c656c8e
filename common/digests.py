"""Digests of files: each file is read once for all of them, and several files on all cores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Digests:
    """What identifies a content."""

    size: int
    """Bytes."""
    by_algorithm: Mapping[str, str]
    """In hex."""


def read_digests(
    stream: IO[bytes],
    algorithms: Iterable[str],
    each: Callable[[bytes], object] = lambda _: None,
) -> Digests:
    """Read a binary stream to its end; `each` gets every part of it. Raises OSError."""
    found = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    size = 0
    while part := stream.read(_CHUNK):
        size += len(part)
        for digest in found.values():
            digest.update(part)
        each(part)
    return Digests(size, {name: digest.hexdigest() for name, digest in found.items()})


def digests_of_files(
    paths: Iterable[Path],
    algorithms: Iterable[str],
    check: Callable[[], None] = lambda: None,
) -> Iterator[Digests]:
    """The digests of each file, in order.

    `check` is called before each result; an exception from it ends the rest. Raises OSError for the
    first file that cannot be read.
    """
    wanted = tuple(algorithms)

    def read(path: Path) -> Digests:
        with path.open("rb", buffering=0) as stream:
            return read_digests(stream, wanted)

    # hashlib releases the interpreter's lock
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        waiting = [pool.submit(read, path) for path in paths]
        try:
            for one in waiting:
                check()
                yield one.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
