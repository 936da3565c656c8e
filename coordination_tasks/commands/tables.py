"""The output for tables."""

from __future__ import annotations

import sys

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from common.cli.terminal_text import printable

PIPE_WIDTH = 200


def console() -> Console:
    """Where tables go; a pipe is wide enough for every column."""
    found = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    found.push_render_hook(_HarmlessHook())
    return found


class _HarmlessHook(RenderHook):
    """Printed text may come from a build log or another builder."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """See RenderHook."""
        return [_Printable(renderable) for renderable in renderables]


class _Printable:
    def __init__(self, inner: ConsoleRenderable) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)
