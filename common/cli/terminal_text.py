"""External text made safe for a terminal: nothing in it moves the cursor. Pure."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PICTURES = 0x2400
_DELETE = 0x7F


def printable(text: str) -> str:
    """`text` without colours, other control characters as pictures (`␛`); newlines and tabs stay.

    Logs on disk and JSON keep what a program wrote.
    """
    return _CONTROL.sub(_picture, _COLOUR.sub("", text))


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < ord(" "):
        return chr(_PICTURES + code)
    return "␡" if code == _DELETE else "\ufffd"
