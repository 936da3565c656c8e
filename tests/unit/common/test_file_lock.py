"""Locks between processes, with real processes that are killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from common.file_lock import file_lock, file_lock_if_free
from tests.conftest import HOME

HOLDER = """
import sys, time
from pathlib import Path
from common.file_lock import file_lock
with file_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], cwd=HOME, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with file_lock_if_free(path) as is_ours:
            assert not is_ours
        holder.kill()
    with file_lock(path), file_lock_if_free(path) as is_ours_twice:
        assert not is_ours_twice
    with file_lock_if_free(path) as is_ours:
        assert is_ours


def test_a_command_that_the_holder_started_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with file_lock(path):
        child = subprocess.Popen(["sleep", "60"])
    try:
        with file_lock_if_free(path) as is_ours:
            assert is_ours
    finally:
        child.kill()
        child.wait()
