"""A transaction without contention, compared with a bare `git push` of one commit."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import spread
from benchmarks.remotes import bare_repository, git
from benchmarks.transactions import builder, claim, job, timed_record
from tests.support.coordination.loopback import http_server, ssh_server

TRANSPORTS = ("file", "http", "ssh", "ssh, one connection")


def measure(folder: Path, transport: str, rounds: int) -> dict[str, Any]:
    """`rounds` of a push and a transaction by turns, each in a repository of its own."""
    place = folder / transport.replace(", ", "-").replace(" ", "-")
    place.mkdir()
    for name in ("floor", "ours"):
        git(bare_repository(place / f"{name}.git"), "config", "http.receivepack", "true")
    with _served(place, transport) as url, builder(f"{url}/ours.git", place / "cache") as store:
        store.enqueue(job("job_1"))
        attempt = claim(store)
        timed_record(store, attempt, "warm")
        floor = _Floor(place / "local.git", f"{url}/floor.git", rounds + 1)
        floor.push()
        pairs = [(floor.push(), timed_record(store, attempt, f"s{n}")) for n in range(rounds)]
    pushes, transactions = zip(*pairs, strict=True)
    return {
        "transport": transport,
        "rounds": rounds,
        "push": spread(pushes),
        "transaction": spread(transactions),
        "ratio_p50": round(statistics.median(transactions) / statistics.median(pushes), 2),
    }


class _Floor:
    """Commits of one small file each, made before they are pushed one by one."""

    def __init__(self, local: Path, url: str, commits: int) -> None:
        self._local = bare_repository(local)
        self._url = url
        self._commits = iter(list(self._made(commits)))

    def push(self) -> float:
        """Seconds of the push of the next commit."""
        change = f"{next(self._commits)}:refs/heads/main"
        command = ["git", "push", "--quiet", self._url, change]
        began = time.perf_counter()
        subprocess.run(command, cwd=self._local, check=True, capture_output=True)
        return time.perf_counter() - began

    def _made(self, commits: int) -> Iterator[str]:
        parent: list[str] = []
        for number in range(commits):
            (self._local / "content").write_text(f"{number}\n")
            blob = git(self._local, "hash-object", "-w", "content")
            (self._local / "entry").write_text(f"100644 blob {blob}\tfile\n")
            with (self._local / "entry").open() as entry:
                tree = subprocess.check_output(["git", "mktree"], cwd=self._local, stdin=entry)
            commit = git(self._local, "commit-tree", "-m", "one", *parent, tree.decode().strip())
            parent = ["-p", commit]
            yield commit


@contextmanager
def _served(place: Path, transport: str) -> Iterator[str]:
    """The address of a folder."""
    if transport == "file":
        yield str(place)
    elif transport == "http":
        with http_server(place) as url:
            yield url
    else:
        with ssh_server(place, place / "keys") as server:
            shared = str(place / "c") if transport != "ssh" else ""
            os.environ["GIT_SSH_COMMAND"] = server.command(control=shared)
            try:
                yield server.address
            finally:
                if shared:
                    _end_shared_connection(place / "c", server.port)
                del os.environ["GIT_SSH_COMMAND"]


def _end_shared_connection(control: Path, port: int) -> None:
    end = ["ssh", "-F", "/dev/null", "-O", "exit", "-S", str(control), "-p", str(port), "127.0.0.1"]
    subprocess.run(end, check=True, capture_output=True)
