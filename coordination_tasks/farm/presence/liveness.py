"""How long each builder's sign has been unchanged, by the observer's clock. Pure.

No two clocks are compared: builders' clocks can be off by minutes. A builder is alive while its
sign (an opaque text) changes; how long it has not changed is measured here, between observations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common.records import boolean, key, number, text


@dataclass(frozen=True, slots=True)
class Observation:
    """A sign, and since when (seconds of the observer's monotonic clock) it is unchanged."""

    sign: str = key(text)
    since: float = key(number())
    moved: bool = key(boolean, False)
    """Whether it was ever seen to change: only then the builder was alive at `since`."""


class Liveness:
    """What one observer saw. `longest_gap` (seconds) is the longest time between observations.

    An observer that missed a period (its machine slept, the remote was unreachable) does not know
    who was alive in it: after a longer gap everything starts anew, as after a restart.
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
        """Add an observation: the signs of all watched builders; others are forgotten."""
        if self._looked_at is None or now - self._looked_at > self._longest_gap:
            self._observations = {}
        self._observations = {
            name: self._observation(name, sign, now) for name, sign in signs.items()
        }
        self._looked_at = now

    def still_for(self, name: str, now: float) -> float:
        """Seconds since the sign changed, or was first seen; 0 if it was never seen."""
        observation = self._observations.get(name)
        return 0.0 if observation is None else now - observation.since

    @property
    def observations(self) -> Mapping[str, Observation]:
        """Everything that is watched."""
        return self._observations

    def _observation(self, name: str, sign: str, now: float) -> Observation:
        before = self._observations.get(name)
        if before is None:
            return Observation(sign, now)
        return before if before.sign == sign else Observation(sign, now, moved=True)
