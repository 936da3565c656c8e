"""What all our doit commands share: configuration, the store, and errors as one clear line."""

from __future__ import annotations

import json
import os
import sys
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from common.command import Command, tell
from common.terminal_text import harmless
from common.yaml.findings import did_you_mean
from coordination_tasks import wiring as presence
from coordination_tasks.builder.config.builder import BuilderConfig, read_builder_config
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.domain.errors import BadRequest, Unavailable
from coordination_tasks.domain.scheduling import Takes, Terms
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.store.store import Store

PIPE_WIDTH = 200


class FarmCommand(Command):
    """Base of the doit commands that deal with the coordination repository."""

    def error_text(self, error: BaseException) -> str:
        """See Command."""
        passing = isinstance(error, Unavailable) and not error.remedy
        return f"{super().error_text(error)}{'; try again later' if passing else ''}"

    def known_pipelines(self) -> dict[str, tuple[str, ...]]:
        """The pipelines of this farm, each with the labels that it demands of a builder."""
        return {name: tuple(meta["labels"]) for name, meta in self._pipeline_metas().items()}

    def terms(self, secrets: Secrets) -> Terms:
        """What the pipelines of this farm say of jobs and builders, beside labels."""
        metas = self._pipeline_metas()
        lacks = {name: secrets.lacks(meta["secrets"]) for name, meta in metas.items()}
        return Terms(
            takes={name: Takes(**meta["takes"]) for name, meta in metas.items() if meta["takes"]},
            max_attempts={
                name: meta["max_attempts"] for name, meta in metas.items() if meta["max_attempts"]
            },
            hindrances={name: reason for name, reason in lacks.items() if reason},
        )

    def _pipeline_metas(self) -> dict[str, dict[str, Any]]:
        metas = (task.meta or {} for task in self.task_list)
        return {meta["pipeline"]: meta for meta in metas if "labels" in meta}

    def check_pipeline(self, name: str) -> str:
        """`name`, if there is such a pipeline. Raises BadRequest with the nearest one."""
        known = self.known_pipelines()
        if name not in known:
            raise BadRequest(f"there is no pipeline {name[:60]!r}{did_you_mean(name, known)}")
        return name

    def checked(self, check: str, value: str) -> str:
        """`value` as the check of that name in dodo.py gives it back. Raises BadRequest."""
        try:
            return str(self.loader.namespace[check](value))
        except ValueError as error:
            raise BadRequest(str(error)) from error

    def read_config(self, builder: str = "") -> BuilderConfig:
        """Configuration of this builder; `builder` is the flag's value."""
        space = self.loader.namespace
        return read_builder_config(
            space["HOME"], os.environ, builder or None, found_labels=space["machine_labels"]()
        )


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
    return presence.open_store(config, tell)


def as_json(value: Any) -> str:
    """JSON text for `--json`; times as in the coordination repository."""
    return json.dumps(value, indent=2, default=_plain)


def _plain(value: object) -> object:
    return format_time(value) if isinstance(value, datetime) else str(value)
