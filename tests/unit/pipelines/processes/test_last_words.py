"""What a command says before it is ended."""

from __future__ import annotations

import psutil

from pipelines.processes.last_words import thread_dumps


class Ending(psutil.Process):
    """A process between its end and being waited for: psutil knows no program of it."""

    def exe(self) -> str:
        return ""


def test_a_process_that_just_ends_has_no_dump() -> None:
    assert thread_dumps([Ending()]) == []
