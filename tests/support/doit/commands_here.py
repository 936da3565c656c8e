"""The commands of a farm, run in this process: a process for each would take minutes in all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from doit.doit_cmd import DoitMain

from tests.conftest import HOME, Farm

QUEUE, LOCKS, MESSAGES = (f"coordination/{name}.json" for name in ("jobs", "locks", "messages"))
OWN, OTHER = "build1/status.json", "build2/status.json"
READING = (
    "jobs",
    "status",
    "status --job built",
    "status --job archived",
    "status --at 2999-01-01",
    "messages",
    "locks",
    "outbox",
    "explain",
    "explain built",
    "clean-workspaces",
    "housekeeping --dry-run",
    "doctor",
)
WRITING = (
    "messages --mark-read",
    "send --to all --subject s --body b",
    "locks --take config_update",
    "locks --free config_update",
    "locks --free-expired",
    "outbox --send",
    "enqueue --pipeline ledger --branch main",
    "housekeeping",
    "build",
    "rerun built",
)


class Commands:
    """A farm whose commands run in this process."""

    def __init__(self, farm: Farm, patch: pytest.MonkeyPatch) -> None:
        self.farm = farm
        patch.setenv("BUILDER_CONFIG", farm.environment["BUILDER_CONFIG"])
        patch.setenv("BUILDER_ID", "build1")
        patch.chdir(HOME)

    def run(self, command: str) -> int:
        """The exit code."""
        # what a process keeps from its start to its end
        sys.modules.pop("dodo", None)
        held = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return int(DoitMain(config_filenames=("pyproject.toml",)).run(command.split()) or 0)
        finally:
            for number, handler in held.items():
                signal.signal(number, handler)

    def text(self, path: str) -> str:
        """A file at the tip of the coordination repository, to its last newline."""
        show = ["git", "-C", str(self.farm.coordination), "show", f"main:{path}"]
        return subprocess.run(show, check=True, capture_output=True, text=True).stdout

    def paths(self) -> dict[str, str]:
        """Where each kind of document is."""
        [archive] = [p for p in self.farm.files() if "archive" in p and "/jobs/" in p]
        [log] = [p for p in self.farm.files() if p.endswith("/built/001.jsonl")]
        [manifest] = [p for p in self.farm.files() if p.endswith("built-1-manifest.json")]
        [plan] = [p for p in self.farm.files() if p.startswith("coordination/plans/")]
        return {
            "queue": QUEUE,
            "locks": LOCKS,
            "messages": MESSAGES,
            "own status": OWN,
            "another's status": OTHER,
            "heartbeat": "build1/heartbeat.json",
            "manifest": manifest,
            "transitions": log,
            "plan": plan,
            "archive": archive,
        }

    def fill(self) -> None:
        """Make a document of each kind."""
        farm = self.farm
        self.run("enqueue --pipeline ledger --branch main --id built")
        assert self.run("build") == 0
        entry = {"id": "archived", "pipeline": "ledger", "status": "completed"}
        queue = json.loads(farm.read(QUEUE))
        queue["jobs"].append(entry | {"completed_at": "2025-01-01"})
        farm.write(QUEUE, json.dumps(queue, indent=2))
        farm.write(OTHER, json.dumps({"server": "build2", "status": "idle"}, indent=2))
        for command in (
            "housekeeping",
            "send --to build1 --subject x --body y",
            "locks --take config_update",
        ):
            assert self.run(command) == 0


@contextmanager
def farm_of_commands(folder: Path) -> Iterator[Commands]:
    """A farm in this folder with an empty coordination repository."""
    farm = Farm(folder)
    farm.set_up()
    with pytest.MonkeyPatch.context() as patch:
        yield Commands(farm, patch)
    farm.end_all()
