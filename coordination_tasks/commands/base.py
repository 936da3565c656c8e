"""What all our doit commands share: configuration, the store, and errors as one clear line."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from common.command import Command, tell
from common.terminal_text import harmless
from common.yaml.findings import did_you_mean
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.domain.errors import BadRequest, CoordinationError
from coordination_tasks.domain.scheduling import Takes, Terms
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.store.store import Store
from coordination_tasks.wiring import store as wiring
from coordination_tasks.wiring.farm import Farm

PIPE_WIDTH = 200


class FarmCommand(Command):
    """Base of the doit commands that deal with the coordination repository."""

    def error_text(self, error: BaseException) -> str:
        """See Command."""
        later = isinstance(error, CoordinationError) and error.retryable
        return f"{super().error_text(error)}{'; try again later' if later else ''}"

    @property
    def farm(self) -> Farm:
        """The farm that dodo.py wires."""
        found: Farm = self.loader.namespace["FARM"]
        return found

    def known_pipelines(self) -> dict[str, tuple[str, ...]]:
        """The pipelines of this farm, each with the labels that it demands of a builder."""
        return {name: terms.labels for name, terms in self.farm.pipelines.known.items()}

    def terms(self, secrets: Secrets) -> Terms:
        """What the pipelines of this farm say of jobs and builders, beside labels."""
        known = self.farm.pipelines.known
        lacks = {name: secrets.lacks(terms.secrets) for name, terms in known.items()}
        return Terms(
            takes={
                name: Takes(types=terms.takes.types, branches=terms.takes.branches)
                for name, terms in known.items()
                if terms.takes
            },
            max_attempts={
                name: terms.max_attempts for name, terms in known.items() if terms.max_attempts
            },
            hindrances={name: reason for name, reason in lacks.items() if reason},
        )

    def check_pipeline(self, name: str) -> str:
        """`name`, if there is such a pipeline. Raises BadRequest with the nearest one."""
        known = self.known_pipelines()
        if name not in known:
            raise BadRequest(f"there is no pipeline {name[:60]!r}{did_you_mean(name, known)}")
        return name


def console() -> Console:
    """Where tables go; a pipe is wide enough for every column."""
    found = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    found.push_render_hook(_HarmlessHook())
    return found


class _HarmlessHook(RenderHook):
    """What is printed may come from a build log or another builder."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """See RenderHook."""
        return [_Harmless(renderable) for renderable in renderables]


class _Harmless:
    def __init__(self, inner: ConsoleRenderable) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


def no_arguments(args: list[str]) -> None:
    """Raise BadRequest when a command got words that it does not take."""
    if args:
        raise BadRequest(f"what is {args[0][:60]!r}? this command takes options only")


def open_store(config: BuilderConfig) -> AbstractContextManager[Store]:
    """The store of the farm that `config` names; what a person should know goes to stderr."""
    return wiring.open_store(config, tell)


def as_json(value: Any) -> str:
    """JSON text for `--json`; times as in the coordination repository."""
    return json.dumps(value, indent=2, default=_plain)


def _plain(value: object) -> object:
    return format_time(value) if isinstance(value, datetime) else str(value)
