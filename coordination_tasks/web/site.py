"""Writes the pages into a folder: only those that change, each as a whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from common.atomic_files import replace_file
from common.cli.terminal_text import printable
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import elapsed, format_time
from coordination_tasks.farm.artifacts.manifest import ManifestFile
from coordination_tasks.farm.artifacts.published import find_published
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.web.farm_facts import FarmFacts
from coordination_tasks.web.job_facts import job_facts

_HERE = Path(__file__).parent
_TEMPLATES, _STATIC = _HERE / "templates", _HERE / "static"
_PAGES = ("index", "queue", "jobs", "builders", "trends")
_HEAD = 300
"""Bytes of a page that contain its digest."""
_INPUT = re.compile(rb'data-input="([0-9a-f]{64})"')


class Site:
    """The pages below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
        )
        self._templates.filters |= {"time": _time, "elapsed": elapsed, "size": _size, "code": _code}
        self._version = _version()

    def write(self, facts: FarmFacts, snapshot: Snapshot) -> int:
        """Write what differs from the files; returns how many were written.

        Raises OSError, Unavailable.
        """
        written = sum(self._put(path.name, path.read_bytes()) for path in sorted(_STATIC.iterdir()))
        for job in facts.paged:
            written += self._put_job(job, facts.names, snapshot)
        for name in _PAGES:
            page = self._render(f"{name}.html", facts=facts, page=name, root="", input="")
            written += self._put(f"{name}.html", page)
        return written

    def _put_job(self, job: Job, names: Mapping[str, str], snapshot: Snapshot) -> bool:
        path = f"jobs/{names[job.id]}.html"
        digest = self._digest(job, snapshot)
        if self._digest_of(path) == digest:
            return False
        facts = job_facts(job, snapshot.transitions(job.id))
        artifacts = _artifacts(snapshot, job.id)
        page = self._render(
            "job.html", facts=facts, artifacts=artifacts, page="jobs", root="../", input=digest
        )
        return self._put(path, page)

    def _digest(self, job: Job, snapshot: Snapshot) -> str:
        """Of everything that the job's page shows."""
        found = hashlib.sha256(f"{self._version} {job!r}".encode("utf-8", "surrogatepass"))
        for number, log in sorted(snapshot.logs(job.id).items()):
            found.update(b"%d %d " % (number, len(log.data)) + log.data)
        return found.hexdigest()

    def _digest_of(self, path: str) -> str | None:
        with suppress(FileNotFoundError), (self._folder / path).open("rb") as file:
            found = _INPUT.search(file.read(_HEAD))
            return found[1].decode() if found else None
        return None

    def _render(self, template: str, **values: Any) -> bytes:
        text: str = self._templates.get_template(template).render(values)
        return text.encode("utf-8", "replace")

    def _put(self, path: str, content: bytes) -> bool:
        target = self._folder / path
        with suppress(FileNotFoundError):
            if target.read_bytes() == content:
                return False
        replace_file(target, content)
        return True


def _artifacts(snapshot: Snapshot, job_id: str) -> tuple[ManifestFile, ...]:
    try:
        return find_published(snapshot, job_id).manifest.files
    except (NotFound, BrokenDocument):  # the page then shows none; `doit fetch` says why
        return ()


def _version() -> str:
    """Changes when a template does."""
    found = hashlib.sha256()
    for path in sorted(_TEMPLATES.iterdir()):
        found.update(path.read_bytes())
    return found.hexdigest()


def _shown(value: object) -> object:
    """Text without what a terminal or a reader could take for something else."""
    if type(value) is not str or (value.isascii() and value.isprintable()):
        return value
    return printable(value)


def _time(moment: datetime) -> str:
    """`2025-10-29 12:00:00`, UTC."""
    return format_time(moment).replace("T", " ").removesuffix("Z")


def _code(text: str) -> Markup:
    """Words between backticks as code."""
    parts = map(escape, printable(text).split("`"))
    shown = (f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
    return Markup("").join(map(Markup, shown))


def _size(count: int) -> str:
    for unit, bytes_of_one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= bytes_of_one:
            return f"{count / bytes_of_one:.1f} {unit}"
    return f"{count} B"
