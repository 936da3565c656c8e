"""Old logs of workspaces are packed away; nothing else is touched."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.workspace.layout import Workspace
from pipelines.workspace.log_archive import old_logs

THEN = datetime(2025, 10, 1, tzinfo=UTC)


def test_old_logs_are_packed_by_month(tmp_path: Path) -> None:
    space = Workspace(state_dir=tmp_path, job_id="job_1", attempt=1)
    old, fresh = space.log("maven"), space.log("build-deb")
    old.parent.mkdir(parents=True)
    old.write_text("built\n")
    os.utime(old, (THEN.timestamp(), THEN.timestamp()))
    fresh.write_text("building\n")
    keep = old.with_name("notes")
    keep.write_text("x")
    os.utime(keep, (0, 0))

    before = datetime(2025, 10, 8, tzinfo=UTC)
    assert old_logs(tmp_path, before, pack=False) == (old,)
    assert old.exists()
    assert old_logs(tmp_path, before, pack=True) == (old,)

    assert sorted(path.name for path in old.parent.iterdir()) == [fresh.name, "notes"]
    packed = tmp_path / "log-archive/2025-10/job_1" / f"{old.name}.gz"
    assert gzip.decompress(packed.read_bytes()) == b"built\n"
    assert packed.stat().st_mtime == THEN.timestamp()
    assert old_logs(tmp_path, before, pack=True) == ()


def test_a_log_goes_when_the_packed_one_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Workspace(state_dir=tmp_path, job_id="job_1", attempt=1).log("maven")
    log.parent.mkdir(parents=True)
    log.write_text("built\n")
    packed = tmp_path / "log-archive/2025-10/job_1" / f"{log.name}.gz"
    os.utime(log, (THEN.timestamp(), THEN.timestamp()))
    synced: list[tuple[str, bool, bool]] = []

    def note(descriptor: int) -> None:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        synced.append((path, packed.exists(), log.exists()))

    monkeypatch.setattr(os, "fsync", note)
    old_logs(tmp_path, datetime(2025, 10, 8, tzinfo=UTC), pack=True)
    [content, *folders] = synced
    assert content[1:] == (False, True)
    way = [packed.parent, packed.parents[1], packed.parents[2], tmp_path]
    assert folders == [(str(folder), True, True) for folder in way]
    assert not log.exists()
