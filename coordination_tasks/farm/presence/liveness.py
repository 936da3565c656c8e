"""Who has stood still for how long, by the clock of the one who looks. Pure.

No two clocks are compared: builders' clocks are off by minutes. A builder lives as long as its
sign (an opaque text) changes; how long it has not changed is measured here, from look to look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common.records import boolean, key, number, text


@dataclass(frozen=True, slots=True)
class Observation:
    """A sign, and since when (seconds of the looker's monotonic clock) it is the same."""

    sign: str = key(text)
    since: float = key(number())
    moved: bool = key(boolean, False)
    """Whether it was ever seen to change: only then somebody was alive at `since`."""


class Liveness:
    """What one observer saw. `longest_gap` (seconds) is for how long it may not have looked.

    Who did not look (its own machine slept, the remote was away) can't tell who lived meanwhile:
    after a longer gap all that is seen counts from anew, as after a restart.
    """

    def __init__(
        self,
        longest_gap: float,
        observations: Mapping[str, Observation] | None = None,
        looked_at: float | None = None,
    ) -> None:
        self._longest_gap = longest_gap
        self._observations = dict(observations or {})
        self._looked_at = looked_at

    def see(self, signs: Mapping[str, str], now: float) -> None:
        """Take in a look: the sign of each that is to be watched; others are forgotten."""
        if self._looked_at is None or now - self._looked_at > self._longest_gap:
            self._observations = {}
        self._observations = {
            name: self._observation(name, sign, now) for name, sign in signs.items()
        }
        self._looked_at = now

    def still_for(self, name: str, now: float) -> float:
        """Seconds since the sign changed, or was seen first; 0 for who was never seen."""
        observation = self._observations.get(name)
        return 0.0 if observation is None else now - observation.since

    @property
    def observations(self) -> Mapping[str, Observation]:
        """All that is watched."""
        return self._observations

    def _observation(self, name: str, sign: str, now: float) -> Observation:
        before = self._observations.get(name)
        if before is None:
            return Observation(sign, now)
        return before if before.sign == sign else Observation(sign, now, moved=True)
