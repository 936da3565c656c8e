"""How a command ended. Pure."""

from __future__ import annotations


class ExitCode(int):
    """An exit code; 128+n when signal n ended the command."""

    signal: int | None
    """The signal that ended the command itself; None when it ended with a code of its own."""

    def __new__(cls, code: int, signal: int | None = None) -> ExitCode:
        """`signal` is the signal that ended the command, if one did."""
        made = super().__new__(cls, code)
        made.signal = signal
        return made

    @classmethod
    def of(cls, returned: int) -> ExitCode:
        """From a return code of `subprocess`: minus n when signal n ended the command."""
        return cls(returned) if returned >= 0 else cls(128 - returned, -returned)
