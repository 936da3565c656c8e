"""Readers of the pages that `doit serve` serves: a process of their own for benchmarks/web.py.

    python -m benchmarks.web_readers URL SECONDS [PATH ...]

READERS readers listen for changes and fetch the farm page once a second each; with PATHs they
listen to nothing, and fetch all of them one after the other. Prints the times of the answers, of
all paths together, as JSON, in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

READERS = 50
_CHANGES = 8
_WAIT = 60.0


async def event_times(url: str, change: Callable[[], None]) -> list[float]:
    """Seconds from each of a few commits on a quiet farm to the event that a reader gets."""
    reader, writer = await _requested(url, "events")
    found = []
    try:
        await _event(reader)
        for _ in range(_CHANGES):
            await asyncio.sleep(random.uniform(1.5, 2.5))
            began = time.monotonic()
            await asyncio.to_thread(change)
            await asyncio.wait_for(_event(reader), _WAIT)
            found.append(time.monotonic() - began)
    finally:
        writer.close()
    return found


async def fetched(url: str, path: str = "") -> tuple[str, bytes]:
    """The status of a page, and its compressed body. Raises OSError."""
    reader, writer = await _requested(url, path)
    try:
        status = (await reader.readline()).decode().split()[1]
        return status, (await reader.read()).partition(b"\r\n\r\n")[2]
    finally:
        writer.close()


async def read_for(url: str, seconds: float, paths: Sequence[str] = ()) -> dict[str, float]:
    """What all readers get in this time."""
    times: list[float] = []
    end = time.monotonic() + seconds
    await asyncio.gather(*(_read_until(url, end, times, paths) for _ in range(READERS)))
    times.sort()
    return {
        "answers": len(times),
        "median_ms": 1000 * statistics.median(times),
        "p99_ms": 1000 * times[int(len(times) * 0.99)],
        "max_ms": 1000 * times[-1],
    }


async def _read_until(url: str, end: float, times: list[float], paths: Sequence[str]) -> None:
    async with _listening(url, listens=not paths):
        while time.monotonic() < end:
            await asyncio.sleep(random.uniform(0.5, 1.5))
            began = time.monotonic()
            for path in paths or [""]:
                status, _ = await fetched(url, path)
                if status != "200":
                    raise RuntimeError(f"the server answered {status}")
            times.append(time.monotonic() - began)


@asynccontextmanager
async def _listening(url: str, *, listens: bool) -> AsyncIterator[None]:
    if not listens:
        yield
        return
    events, line = await _requested(url, "events")
    listening = asyncio.create_task(_listen(events))
    try:
        yield
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        line.close()


async def _listen(reader: asyncio.StreamReader) -> None:
    while await reader.readline():
        pass


async def _event(reader: asyncio.StreamReader) -> None:
    while b"event: farm" not in await reader.readline():
        pass


async def _requested(url: str, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=1 << 24)
    head = f"GET {where.path}{path} HTTP/1.1\r\nHost: {where.netloc}\r\n"
    writer.write(f"{head}Accept-Encoding: gzip\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    return reader, writer


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read_for(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))))
