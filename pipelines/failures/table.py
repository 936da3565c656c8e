"""All signatures together, and the search for the one that matches a line. Pure."""

from __future__ import annotations

import re
from functools import cache

from pipelines.failures.signature import Signature
from pipelines.failures.tools.debian import DEBIAN
from pipelines.failures.tools.git_and_python import GIT_AND_PYTHON
from pipelines.failures.tools.java import JAVA
from pipelines.failures.tools.javascript import JAVASCRIPT
from pipelines.failures.tools.machine import MACHINE
from pipelines.failures.tools.native import NATIVE
from pipelines.failures.tools.scripts import SCRIPTS

SIGNATURES: tuple[Signature, ...] = (
    *MACHINE,
    *DEBIAN,
    *JAVA,
    *JAVASCRIPT,
    *GIT_AND_PYTHON,
    *NATIVE,
    *SCRIPTS,
)
"""The first match of a line counts; of a failure's lines, the match that is first here."""

RANK = {id(signature): rank for rank, signature in enumerate(SIGNATURES)}

MAX_LINE = 2000
"""Characters of a line that are searched."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PREFIX = re.compile(r"\s*\[[\w:-]{1,30}\]:? ")


@cache
def _any() -> re.Pattern[str]:
    """One expression first: nearly all lines match no signature, and a build writes millions."""
    return re.compile(
        "|".join(f"(?:{re.sub('[(][?]P<[a-z]+>', '(?:', each.line)})" for each in SIGNATURES)
    )


def plain(line: str) -> str:
    """A line without colours, without spaces at its end, and of at most 2000 characters."""
    return _COLOURS.sub("", line[: 2 * MAX_LINE])[:MAX_LINE].rstrip()


def unprefixed(line: str) -> str:
    """A plain line without the `[ERROR] ` or `[exec] ` that a tool puts before another's output."""
    prefix = _PREFIX.match(line)
    return line[prefix.end() :] if prefix else line


def signature_of(line: str) -> Signature | None:
    """The first signature that matches a plain line."""
    for text in dict.fromkeys((unprefixed(line), line)):
        if _any().match(text):
            return next(each for each in SIGNATURES if each.pattern.match(text))
    return None
