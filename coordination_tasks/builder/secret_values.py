"""Secrets of this builder: from its environment, or from a file that nobody else can read.

Never from a repository: what is committed once is in every clone for good.
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
"""Characters; a shorter text stands in every log, so it can't be masked."""


class Secrets:
    """The secrets of this builder; the environment wins over the file.

    Raises BadConfiguration when the file can't be read, or others can read it.
    """

    def __init__(self, environment: Mapping[str, str], file: Path | None) -> None:
        self._environment = environment
        self._file = file
        self._in_file = _read(file) if file else {}

    def lacks(self, names: Collection[str]) -> str | None:
        """What is missing of these, in words for a person; None when all are there."""
        for name in names:
            value = self._value(name)
            if not value:
                return f"this builder lacks the secret {name}: set it in {self._places()}"
            if len(value) < SHORTEST:
                return (
                    f"the secret {name} is too short to be masked: {SHORTEST} characters at least"
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
        raise BadConfiguration(f"{path}: the secrets can't be read: {error.strerror}") from error
    if not stat.S_ISREG(info.st_mode):
        raise BadConfiguration(f"{path}: the secrets have to be in a regular file")
    if info.st_uid != os.geteuid() or info.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(info.st_mode)
        raise BadConfiguration(
            f"{path}: others can read these secrets (mode {mode:03o}, owner {info.st_uid}): "
            "it has to be yours, with mode 600"
        )
    inside = next((p for p in path.resolve().parents if (p / ".git").exists()), None)
    if inside:
        raise BadConfiguration(
            f"{path}: secrets are not kept in a repository ({inside}): move the file out of it"
        )
    try:
        return read_record(map_of(text), read_document(path))
    except InvalidFile as error:
        raise BadConfiguration(str(error)) from error
