"""The programs around a command in the sandbox: they outlive SIGTERM, and report how it ended.

A signal that ended the command would otherwise be an exit code above 128, which proves nothing. A
polite SIGTERM goes to every process of the step: those around the command must let it end first.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.exit_code import ExitCode
from pipelines.processes.wait import wait_for_end

LAUNCHER = Path(__file__).with_name("start-command.pl")
_LONGEST_END = 30.0
LAUNCHER_INSIDE = "/run/start-command.pl"


def leader(bwrap: str, *, info: int, arguments: int) -> tuple[str, ...]:
    """How bwrap is started: it would end at a SIGTERM, and the command with it at once.

    It writes about the sandbox to the open file `info`, and reads its arguments from `arguments`.
    """
    files = ("--info-fd", str(info), "--args", str(arguments))
    return ("/usr/bin/env", "--ignore-signal=TERM", bwrap, *files, "--")


def launched(argv: tuple[str, ...], report: int) -> tuple[str, ...]:
    """`argv`, started by the launcher, which writes to the open file `report`."""
    return ("/usr/bin/perl", LAUNCHER_INSIDE, str(report), *argv)


def await_end(info: IO[bytes]) -> None:
    """Wait until nothing of the sandbox runs; `info` is what bwrap wrote about it.

    bwrap ends with the command. What the command left behind is killed then, which takes a moment.
    """
    info.seek(0)
    text = info.read()
    if text:
        # The first process of a namespace ends after all others.
        wait_for_end(json.loads(text)["child-pid"], _LONGEST_END, None)


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
