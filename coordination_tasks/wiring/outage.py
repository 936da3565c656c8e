"""What is shown while the remote cannot be reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from coordination_tasks.domain.timestamps import format_time, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The remote cannot be reached: what is shown is what this host read last."""

    as_of: datetime | None
    """When the remote last answered a fetch of this host; None: never noted."""
    since: datetime
    """Since when it cannot be reached, as far as this host tried."""
    cause: str

    def __str__(self) -> str:
        return (
            f"as of {_clock_time(self.as_of)}, remote unreachable since {_clock_time(self.since)}"
        )


def _clock_time(moment: datetime | None) -> str:
    """The time, with its day unless that is today; UTC like all times of the farm."""
    if moment is None:
        return "an unknown time"
    whole = format_time(moment)
    today = format_time(utc_now()).partition("T")[0]
    return whole.partition("T")[2].removesuffix("Z") if whole.startswith(today) else whole
