"""One row of the table: how to recognize a line of a tool, and what it means. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from pipelines.domain.errors import FailureCode


class Role(StrEnum):
    """The meaning of a line."""

    CAUSE = "cause"
    """The tool that failed says why."""
    SIGN = "sign"
    """It explains a cause of the same tool, but alone it is none: a warning, for example."""
    RELAY = "relay"
    """A tool that this one called failed; the cause is above."""
    ACCEPTED = "accepted"
    """What failed above was allowed to fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A kind of line that one tool writes when it fails.

    Several lines of one tool in a row make one failure. Its message and its code come from the
    first matching row of the table, so the specific rows of a tool are above its general ones.
    """

    tool: str
    line: str
    """Regular expression for the line's beginning, without colours and without a prefix like
    `[ERROR] ` or `[exec] `, which the expression may have too."""
    role: Role = Role.CAUSE
    code: FailureCode | None = None
    """None: the code of the step that ran the tool."""
    retry: bool = False
    """Whether the same build could succeed on another try."""
    before: int = 0
    """Lines above it that belong to it."""
    after: str = ""
    """Regular expression for lines directly below it that belong to it."""
    relays: str = ""
    """Regular expression for a line below it that reports another failure, shown above."""
    at_end: bool = False
    """The tool writes nothing after it: later output shows that the failure was accepted."""

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
