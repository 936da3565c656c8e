"""Writes the pages into a folder: only those that change, each as a whole."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from pathlib import Path

from common.atomic_files import replace_file
from coordination_tasks.domain.model import Job
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.web.farm_facts import FarmFacts
from coordination_tasks.web.pages import FARM_PAGES, Pages

STYLE = Path(__file__).parent / "static" / "style.css"
_HEAD = 300
"""Bytes of a page that contain its digest."""
_INPUT = re.compile(rb'data-input="([0-9a-f]{64})"')


class Site:
    """The pages below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pages = Pages()

    def write(self, facts: FarmFacts, snapshot: Snapshot) -> int:
        """Write what differs from the files; returns how many were written.

        Raises OSError, Unavailable.
        """
        written = int(self._put(STYLE.name, STYLE.read_bytes()))
        for job in facts.paged:
            written += self._put_job(job, facts.names[job.id], snapshot)
        for name in FARM_PAGES:
            written += self._put(f"{name}.html", self._pages.farm(name, facts))
        return written

    def _put_job(self, job: Job, name: str, snapshot: Snapshot) -> bool:
        path = f"jobs/{name}.html"
        digest = self._digest(job, snapshot)
        if self._digest_of(path) == digest:
            return False
        return self._put(path, self._pages.job(job, snapshot, digest=digest))

    def _digest(self, job: Job, snapshot: Snapshot) -> str:
        """Of everything that the job's page shows."""
        found = hashlib.sha256(f"{self._pages.version} {job!r}".encode("utf-8", "surrogatepass"))
        found.update(repr(list(snapshot.reproducing(job.id))).encode("utf-8", "surrogatepass"))
        for number, log in sorted(snapshot.logs(job.id).items()):
            found.update(b"%d %d " % (number, len(log.data)) + log.data)
        return found.hexdigest()

    def _digest_of(self, path: str) -> str | None:
        with suppress(FileNotFoundError), (self._folder / path).open("rb") as file:
            found = _INPUT.search(file.read(_HEAD))
            return found[1].decode() if found else None
        return None

    def _put(self, path: str, content: bytes) -> bool:
        target = self._folder / path
        with suppress(FileNotFoundError):
            if target.read_bytes() == content:
                return False
        replace_file(target, content)
        return True
