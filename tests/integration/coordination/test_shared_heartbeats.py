"""Several processes of one builder read heartbeats at once: `doit watch`, and whoever looks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from coordination_tasks.repository.git.heartbeats import GitHeartbeats
from tests.conftest import HOME, PATIENCE

ROUNDS, PROCESSES = 4, 6
READS = """
import sys, time
from pathlib import Path
from coordination_tasks.repository.git.heartbeats import GitHeartbeats

url, folder, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for number in range(rounds):
    beats = GitHeartbeats(url, folder / str(number), builder="build1", branch="heartbeat-build1")
    signs = beats.signs()
    assert beats.read({place: "status.json" for place in signs}, signs) == {
        "heartbeat-build2": b"{}"
    }
"""


def test_all_of_them_read_though_each_may_make_the_clone(remote: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    beats = GitHeartbeats(str(remote), own, builder="build2", branch="heartbeat-build2")
    beats.beat({"status.json": b"{}"})
    arguments = [sys.executable, "-c", READS, str(remote), str(tmp_path / "read"), str(ROUNDS)]
    readers = [
        subprocess.Popen(
            arguments,
            cwd=HOME,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for reader in readers:
        assert reader.stdout
        assert reader.stdout.readline() == "ready\n"
    for reader in readers:
        assert reader.stdin
        reader.stdin.write("\n")
        reader.stdin.flush()
    ends = [(reader.communicate(timeout=PATIENCE)[1], reader.returncode) for reader in readers]
    assert ends == [("", 0)] * PROCESSES
    assert not list((tmp_path / "read").glob(".*")), "nothing is left beside the clones"
