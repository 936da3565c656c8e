"""Latencies in seconds, summed up."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and the slowest, in milliseconds."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return {
        "p50_ms": round(statistics.median(ordered) * 1000, 1),
        "p95_ms": round(ordered[min(last, round(0.95 * last))] * 1000, 1),
        "slowest_ms": round(ordered[-1] * 1000, 1),
    }
