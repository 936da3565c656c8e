"""The pages as HTML: facts put into templates. All text is escaped there, and made printable."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from common.cli.terminal_text import printable
from common.yaml.size import format_size
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import elapsed, format_time
from coordination_tasks.farm.artifacts.manifest import ManifestFile
from coordination_tasks.farm.artifacts.published import find_published
from coordination_tasks.farm.artifacts.releases.reproductions import Reproduction, reproductions
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.web.farm_facts import FarmFacts
from coordination_tasks.web.job_facts import job_facts

_TEMPLATES = Path(__file__).parent / "templates"
FARM_PAGES = ("index", "queue", "jobs", "builders", "trends")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What the pages of a server have, besides those of files."""

    every: str
    """How often the farm is read."""
    acts: bool
    """Whether people can sign in and act."""


class Pages:
    """Makes the pages; `server` None: to be read as files."""

    def __init__(self, server: Server | None = None) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
        )
        self._templates.filters |= {
            "time": _time,
            "elapsed": elapsed,
            "size": format_size,
            "code": _code,
        }
        self._templates.globals["server"] = server
        self.version = _version()

    def farm(self, name: str, facts: FarmFacts) -> bytes:
        """One of FARM_PAGES."""
        return self.render(f"{name}.html", facts=facts, page=name, problem=facts.moment.problem)

    def job(self, job: Job, snapshot: Snapshot, *, digest: str = "", problem: str = "") -> bytes:
        """The page of a job; `digest` stands in its head. Raises Unavailable.

        `problem` is why it does not show the job as it is now.
        """
        facts = job_facts(job, snapshot.transitions(job.id))
        artifacts, reproduced = _artifacts(snapshot, job.id)
        return self.render(
            "job.html",
            facts=facts,
            artifacts=artifacts,
            reproduced=reproduced,
            page="jobs",
            root="../",
            digest=digest,
            problem=problem,
        )

    def render(
        self,
        template: str,
        *,
        page: str,
        root: str = "",
        digest: str = "",
        problem: str = "",
        **values: Any,
    ) -> bytes:
        """A template with its values; `page` is marked in the menu, `root` leads to it."""
        found = self._templates.get_template(template)
        text: str = found.render(values, page=page, root=root, digest=digest, problem=problem)
        return text.encode("utf-8", "replace")


def _artifacts(
    snapshot: Snapshot, job_id: str
) -> tuple[tuple[ManifestFile, ...], tuple[Reproduction, ...]]:
    try:
        published = find_published(snapshot, job_id)
    except (NotFound, BrokenDocument):  # the page then shows none; `doit fetch` says why
        return (), ()
    return published.manifest.files, reproductions(snapshot, published)


def _version() -> str:
    """Changes when a template does."""
    found = hashlib.sha256()
    for path in sorted(_TEMPLATES.glob("*.html")):
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
