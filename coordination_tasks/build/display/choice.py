"""The display for the stream that `doit build` writes to."""

from __future__ import annotations

import os
from typing import TextIO

from common.cli.text_table import wants_colour
from coordination_tasks.build.display.display import Display, PlainDisplay


def make_display(stream: TextIO, *, verbose: bool) -> Display:
    """The display for `stream`: live on a terminal, plain lines elsewhere."""
    if not stream.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return PlainDisplay(stream, verbose=verbose, colour=wants_colour(stream))
    # a build that nobody watches does not wait for the import
    from coordination_tasks.build.display.live_display import live_display  # noqa: PLC0415

    return live_display(stream, verbose=verbose)
