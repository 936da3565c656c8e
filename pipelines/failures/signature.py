"""One row of the table: how to recognize a line of a tool, and what it says of a failure. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from pipelines.domain.errors import FailureCode


class Role(StrEnum):
    """What a line says of a failure."""

    CAUSE = "cause"
    """The tool that failed says why."""
    SIGN = "sign"
    """It explains a cause of the same tool, and is none alone: a warning, for example."""
    RELAY = "relay"
    """Something that this tool had called failed; the cause stands above."""
    ACCEPTED = "accepted"
    """What failed above was allowed to fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A kind of line that one tool writes when it fails.

    Several lines of one tool in a row make one failure. Its words and its code come from the row
    that stands first in the table, so the telling rows of a tool stand above its general ones.
    """

    tool: str
    line: str
    """Regular expression for the line's beginning, without colours and without a prefix like
    `[ERROR] ` or `[exec] `, which the expression may have too."""
    role: Role = Role.CAUSE
    code: FailureCode | None = None
    """None: the code of the step that ran the tool."""
    retry: bool = False
    """Whether the same build could succeed when it is only tried again."""
    before: int = 0
    """Lines above it that belong to it."""
    after: str = ""
    """Regular expression for lines directly below it that belong to it."""
    relays: str = ""
    """Regular expression for a line below it that says: something else failed, as told above."""
    at_end: bool = False
    """The tool writes nothing after it: what follows shows that the failure was accepted."""

    @property
    def pattern(self) -> re.Pattern[str]:
        """`line`; compiled when it is needed, since most builds do not fail."""
        return compiled(self.line)

    @property
    def below(self) -> re.Pattern[str] | None:
        """`after`."""
        return compiled(self.after) if self.after else None


@cache
def compiled(expression: str, flags: int = 0) -> re.Pattern[str]:
    """The regular expression, compiled once."""
    return re.compile(expression, flags)
