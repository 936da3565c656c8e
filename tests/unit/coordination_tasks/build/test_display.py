from __future__ import annotations

import io
import os
import pty

import pytest
from rich.console import Console

from common.states import State
from coordination_tasks.build.display.choice import make_display
from coordination_tasks.build.display.display import Display, PlainDisplay
from coordination_tasks.build.display.live_display import LiveDisplay
from coordination_tasks.domain.timestamps import elapsed


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (4.14, "4.1 s"), (65, "1 min 05 s"), (3725, "1 h 02 min")],
)
def test_elapsed(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text


def tell_a_story(display: Display, clock: Clock) -> None:
    display.begin("job 1", ("checkout", "maven"))
    display.step_began("maven", "never ran")
    display.step_line("maven", "[INFO] a line")
    clock.now = 2.0
    display.step_progress("maven", "module 1 of 4: api")
    clock.now = 12.0
    display.step_progress("maven", "module 3 of 4: core")
    display.step_ended("maven", State.SUCCEEDED, "built 4 modules", 12.0)
    display.message("job 1 succeeded")
    display.end()


def test_plain_lines_with_progress_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    tell_a_story(PlainDisplay(stream, verbose=False, clock=clock), clock)
    assert stream.getvalue().splitlines() == [
        "job 1",
        "steps: checkout -> maven",
        "[maven] running: never ran",
        "[maven] module 3 of 4: core",
        "[maven] succeeded in 12.0 s: built 4 modules",
        "job 1 succeeded",
    ]


def test_verbose_shows_every_line() -> None:
    stream, clock = io.StringIO(), Clock()
    tell_a_story(PlainDisplay(stream, verbose=True, clock=clock), clock)
    assert "[maven] | [INFO] a line" in stream.getvalue()


def test_a_terminal_gets_one_line_for_each_step() -> None:
    stream, clock = io.StringIO(), Clock()
    console = Console(file=stream, force_terminal=True, width=80, color_system=None)
    tell_a_story(LiveDisplay(console, verbose=True, clock=clock), clock)
    shown = stream.getvalue()
    assert "[INFO] a line" in shown
    last = shown[shown.rindex("checkout") :]
    assert "✔ maven" in last
    assert "12.0 s" in last
    assert "built 4 modules" in last


def test_a_pipe_gets_plain_lines() -> None:
    assert isinstance(make_display(io.StringIO(), verbose=False), PlainDisplay)


def test_a_terminal_that_is_gone_does_not_end_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    master, terminal = pty.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as stream:
        display = make_display(stream, verbose=True)
        assert isinstance(display, LiveDisplay)
        os.close(master)
        tell_a_story(display, Clock())


def test_who_asks_for_colours_in_a_pipe_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream, clock = io.StringIO(), Clock()
    tell_a_story(make_display(stream, verbose=False), clock)
    coloured = [line for line in stream.getvalue().splitlines() if "\x1b" in line]
    assert coloured == ["\x1b[32m[maven] succeeded in 12.0 s: built 4 modules\x1b[0m"]
