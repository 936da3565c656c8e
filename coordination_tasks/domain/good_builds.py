"""Good builds: successes with artifacts, marked in the history as the old programs do.

The name of a mark has branch and time; its text has everything, since a branch may contain `-`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import format_time, parse_time

PREFIX = "build-success-"
_UNUSABLE = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|\.$")
"""What git allows in no name of a ref."""
_LONGEST = 200
_TIME = re.compile(r"-(\d{8})[T-]?(\d{6})Z?$")


class Named(Protocol):
    """A mark of the repository."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def text(self) -> str:
        """Its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodBuild:
    """A success of a job on a branch."""

    tag: str
    job: str
    attempt: int
    branch: str
    builder: str
    commit: str
    """Of the source; "" if it is unknown."""
    pipeline: str
    at: datetime


def tag_name(branch: str, at: datetime) -> str | None:
    """`build-success-<branch>-<time>`; None for a branch that no tag can be named after."""
    name = f"{PREFIX}{branch}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    usable = branch and len(name) <= _LONGEST and not _UNUSABLE.search(name)
    return name if usable and branch.isprintable() else None


def tag_text(job: Job, builder: str, at: datetime) -> str:
    """What the mark says."""
    facts = {
        "job": job.id,
        "branch": job.branch or "",
        "attempt": str(job.attempt),
        "builder": builder,
        "commit": job.commit or "",
        "pipeline": job.pipeline or "",
        "time": format_time(at),
    }
    lines = "".join(f"{key}: {' '.join(value.split())}\n" for key, value in facts.items())
    return f"job {job.id} succeeded\n\n{lines}".rstrip("\n")


def good_builds(marks: Iterable[Named]) -> list[GoodBuild]:
    """The good builds that marks name, the newest first.

    Old programs wrote tags without our lines: then the branch comes from the name.
    """
    found = [build for mark in marks if (build := _read(mark.name, mark.text))]
    return sorted(found, key=lambda build: (build.at, build.tag), reverse=True)


def surplus(builds: Sequence[GoodBuild], keep: int) -> list[GoodBuild]:
    """All but the `keep` newest of each branch; `builds` are sorted, the newest first."""
    seen: dict[str, int] = {}
    found = []
    for build in builds:
        seen[build.branch] = seen.get(build.branch, 0) + 1
        if seen[build.branch] > keep:
            found.append(build)
    return found


def _read(name: str, text: str) -> GoodBuild | None:
    facts = _facts(text)
    named = _TIME.search(name)
    at = parse_time(facts.get("time") or _as_iso(named))
    branch = facts.get("branch") or (name[len(PREFIX) : named.start()] if named else "")
    if at is None or not branch or not name.startswith(PREFIX):
        return None
    attempt = facts.get("attempt", "")
    return GoodBuild(
        tag=name,
        job=facts.get("job", ""),
        attempt=int(attempt) if attempt.isdecimal() else 0,
        branch=branch,
        builder=facts.get("builder", ""),
        commit=facts.get("commit", ""),
        pipeline=facts.get("pipeline", ""),
        at=at,
    )


def _facts(text: str) -> Mapping[str, str]:
    pairs = (line.partition(": ") for line in text.splitlines())
    return {key: value for key, sign, value in pairs if sign}


def _as_iso(found: re.Match[str] | None) -> str:
    """The time in a name as documents have it."""
    if found is None:
        return ""
    day, time = found.groups()
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}Z"
