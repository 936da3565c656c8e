"""The figures of the coordination benchmarks as lines, and against their limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_PUSHES = 1.6
"""A transaction without contention, in bare pushes."""
ALL_HOLD_WITHIN_S = 10.0
AT_ONCE = 32
MOST_MEDIANS = 5.0
"""The slowest of concurrent claims, in medians."""
MOST_COMMITS = 5
"""Commits on main for a job of six steps, without the one that enqueues it."""
MOST_GROWTH = 1.5
"""A transaction in a grown repository, in transactions of an empty one."""

Figures = Any


def lines(part: str, result: Mapping[str, Any]) -> Iterator[str]:
    """A title with date and load, then one line for each measurement."""
    load = f"load {result['load_before']} before, {result['load_after']} after"
    yield f"\n{part}: {result['date']}, {result['machine']}, {load}"
    yield from _TABLES[part](result["figures"])


def misses(part: str, figures: Figures) -> Iterator[str]:
    """The missed limits."""
    if part == "latency":
        for row in figures:
            yield from _over(row["transport"], row["ratio_p50"], MOST_PUSHES, "bare pushes")
    elif part == "contention":
        yield from _contention_misses(figures)
    elif part == "job_commits":
        yield from _over("a job", figures["commits"] - 1, MOST_COMMITS, "commits")
    elif part == "growth":
        for kind in ("record", "enqueue"):
            yield from _over(kind, figures[f"ratio_{kind}"], MOST_GROWTH, "times as when empty")


def _contention_misses(figures: Figures) -> Iterator[str]:
    for row in (*figures["until_empty"], *figures["one_each"]):
        yield from _over(f"{row['processes']} processes", row["double_claims"], 0, "double claims")
    for row in figures["one_each"]:
        if row["processes"] == AT_ONCE:
            name = f"{AT_ONCE} at once"
            yield from _over(name, row["all_after_s"], ALL_HOLD_WITHIN_S, "s until all hold a job")
            slowest = round(row["slowest_ms"] / row["p50_ms"], 2)
            yield from _over(f"{name}: the slowest", slowest, MOST_MEDIANS, "medians")


def _over(what: str, value: float, most: float, unit: str) -> Iterator[str]:
    if value > most:
        yield f"{what}: {value} {unit}, the limit is {most}"


def _latency_table(rows: Figures) -> Iterator[str]:
    yield f"{'':22} {'push p50':>9} {'p95':>8} {'transaction p50':>16} {'p95':>8} {'ratio':>6}"
    for row in rows:
        push, own = row["push"], row["transaction"]
        yield (
            f"{row['transport']:22} {push['p50_ms']:9} {push['p95_ms']:8}"
            f" {own['p50_ms']:16} {own['p95_ms']:8} {row['ratio_p50']:6}"
        )


def _contention_table(figures: Figures) -> Iterator[str]:
    for title, rows in figures.items():
        yield (
            f"{title:14} {'claims':>6} {'double':>6} {'all s':>7} {'claims/s':>8} {'p50 ms':>8}"
            f" {'p95':>8} {'slowest':>8} {'commits':>7}  most/fewest"
        )
        for row in rows:
            yield (
                f"{row['processes']:14} {row['claims']:6} {row['double_claims']:6}"
                f" {row['all_after_s']:7} {row['claims_per_s']:8} {row['p50_ms']:8}"
                f" {row['p95_ms']:8} {row['slowest_ms']:8} {row['commits']:7}"
                f"  {'/'.join(map(str, row['most_and_fewest_of_a_builder']))}"
            )


def _members(figures: Figures) -> Iterator[str]:
    for name, value in figures.items():
        yield f"  {name}: {value}"


_TABLES = {
    "latency": _latency_table,
    "contention": _contention_table,
    "open_loop": _members,
    "job_commits": _members,
    "growth": _members,
}
