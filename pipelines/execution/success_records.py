"""The record that a step succeeded, one file a step, durable before anybody relies on it.

doit's own database is written only when doit ends, so a kill would lose what was done; a stamp is
written when its step succeeds and removed before the step runs again. See ARCHITECTURE.md, "Up to
date".
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter

from common.atomic_files import replace_file, sync, write_durably
from pipelines.execution.fingerprint import Fingerprint, result_digest
from pipelines.workspace.layout import folder_name

_FORMAT = 5
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _checked_path(text: str) -> str:
    if "\0" in text:
        raise ValueError("no file has such a name")
    return text


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """What an output was when its step succeeded."""

    size: int
    mtime_ns: int
    sha256: str
    executable: bool
    """Whether its owner may run it: of a mode that is what git keeps, too."""

    @property
    def digest(self) -> str:
        """Of all that steps after this one can see of it."""
        return f"{self.sha256} executable" if self.executable else self.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """All that is known of a step that succeeded."""

    step: str
    fingerprint: Fingerprint
    outputs: Mapping[Annotated[str, AfterValidator(_checked_path)], OutputRecord]
    """By path relative to the workspace; absolute only for a file outside of it."""
    values: Mapping[str, Any]
    reason: str
    """What was done."""
    boot_id: str
    attempt: int
    """Attempt that ran the step."""
    duration_seconds: float | None
    run: str
    """Tells this run of the step from every other."""
    after: Mapping[str, str]
    """The run of each step before it that it found done; "" for one that keeps no record."""
    complete: bool
    """Whether `outputs` are all that other steps need of it."""
    digest: str | None = None
    """What it made, in the kind's own words (a tree id); None: the outputs tell."""
    origin: str = ""
    """Id of the job on this builder that the result was taken from; "" when the step ran here."""

    @property
    def left_nothing(self) -> bool:
        """Whether the step only looked: to repeat it takes nothing away from the steps after it."""
        return self.complete and not self.outputs

    @property
    def result(self) -> str:
        """Digest of what the step made; the fingerprint of the steps that need it has this."""
        if self.digest is not None:
            return self.digest
        digests = {path: record.digest for path, record in self.outputs.items()}
        return result_digest(digests, None if self.complete else self.fingerprint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of a step that has begun."""

    step: str
    id: str
    """Tells this run of the step from every other."""
    fingerprint: Fingerprint
    after: Mapping[str, str]
    """As in Stamp."""
    attempt: int
    boot_id: str


# Not validate_json: it refuses file names that are no UTF-8.
_STAMP = TypeAdapter(Stamp)
_RUN = TypeAdapter(Run)


class Stamps:
    """The stamps in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, step: str) -> Stamp | None:
        """The stamp of `step`; None when there is none or it can't be understood."""
        try:
            data = json.loads(self._path(step).read_text())
            if data.pop("format") != _FORMAT:
                return None
            return _STAMP.validate_python(data)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # A torn or foreign file proves nothing, so the step runs again.
            return None

    def is_there(self, step: str) -> bool:
        """Whether there is a stamp, though it may be one that can't be understood."""
        return self._path(step).exists()

    def recorded(self) -> tuple[str, ...]:
        """The steps that have a stamp."""
        return self._names("*.json")

    def was_forgotten(self, step: str) -> bool:
        """Whether somebody asked for a new run of the step."""
        return self._forgotten_path(step).exists()

    def was_begun(self, step: str) -> bool:
        """Whether the step has a stamp, was forgotten, or begun (perhaps, after a restart)."""
        paths = (self._path(step), self._run_path(step), self._forgotten_path(step))
        return any(path.exists() for path in paths) or self._restarted()

    def forgotten_at(self, step: str) -> int:
        """When somebody asked for a new run last, in nanoseconds of the epoch; 0: nobody did."""
        path = self._forgotten_path(step)
        return path.stat().st_mtime_ns if path.exists() else 0

    def write(self, stamp: Stamp) -> None:
        """Make the stamp durable; it is there whole or not at all."""
        path = self._path(stamp.step)
        write_durably(path, _as_json(stamp, format=_FORMAT))

    def begin(self, run: Run) -> None:
        """The step is about to run: from now on it has not succeeded, which is durable.

        What is noted of the run outlives the process, not the machine: after a restart nobody asks
        for it, and every step without a success counts as begun.
        """
        self.remove(run.step)
        self._note_first_boot(run.boot_id)
        replace_file(self._run_path(run.step), _as_json(run))

    def last_run(self, step: str) -> Run | None:
        """The run that was begun last, however it ended."""
        try:
            return _RUN.validate_python(json.loads(self._run_path(step).read_text()))
        except (FileNotFoundError, ValueError):
            return None

    def forget(self, step: str) -> bool:
        """Take the success back, also what another job could give; whether there was one.

        How the step ended before counts no more.
        """
        there = self.is_there(step)
        self.invalidate(step, "")
        self._run_path(step).unlink(missing_ok=True)
        return there

    def invalidate(self, step: str, why: str) -> None:
        """Take the success back because of `why`; "": somebody asked for a new run."""
        note = json.dumps({"step": step, "why": why}).encode()
        write_durably(self._forgotten_path(step), note)
        self.remove(step)

    def why_forgotten(self, step: str) -> str:
        """Why the last success was taken back; "" after a later run, or when it was asked for."""
        path, run = self._forgotten_path(step), self._run_path(step)
        try:
            if run.exists() and run.stat().st_mtime_ns > path.stat().st_mtime_ns:
                return ""
            return str(json.loads(path.read_text())["why"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return ""

    def remove(self, step: str) -> None:
        """Forget that the step succeeded; durable when this returns."""
        path = self._path(step)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            # Also when it is gone: who took it away may have been killed before this.
            sync(path.parent)

    def _names(self, pattern: str) -> tuple[str, ...]:
        found = []
        for path in sorted(self._folder.glob(pattern)):
            with suppress(OSError, ValueError, KeyError, TypeError):
                found.append(str(json.loads(path.read_text())["step"]))
        return tuple(found)

    def _note_first_boot(self, boot: str) -> None:
        if not self._first_boot.exists():
            write_durably(self._first_boot, boot.encode())

    def _restarted(self) -> bool:
        """Whether steps ran here before the machine was started last."""
        return self._first_boot.exists() and self._first_boot.read_bytes() != boot_id().encode()

    @property
    def _first_boot(self) -> Path:
        return self._folder / "first-boot"

    def _path(self, step: str) -> Path:
        return self._folder / f"{folder_name(step)}.json"

    def _run_path(self, step: str) -> Path:
        return self._folder / f"{folder_name(step)}.run"

    def _forgotten_path(self, step: str) -> Path:
        return self._folder / f"{folder_name(step)}.forgotten"


def record_outputs(paths: Iterable[Path], root: Path) -> dict[str, OutputRecord]:
    """Records of files as they are now, each synced to the disk first; `root`: the workspace's."""
    records = {}
    for path in paths:
        sync(path)
        status = path.stat()
        name = path.relative_to(root) if path.is_relative_to(root) else path
        records[str(name)] = OutputRecord(
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            sha256=file_digest(path),
            executable=_is_executable(status),
        )
    return records


def changed_output(stamp: Stamp, root: Path) -> str | None:
    """The first output that is gone or not what it was, in words; None when all are.

    Size and time tell while the machine has not been restarted; after that the content is read.
    """
    restarted = stamp.boot_id != boot_id()
    for name, record in stamp.outputs.items():
        path = root / name
        try:
            status = path.stat()
        except OSError:
            return f"its output {path.name} is gone"
        if not stat.S_ISREG(status.st_mode):
            # To read a pipe would wait for its writer.
            return f"its output {path.name} is no file any more"
        if (status.st_size, _is_executable(status)) != (record.size, record.executable):
            return f"its output {path.name} was changed"
        if not restarted and status.st_mtime_ns == record.mtime_ns:
            continue
        if file_digest(path) != record.sha256:
            return f"its output {path.name} was changed"
    return None


def _is_executable(status: os.stat_result) -> bool:
    return bool(status.st_mode & stat.S_IXUSR)


def _as_json(record: Stamp | Run, **more: int) -> bytes:
    # not asdict: it copies all that is below, which takes longer than to write it
    data = {field.name: getattr(record, field.name) for field in fields(record)}
    return json.dumps({**more, **data}, default=asdict).encode()


def boot_id() -> str:
    """Tells one start of the machine from another."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
