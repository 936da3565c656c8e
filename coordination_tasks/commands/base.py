"""Base of the doit commands of coordination: configuration, store, and one-line errors."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from json import dumps
from typing import TYPE_CHECKING, Any

from common.cli.command import Command, tell
from common.errors import ApplicationError, one_line
from common.yaml.findings import did_you_mean
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.domain.errors import BadRequest, CoordinationError
from coordination_tasks.domain.scheduling import Terms
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.wiring.farm import Farm
from coordination_tasks.wiring.outage import Outage

if TYPE_CHECKING:
    from coordination_tasks.build.ports import Pipelines


class FarmCommand(Command):
    """Base of the doit commands that use the coordination repository."""

    def error_text(self, error: BaseException) -> str:
        """See Command."""
        later = isinstance(error, CoordinationError) and error.retryable
        return f"{super().error_text(error)}{'. Try again later.' if later else ''}"

    @property
    def farm(self) -> Farm:
        """The farm of dodo.py."""
        found: Farm = self.loader.namespace["FARM"]
        return found

    def pipelines_problem(self) -> str:
        """Why the pipelines of this farm cannot be used; "" when they can."""
        return pipelines_problem(self.farm.pipelines)

    def known_pipelines(self) -> dict[str, tuple[str, ...]]:
        """The pipelines of this farm, each with the labels that it requires of a builder."""
        return known_pipelines(self.farm.pipelines)

    def terms(self, secrets: Secrets) -> Terms:
        """What the pipelines of this farm require of jobs and builders, besides labels."""
        return terms_of(self.farm.pipelines, secrets)

    def check_pipeline(self, name: str) -> str:
        """`name`, if there is such a pipeline. Raises BadRequest with the closest one."""
        return check_pipeline(self.farm.pipelines, name)

    def show_outage(self, outage: Outage | None, *, json: bool) -> None:
        """Say first that what follows may be old; with `json` as an object on stderr."""
        if outage is None:
            return
        if json:
            document = {**asdict(outage), "notice": str(outage)}
            sys.stderr.write(dumps(document, default=_plain) + "\n")
            return
        sys.stdout.write(f"{outage}\n\n")
        tell(f"doit {self.name}: {outage.cause}")


def pipelines_problem(pipelines: Pipelines) -> str:
    """Why the pipelines of this farm cannot be used; "" when they can."""
    try:
        _ = pipelines.known
    except ApplicationError as error:
        return one_line(error)
    return ""


def known_pipelines(pipelines: Pipelines) -> dict[str, tuple[str, ...]]:
    """The pipelines of this farm, each with the labels that it requires of a builder."""
    return {name: terms.labels for name, terms in pipelines.known.items()}


def terms_of(pipelines: Pipelines, secrets: Secrets) -> Terms:
    """What the pipelines of this farm require of jobs and builders, besides labels."""
    known = pipelines.known
    lacks = {name: secrets.lacks(terms.secrets) for name, terms in known.items()}
    return Terms(
        takes={name: terms.takes for name, terms in known.items() if terms.takes},
        max_attempts={
            name: terms.max_attempts for name, terms in known.items() if terms.max_attempts
        },
        concurrency={name: terms.concurrency for name, terms in known.items() if terms.concurrency},
        hindrances={name: reason for name, reason in lacks.items() if reason},
    )


def check_pipeline(pipelines: Pipelines, name: str) -> str:
    """`name`, if there is such a pipeline. Raises BadRequest with the closest one."""
    known = known_pipelines(pipelines)
    if name not in known:
        raise BadRequest(f"unknown pipeline {name[:60]!r}{did_you_mean(name, known)}")
    return name


def no_arguments(args: list[str]) -> None:
    """Raise BadRequest when a command without arguments got some."""
    if args:
        raise BadRequest(f"unexpected argument {args[0][:60]!r}")


def job_argument(option: str, args: list[str]) -> str:
    """The job of `--job`, or of the only argument; "" when there is neither. Raises BadRequest."""
    no_arguments(args[1:])
    if args and option:
        raise BadRequest(f"--job and the argument {args[0][:60]!r} exclude each other")
    return option or "".join(args)


def as_json(value: Any) -> str:
    """JSON text for `--json`, one line a member or element; times as in the repository.

    Deeper levels share the line: Python indents ten times slower than it writes.
    """
    if isinstance(value, dict) and value:
        lines = (f"  {dumps(key)}: {_nested(member)}" for key, member in value.items())
        return "{\n" + ",\n".join(lines) + "\n}"
    return _nested(value, "")


def as_json_line(value: Any) -> str:
    """JSON text on one line; times as in the repository."""
    return dumps(value, default=_plain)


def _nested(value: Any, indent: str = "  ") -> str:
    if not isinstance(value, list | tuple) or not value:
        return dumps(value, default=_plain)
    lines = (f"{indent}  {dumps(element, default=_plain)}" for element in value)
    return "[\n" + ",\n".join(lines) + f"\n{indent}]"


def _plain(value: object) -> object:
    return format_time(value) if isinstance(value, datetime) else str(value)
