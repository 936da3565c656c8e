"""Success records of steps, one file per step, durable before anything relies on them.

doit's own database is written only when doit ends, so a kill would lose everything; a record is
written when its step succeeds and removed before the step runs again. See ARCHITECTURE.md,
"Up to date".
"""

from __future__ import annotations

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
from common.digests import file_sha256
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
    """The state of an output when its step succeeded."""

    size: int
    mtime_ns: int
    sha256: str
    executable: bool
    """Whether its owner may execute it: git records no more of a mode either."""

    @property
    def digest(self) -> str:
        """Digest of everything that later steps can see of it."""
        return f"{self.sha256} executable" if self.executable else self.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessRecord:
    """Everything that is recorded about a step that succeeded."""

    step: str
    fingerprint: Fingerprint
    outputs: Mapping[Annotated[str, AfterValidator(_checked_path)], OutputRecord]
    """By path relative to the workspace; absolute only for a file outside of it."""
    values: Mapping[str, Any]
    reason: str
    """The result as text."""
    boot_id: str
    attempt: int
    """The attempt that ran the step."""
    duration_seconds: float | None
    run: str
    """Identifies this run of the step."""
    after: Mapping[str, str]
    """The run of each earlier step that had ended; "" for one without records."""
    complete: bool
    """Whether other steps need nothing but `outputs`."""
    digest: str | None = None
    """Identifies its result in the kind's own terms (a tree id); None: the outputs do."""
    origin: str = ""
    """Id of the job on this builder whose result was reused; "" when the step ran here."""

    @property
    def left_nothing(self) -> bool:
        """Whether the step is read-only: repeating it does not affect the steps after it."""
        return self.complete and not self.outputs

    @property
    def result(self) -> str:
        """Digest of the step's result, for the fingerprints of the steps that need it."""
        if self.digest is not None:
            return self.digest
        digests = {path: record.digest for path, record in self.outputs.items()}
        return result_digest(digests, None if self.complete else self.fingerprint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of a step that has started."""

    step: str
    id: str
    """Identifies this run of the step."""
    fingerprint: Fingerprint
    after: Mapping[str, str]
    """See SuccessRecord."""
    attempt: int
    boot_id: str


# Not validate_json: it rejects file names that are not UTF-8.
_RECORD = TypeAdapter(SuccessRecord)
_RUN = TypeAdapter(Run)


class SuccessRecords:
    """The successes in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, step: str) -> SuccessRecord | None:
        """The success record of `step`; None when it is missing or unreadable."""
        try:
            data = json.loads(self._path(step).read_text())
            if data.pop("format") != _FORMAT:
                return None
            return _RECORD.validate_python(data)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # A torn or foreign file proves nothing, so the step runs again.
            return None

    def is_there(self, step: str) -> bool:
        """Whether there is a success record, even if it is unreadable."""
        return self._path(step).exists()

    def recorded(self) -> tuple[str, ...]:
        """The steps with a success record."""
        return self._names("*.json")

    def was_forgotten(self, step: str) -> bool:
        """Whether a new run of the step was requested."""
        return self._forgotten_path(step).exists()

    def was_begun(self, step: str) -> bool:
        """Whether the step has a success record, was forgotten, or perhaps started."""
        paths = (self._path(step), self._run_path(step), self._forgotten_path(step))
        return any(path.exists() for path in paths) or self._restarted()

    def forgotten_at(self, step: str) -> int:
        """When a new run was last requested, in nanoseconds of the epoch; 0: never."""
        path = self._forgotten_path(step)
        return path.stat().st_mtime_ns if path.exists() else 0

    def write(self, success: SuccessRecord) -> None:
        """Make the success record durable; it exists completely or not at all."""
        path = self._path(success.step)
        write_durably(path, _as_json(success, format=_FORMAT))

    def begin(self, run: Run) -> None:
        """Note that the step is about to run, which voids its success. Durable at once.

        The note of the run outlives the process, but not the machine: after a restart it is not
        used, and every step without a success counts as started.
        """
        self.remove(run.step)
        self._note_first_boot(run.boot_id)
        replace_file(self._run_path(run.step), _as_json(run))

    def last_run(self, step: str) -> Run | None:
        """The run that started last, however it ended."""
        try:
            return _RUN.validate_python(json.loads(self._run_path(step).read_text()))
        except (FileNotFoundError, ValueError):
            return None

    def forget(self, step: str) -> bool:
        """Void the success, also for reuse by other jobs; returns whether there was one.

        The end of earlier runs no longer counts.
        """
        there = self.is_there(step)
        self.invalidate(step, "")
        self._run_path(step).unlink(missing_ok=True)
        return there

    def invalidate(self, step: str, why: str) -> None:
        """Void the success because of `why`; "": a new run was requested."""
        note = json.dumps({"step": step, "why": why}).encode()
        write_durably(self._forgotten_path(step), note)
        self.remove(step)

    def why_forgotten(self, step: str) -> str:
        """Why the last success was voided; "" after a later run, or on request."""
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
            # Even if it is missing: the process that removed it may have been killed before this.
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
        """Whether steps ran here before the last start of the machine."""
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
            sha256=file_sha256(path),
            executable=_is_executable(status),
        )
    return records


def changed_output(success: SuccessRecord, root: Path) -> str | None:
    """The first output that is missing or was changed, as text; None when all are unchanged.

    Until the machine is restarted, size and time decide; after that the content is read.
    """
    restarted = success.boot_id != boot_id()
    for name, record in success.outputs.items():
        path = root / name
        try:
            status = path.stat()
        except OSError:
            return f"its output {path.name} is missing"
        if not stat.S_ISREG(status.st_mode):
            # Reading a pipe would wait for its writer.
            return f"its output {path.name} is no longer a file"
        if (status.st_size, _is_executable(status)) != (record.size, record.executable):
            return f"its output {path.name} was changed"
        if not restarted and status.st_mtime_ns == record.mtime_ns:
            continue
        if file_sha256(path) != record.sha256:
            return f"its output {path.name} was changed"
    return None


def _is_executable(status: os.stat_result) -> bool:
    return bool(status.st_mode & stat.S_IXUSR)


def _as_json(record: SuccessRecord | Run, **more: int) -> bytes:
    # not asdict: it copies everything below, which takes longer than writing it
    data = {field.name: getattr(record, field.name) for field in fields(record)}
    return json.dumps({**more, **data}, default=asdict).encode()


def boot_id() -> str:
    """Identifies one start of the machine."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
