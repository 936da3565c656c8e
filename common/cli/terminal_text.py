"""External text made safe for a terminal: it moves no cursor, and looks like what it is. Pure."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"
    # direction, invisible characters, line separators, halves of characters
    r"\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_PICTURES = 0x2400
_DELETE = 0x7F
_LAST_CONTROL = 0x9F


def printable(text: str) -> str:
    """`text` without colours; newlines and tabs stay.

    Other control characters become pictures (`␛`), and characters that are invisible or change the
    direction of the text become their number (`<U+202E>`).

    Logs on disk and JSON keep what a program wrote.
    """
    return _CONTROL.sub(_picture, _COLOUR.sub("", text))


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < ord(" "):
        return chr(_PICTURES + code)
    if code > _LAST_CONTROL:
        return f"<U+{code:04X}>"
    return "␡" if code == _DELETE else "\ufffd"
