"""How often a builder sends heartbeats, and where: the key `heartbeat` of `builder.yaml`.

`HEARTBEAT_BRANCH` and `HEARTBEAT_PUSH_EVERY` have the same meaning as in existing programs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.records import integer, key, text
from common.yaml.duration import parse_duration
from coordination_tasks.domain.errors import BadConfiguration
from coordination_tasks.repository.git.remote import is_branch
from coordination_tasks.repository.heartbeats import own_place

BRANCH_VARIABLE = "HEARTBEAT_BRANCH"
PUSH_EVERY_VARIABLE = "HEARTBEAT_PUSH_EVERY"
AUTO, NEVER = "auto", "never"
BESIDE_OLD_PROGRAMS = 240.0
"""Seconds: the monitors among them read main, and raise an alert after 300 s."""
_OWN = frozenset({"1", "auto"})
_BRANCH_RULE = "use letters, digits and single . _ - / between them"


def _branch(value: Any) -> str:
    name = text(value)
    if not is_branch(name):
        raise ValueError(f"invalid branch {name[:100]!r}: {_BRANCH_RULE}")
    return name


def _main_every(value: Any) -> float | None:
    if value in (AUTO, NEVER):
        return None if value == AUTO else math.inf
    return parse_duration(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatFile:
    """`heartbeat` in `builder.yaml`; `docs/configuration.md` describes each key."""

    branch: str = key(_branch, "auto")
    push_every: int = key(integer(least=1), 1)
    building: float = key(parse_duration, 30.0)
    waiting: float = key(parse_duration, 60.0)
    idle: float = key(parse_duration, 240.0)  # existing programs raise an alert after 300 s
    main_every: float | None = key(_main_every, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatConfig:
    """Branch of the heartbeats, and the seconds between two pushes."""

    place: str
    building: float
    waiting: float
    idle: float
    main_every: float | None
    """Seconds between two heartbeats on main, too; None: BESIDE_OLD_PROGRAMS if there are any."""


def heartbeat_config(
    file: HeartbeatFile, environment: Mapping[str, str], builder: str
) -> HeartbeatConfig:
    """The settings of `builder`, environment over file. Raises BadConfiguration."""
    branch = environment.get(BRANCH_VARIABLE) or file.branch
    if not is_branch(branch):
        raise BadConfiguration(
            f"{BRANCH_VARIABLE}: invalid branch {branch[:100]!r}: {_BRANCH_RULE}"
        )
    every = _push_every(environment.get(PUSH_EVERY_VARIABLE)) or file.push_every
    return HeartbeatConfig(
        place=own_place(builder) if branch in _OWN else branch,
        building=file.building * every,
        waiting=file.waiting * every,
        idle=file.idle * every,
        main_every=file.main_every,
    )


def check_lease(lease: float, heartbeat: HeartbeatConfig, pushes_per_minute: float) -> None:
    """Raise BadConfiguration if other builders would consider this one dead while it is alive."""
    rarest = max(heartbeat.building, 60 / pushes_per_minute)
    if rarest > lease / 2:
        raise BadConfiguration(
            f"a heartbeat every {rarest:g} s is too rare for a lease of {lease:g} s, which needs "
            "at least two. Increase lease or pushes_per_minute, or decrease heartbeat.building or "
            f"{PUSH_EVERY_VARIABLE}."
        )


def _push_every(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise BadConfiguration(
            f"{PUSH_EVERY_VARIABLE}: expected an integer of 1 or more, found {text[:40]!r}"
        )
    return int(text)
