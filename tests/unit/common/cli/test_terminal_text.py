"""What a build log may not do to the screen of a person."""

from __future__ import annotations

import io
import sys
import unicodedata

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from common.cli.terminal_text import printable
from common.states import State
from coordination_tasks.build.display.display import PlainDisplay
from coordination_tasks.build.display.live_display import LiveDisplay
from coordination_tasks.commands.tables import console

HOSTILE = "\x1b[31mred\x1b[0m \x1b[2J\x1b]0;title\x07\r\x9b1A\x7fend"
SHOWN = "red ␛[2J␛]0;title␇␍\ufffd1A␡end"


def test_nothing_is_invisible_or_changes_the_direction() -> None:
    assert printable("job\u202e1\u200b\ufeff") == "job<U+202E>1<U+200B><U+FEFF>"
    assert printable("a\ud8001\u2028\xad") == "a<U+D800>1<U+2028><U+00AD>"
    visible = {0x600, 0x6DD, 0x70F, 0x8E2, 0x890, 0x110BD, 0x110CD, 0x13430}  # signs of scripts
    for code in range(sys.maxunicode + 1):
        near = any(first <= code < first + 16 for first in visible)
        if unicodedata.category(chr(code)) in ("Cf", "Zl", "Zp", "Cs") and not near:
            assert chr(code) not in printable(chr(code)), hex(code)


@pytest.mark.parametrize(
    ("text", "shown"), [(HOSTILE, SHOWN), ("a\tb\nc é 漢 ✔", "a\tb\nc é 漢 ✔"), ("", "")]
)
def test_nothing_moves_the_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_what_commands_print(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    table = Table("why", box=None)
    table.add_row(Text(HOSTILE))
    console().print(table)
    console().print(Text(HOSTILE, style="bold"))
    assert stream.getvalue().count("red ␛[2J") == 2
    assert not {"\x1b", "\x07", "\x9b"} & set(stream.getvalue())


def test_what_a_build_prints_in_a_pipe() -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream, verbose=True)
    display.step_line("one", HOSTILE)
    display.step_ended("one", State.FAILED, HOSTILE, 1.0)
    display.message(HOSTILE)
    assert stream.getvalue().count(SHOWN) == 3


def test_what_a_build_shows_on_a_terminal() -> None:
    stream = io.StringIO()
    terminal = Console(file=stream, force_terminal=True, width=120)
    display = LiveDisplay(terminal, verbose=True)
    display.begin("job", ("one",))
    display.step_line("one", HOSTILE)
    display.step_ended("one", State.FAILED, HOSTILE, 1.0)
    display.message(HOSTILE)
    display.end()
    told = stream.getvalue()
    assert "␛" in told
    assert not [harm for harm in ("\x1b[2J", "\x1b]0;", "\x07", "\x9b") if harm in told]
