"""One `git cat-file --batch` that answers for all objects of a clone."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO

from coordination_tasks.domain.errors import BadConfiguration
from coordination_tasks.repository.git.process import git_environment

_TRIES = 3
_ENDS_IN = 1.0
"""Seconds that a git that closed its pipes has to end."""


class MissingObject(Exception):
    """An object that must be there is missing or unreadable: the clone is damaged."""


class ObjectReader:
    """The objects of one bare clone. Not for several threads at once."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, object_id: str) -> bytes:
        """Content of an object. Raises MissingObject, and BadConfiguration when there is no git."""
        data = self.find(object_id)
        if data is None:
            self.close()
            raise MissingObject(f"cannot read object {object_id}: it is missing or damaged")
        return data

    def find(self, name: str) -> bytes | None:
        """Content of an object, or of a file `COMMIT:PATH`; None when there is none.

        Raises MissingObject if it is damaged, OSError if git is killed each time.
        """
        for _ in range(_TRIES):
            try:
                return self._asked(name)
            except MissingObject:
                if not self._was_killed():
                    raise
        raise InterruptedError(f"git was killed while it read object {name}")

    def _asked(self, name: str) -> bytes | None:
        questions, answers = self._pipes()
        try:
            questions.write(name.encode() + b"\n")
            questions.flush()
            # `ID KIND SIZE`; `NAME missing`, or nothing when git gave up on a damaged object
            *_, last = answers.readline().split() or [b""]
            if last == b"missing":
                return None
            size = int(last) if last.isdigit() else -1
            data = answers.read(size + 1)[:-1] if size >= 0 else b""
        except OSError as error:
            raise MissingObject(f"cannot read object {name}: {error}") from error
        if len(data) != size:
            raise MissingObject(f"cannot read object {name}: it is missing or damaged")
        return data

    def _was_killed(self) -> bool:
        """Whether a signal ended git, which proves nothing about the objects; ends it."""
        process = self._process
        if process is None:
            return False
        with suppress(subprocess.TimeoutExpired):
            process.wait(_ENDS_IN)
        killed = process.returncode is not None and process.returncode < 0
        self.close()
        return killed

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            # A request that the killed git did not read stays in the buffer: nobody needs it now.
            with suppress(BrokenPipeError):
                if stream:
                    stream.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            command = ["git", f"--git-dir={self._git_dir}", "cat-file", "--batch"]
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=git_environment(),
                    start_new_session=True,  # Ctrl-C is for us to act on
                )
            except FileNotFoundError as error:
                raise BadConfiguration("git is not on PATH: apt-get install git") from error
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise MissingObject("git cat-file has no pipes")
        return stdin, stdout
