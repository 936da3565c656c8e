"""Secrets of this builder: from its environment, or from a file that nobody else can read.

Never from a repository: a committed secret stays in every clone forever.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path

from common.records import map_of, read_record, text
from common.yaml.document import read_document
from common.yaml.findings import InvalidFile
from coordination_tasks.domain.errors import BadConfiguration

SHORTEST = 4
"""Characters; a shorter text occurs in every log, so it cannot be masked."""


class Secrets:
    """The secrets of this builder; the environment overrides the file.

    Raises BadConfiguration when the file cannot be read, or others can read it.
    """

    def __init__(self, environment: Mapping[str, str], file: Path | None) -> None:
        self._environment = environment
        self._file = file
        self._in_file = _read(file) if file else {}

    def lacks(self, names: Collection[str]) -> str | None:
        """Which of these is missing, as a readable line; None when all are present."""
        for name in names:
            value = self._value(name)
            if not value:
                return f"missing secret {name}: set it in {self._places()}"
            if len(value) < SHORTEST:
                return (
                    f"secret {name} is too short to mask: expected at least {SHORTEST} characters"
                )
        return None

    def values(self, names: Collection[str]) -> dict[str, str]:
        """The values of these. Raises BadConfiguration when one is missing."""
        problem = self.lacks(names)
        if problem:
            raise BadConfiguration(problem)
        return {name: self._value(name) for name in names}

    def _value(self, name: str) -> str:
        return self._environment.get(name) or self._in_file.get(name, "")

    def _places(self) -> str:
        place = (
            str(self._file) if self._file else "the file that secrets_file in builder.yaml names"
        )
        return f"the environment of doit, or in {place}"


def _read(path: Path) -> Mapping[str, str]:
    try:
        info = path.stat()
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot read the secrets: {error.strerror}") from error
    if not stat.S_ISREG(info.st_mode):
        raise BadConfiguration(f"{path}: expected a regular file with secrets")
    if info.st_uid != os.geteuid() or info.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(info.st_mode)
        raise BadConfiguration(
            f"{path}: others can read these secrets (mode {mode:03o}, owner {info.st_uid}). "
            "Make it your own file, with mode 600."
        )
    inside = next((p for p in path.resolve().parents if (p / ".git").exists()), None)
    if inside:
        raise BadConfiguration(
            f"{path}: secrets must not be in a repository ({inside}). Move the file out of it."
        )
    try:
        return read_record(map_of(text), read_document(path))
    except InvalidFile as error:
        raise BadConfiguration(str(error)) from error
