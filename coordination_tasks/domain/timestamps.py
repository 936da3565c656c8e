"""The wall clock, read only here, and the forms of time in the coordination repository."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


_LAST_EPOCH_SECOND = 32503680000  # year 3000: larger numbers count milliseconds


def format_time(moment: datetime) -> str:
    """UTC, ISO 8601, whole seconds: `2025-10-29T12:00:00Z`."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def parse_time(value: object) -> datetime | None:
    """Parse any form of time seen in real files; UTC unless it has a zone. None if invalid."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if value > _LAST_EPOCH_SECOND else value
            return datetime.fromtimestamp(seconds, UTC)
        if not isinstance(value, str):
            return None
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def elapsed_since(moment: datetime, now: datetime) -> str:
    """As `elapsed`; `moment` is by the clock of another machine, which may be ahead of ours."""
    return elapsed(max(0.0, (now - moment).total_seconds()))


def elapsed(seconds: float) -> str:
    """`4.1 s`, `2 min 05 s`, `1 h 02 min`."""
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
