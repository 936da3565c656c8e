"""Shared parts of the commands of this room: the acting person, and the output of changed jobs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from common.cli.command import tell
from common.yaml.findings import did_you_mean
from coordination_tasks.builder.acting_person import Acting, acting
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.base import FarmCommand, as_json
from coordination_tasks.commands.jobs.jobs import job_as_json
from coordination_tasks.commands.views.output import write_lines
from coordination_tasks.documents.drains import ALL
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.model import Job, is_builder_id
from coordination_tasks.farm.control import Control
from coordination_tasks.store.operations.control import ANY_BUILDER
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.store import open_store

OPTION_AS: dict[str, Any] = {
    "name": "person",
    "long": "as",
    "type": str,
    "default": "",
    "help": "name to record as the acting person (default: git's user.name, or user@host)",
}

OPTION_REASON: dict[str, Any] = {
    "name": "reason",
    "long": "reason",
    "type": str,
    "default": "",
    "help": "reason, shown with the job",
}

OPTION_ON: dict[str, Any] = {
    "name": "on",
    "long": "on",
    "type": str,
    "default": "",
    "help": "only this builder may claim it; any: every builder that matches",
}

OPTION_ALL: dict[str, Any] = {
    "name": "every",
    "long": "all",
    "type": bool,
    "default": False,
    "help": "the whole farm instead of one builder",
}


class ActingCommand(FarmCommand):
    """Base of the doit commands with which a person acts."""

    @contextmanager
    def control(self, builder: str, person: str, *, names: str = "") -> Iterator[Control]:
        """The farm, for `person` ("": the person on this machine), who names a builder."""
        with open_control(self.farm.config(builder), acting(person), names=names) as control:
            yield control

    def named_builder(self, builder: str, words: Sequence[str], *, every: bool = False) -> str:
        """The builder on a command line; by default that of this machine. Raises BadRequest."""
        unexpected = words if every else words[1:]
        if unexpected:
            raise BadRequest(f"unexpected argument {unexpected[0][:60]!r}")
        if every:
            return ALL
        return words[0] if words else self.farm.config(builder).profile.id


def tell_if_unknown(store: Store, builder: str) -> None:
    """Say so when a named builder has published nothing yet: its name may be misspelt."""
    if builder in ("", ANY_BUILDER, ALL, store.builder) or not is_builder_id(builder):
        return
    known = store.snapshot().builders()
    if builder not in known:
        hint = did_you_mean(builder, known).rstrip("?")
        tell(f"unknown builder {builder!r}{hint}; this holds once such a builder joins")


@contextmanager
def open_control(config: BuilderConfig, who: Acting, *, names: str = "") -> Iterator[Control]:
    """The farm of `config`, to be changed for `who`, who names a builder."""
    with open_store(config, tell, trailers=who.trailers) as store:
        yield Control(store, who.person)
        tell_if_unknown(store, names)


def named_jobs(words: Sequence[str]) -> tuple[str, ...]:
    """The ids of jobs on a command line, each once. Raises BadRequest when there is none."""
    if not words:
        raise BadRequest("expected the id of at least one job; `doit jobs` shows them")
    return tuple(dict.fromkeys(words))


def show_jobs(jobs: Iterable[Job], *, json: bool) -> int:
    """Print one line per job as it is now, or the same as JSON; returns the exit code."""
    if json:
        sys.stdout.write(as_json({"jobs": [job_as_json(job) for job in jobs]}) + "\n")
    else:
        reasons = ((job, f": {job.reason}" if job.reason else "") for job in jobs)
        write_lines(f"{job.id} {job.state}{reason}" for job, reason in reasons)
    return 0
