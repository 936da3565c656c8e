"""What changes the machine runs on one worker, file by file; with the real pytest and xdist."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.conftest import HOME
from tests.support.doit.distribution import HOST

FILE = """
import os
from pathlib import Path
import pytest
{mark}
@pytest.mark.parametrize("number", range(6))
def test_it(number):
    with Path("ran").open("a") as ran:
        ran.write(f"{{os.environ['PYTEST_XDIST_WORKER']}} {{Path(__file__).name}}\\n")
"""
HOOKS = "pytest_addoption, pytest_collection_modifyitems, pytest_xdist_make_scheduler"


def test_a_file_stays_whole_and_those_of_the_host_together_and_first(tmp_path: Path) -> None:
    marks = {name: f"pytestmark = pytest.mark.{HOST}" if name in "bd" else "" for name in "abcde"}
    for name, mark in marks.items():
        (tmp_path / f"test_{name}.py").write_text(FILE.format(mark=mark))
    (tmp_path / "conftest.py").write_text(f"from tests.conftest import {HOOKS}\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = host: of this machine\n")
    own = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "--numprocesses=2", "--import-mode=importlib"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**own, "PYTHONPATH": str(HOME)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    files: dict[str, list[str]] = defaultdict(list)
    for line in (tmp_path / "ran").read_text().splitlines():
        worker, _, file = line.partition(" ")
        files[worker].append(file)
    assert len(files) == 2
    whole = {worker: list(dict.fromkeys(ran)) for worker, ran in files.items()}
    assert all(ran == [f for f in whole[w] for _ in range(6)] for w, ran in files.items())
    [of_the_host] = [ran for ran in whole.values() if "test_b.py" in ran]
    assert of_the_host[:2] == ["test_b.py", "test_d.py"]
