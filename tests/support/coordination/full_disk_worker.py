"""A process of test_full_disk_of_outbox: records while its disk is full, and when space is back."""

from __future__ import annotations

import json
import resource
import sys
from contextlib import suppress
from pathlib import Path

from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.errors import CoordinationError
from coordination_tasks.domain.model import Attempt, BuilderProfile, Transition
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.store import Store
from tests.support.coordination.world import began, claim, ended

STEPS = 8
WHILE_FULL = range(2, 6)
LIMIT = 40_000


class Disk:
    """Is full between `fill` and `free`: the file system, or how long a file may be."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._filler = folder / "filler" if kind == "small" else None

    def fill(self) -> None:
        if self._filler is None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
            return
        with suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def free(self) -> None:
        if self._filler is None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        else:
            self._filler.unlink(missing_ok=True)


def submit(outbox: Outbox, attempt: Attempt, made: Transition) -> str:
    """What hindered it; "": it is promised."""
    try:
        outbox.submit_transitions(attempt, [made])
    except CoordinationError as error:
        return str(error)
    return ""


def main(kind: str, folder: str, url: str) -> None:
    state = Path(folder)
    told: list[str] = []
    promised: list[str] = []
    disk = Disk(kind, state)
    with (
        GitRepository(url, state / "clone", author="build1") as repository,
        Outbox(state / "outbox.sqlite") as outbox,
    ):
        store = Store(repository, BuilderProfile(id="build1"))
        attempt = claim(store)
        for number in range(STEPS):
            disk.fill() if number in WHILE_FULL else disk.free()
            for made in (began(attempt, f"step{number}"), ended(attempt, f"step{number}")):
                while hindrance := submit(outbox, attempt, made):
                    # whoever builds ends the step here, and a rerun does it again
                    told.append(hindrance)
                    disk.free()
                promised.append(made.id)
            try:
                outbox.flush(store)
            except CoordinationError as error:
                told.append(str(error))
        outbox.flush(store)
        left = len(outbox.pending()) + len(outbox.refused())
    sys.stdout.write(json.dumps({"told": told, "promised": promised, "left": left}))


if __name__ == "__main__":
    main(*sys.argv[1:])
