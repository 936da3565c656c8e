"""Digests of files: each file is read once for all of them, and several files on all cores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

S = TypeVar("S")
T = TypeVar("T")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Digests:
    """What identifies a content."""

    size: int
    """Bytes."""
    by_algorithm: Mapping[str, str]
    """In hex."""


class Readable(Protocol):
    """What is read from its begin to its end."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


def read_digests(
    stream: Readable,
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


def file_digests(path: Path, algorithms: Iterable[str]) -> Digests:
    """Of one file. Raises OSError."""
    with path.open("rb", buffering=0) as stream:
        return read_digests(stream, algorithms)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hex. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def on_all_cores(
    work: Callable[[S], T], items: Iterable[S], check: Callable[[], None] = lambda: None
) -> Iterator[T]:
    """`work` of each item, in order: hashlib lets the threads run in parallel.

    `check` is called before each result; an exception from it, or from `work`, ends the rest.
    """
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        waiting = [pool.submit(work, item) for item in items]
        try:
            for one in waiting:
                check()
                yield one.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
