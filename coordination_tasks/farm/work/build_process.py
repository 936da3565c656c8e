"""A `doit build` in a process of its own: its memory, and whatever breaks it, ends with it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from coordination_tasks.farm.work.sign_of_life import SignOfLife


class BuildProcess:
    """A process that runs `command` in `folder`; its output is ours, except for its last words.

    It is not in our process group, so that a Ctrl-C reaches it once: from us.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        sign: SignOfLife,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        sign.expect()
        self._sign = sign
        self._monotonic = monotonic
        self._seen = sign.read()
        self._seen_at = monotonic()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it was read
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,
        )

    def poll(self) -> int | None:
        """Its exit code, as a shell shows it; None while it runs."""
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def silent_for(self) -> float:
        """Seconds since its last sign of life."""
        now, sign = self._monotonic(), self._sign.read()
        if sign != self._seen:
            self._seen, self._seen_at = sign, now
        return now - self._seen_at

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        self._process.send_signal(number)

    def last_words(self) -> str:
        """What it wrote to stderr, once it has ended."""
        with self._errors:
            self._errors.seek(0)
            return self._errors.read().decode(errors="replace").strip()
