"""The base of the errors that both packages raise on purpose, and their readable form."""

from __future__ import annotations

from typing import ClassVar


class ApplicationError(Exception):
    """An error raised on purpose: `str()` is one readable line, all that a command shows."""

    exit_code: ClassVar[int] = 1
    names_place: ClassVar[bool] = False
    """Whether the text starts with file, line and column: then nothing may precede it."""


class UsageError(ApplicationError):
    """An invalid command line; the text says what is expected."""

    exit_code = 3


def one_line(error: Exception) -> str:
    """The first line of an error that may have many, like all errors of a file."""
    first, *others = str(error).splitlines() or [""]
    more = f" (and {len(others)} more error{'s' * (len(others) > 1)})" if others else ""
    return f"{first}{more}"


def os_error_text(error: OSError) -> str:
    """One line without the number of the error: `No space left on device: /srv/state`."""
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"
