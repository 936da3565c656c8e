"""A thread that keeps a claim alive while its job is built, and ends the work when it is lost.

The build never waits for the network: a push that fails leaves its records in the outbox and is
tried again at the next turn, for hours if need be. Meanwhile the others may give the job to another
builder; fencing makes what this one writes later harmless, and it stops when it learns of that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from coordination_tasks.domain.errors import ClaimLost


class LeaseKeeper:
    """A thread that calls `turn` every `every` seconds until it is stopped."""

    def __init__(
        self,
        turn: Callable[[], None],
        *,
        every: float,
        on_lost: Callable[[ClaimLost], None],
        on_trouble: Callable[[Exception], None],
    ) -> None:
        self._turn = turn
        self._every = every
        self._on_lost = on_lost
        self._on_trouble = on_trouble
        self._stop = threading.Event()
        self._told: type[Exception] | None = None
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)

    def start(self) -> None:
        """Start the turns."""
        self._thread.start()

    def stop(self) -> None:
        """No more turns; returns when one that is under way has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self._turn()
                self._told = None
            except ClaimLost as error:
                self._on_lost(error)
                return
            except Exception as error:
                # A keeper that ended would lose the claim, and nobody would know why.
                # Told once for each time that the trouble begins, not at every turn.
                if self._told is not type(error):
                    self._on_trouble(error)
                self._told = type(error)
