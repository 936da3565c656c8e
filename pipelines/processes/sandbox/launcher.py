"""The programs around a command in the sandbox: they outlive SIGTERM, and report how it ended.

A signal that ended the command would otherwise be an exit code above 128, which proves nothing. A
polite SIGTERM goes to every process of the step: those around the command must let it end first.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.exit_code import ExitCode

LAUNCHER = Path(__file__).with_name("start-command.pl")
LAUNCHER_INSIDE = "/run/start-command.pl"


def leader(bwrap: str) -> tuple[str, ...]:
    """How bwrap is started: it would end at a SIGTERM, and the command with it at once."""
    return ("/usr/bin/env", "--ignore-signal=TERM", bwrap)


def launched(argv: tuple[str, ...], report: int) -> tuple[str, ...]:
    """`argv`, started by the launcher, which writes to the open file `report`."""
    return ("/usr/bin/perl", LAUNCHER_INSIDE, str(report), *argv)


def reported_end(report: IO[bytes], returned: int) -> ExitCode:
    """How the command ended, from the report and the return code of the sandbox's process.

    Raises StepFailed (TOOL_MISSING) when there was no sandbox to start it in; OSError when the
    command could not be started in it.
    """
    report.seek(0)
    lines = report.read().decode().splitlines()
    if not lines and returned > 0:
        raise StepFailed(
            FailureCode.TOOL_MISSING,
            "cannot start the sandbox of the step. `doit doctor` checks it.",
        )
    words = dict(line.partition(" ")[::2] for line in lines)
    if "cannot" in words:
        raise OSError(int(words["cannot"]), "cannot start the command in the sandbox")
    return ExitCode.of(-int(words["signal"]) if "signal" in words else returned)
