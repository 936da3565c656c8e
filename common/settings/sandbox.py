"""What a builder's owner says about the sandbox of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from common.yaml.size import format_size, parse_size

LEAST_MEMORY = 32 * 1024**2
"""Bytes: with less, the programs around a command could not start it."""
LEAST_CPUS = 0.01
MOST_CPUS = 4096

N = TypeVar("N", int, float)


class SandboxKind(StrEnum):
    """How the commands of steps are separated from their builder."""

    BWRAP = "bwrap"
    NONE = "none"


class Access(StrEnum):
    """What steps may do with a path outside their job."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLimits:
    """What each command of a step may use, with all that it starts; None: as much as there is."""

    memory: int | None = None
    """Bytes."""
    cpus: float | None = None
    """Processor seconds per second."""

    def within(self, most: StepLimits) -> StepLimits:
        """These limits, and nothing above `most`."""
        return StepLimits(
            memory=_least(self.memory, most.memory), cpus=_least(self.cpus, most.cpus)
        )


NO_LIMITS = StepLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """For all steps of a builder. All paths are absolute."""

    kind: SandboxKind | None = None
    """None: bwrap where it works, otherwise none."""
    paths: Mapping[Path, Access] = field(default_factory=dict)
    """Files and folders of this host that steps may use, besides those of the system."""
    hidden: tuple[Path, ...] = ()
    """Files and folders of the builder itself, which no step may see whatever `paths` says."""
    limits: StepLimits = NO_LIMITS
    """What no step may exceed, whatever its pipeline says."""


def parse_memory(value: Any) -> int:
    """Bytes of a limit of memory such as `8G`. Raises ValueError."""
    size = parse_size(value)
    if size < LEAST_MEMORY:
        raise ValueError(f"expected at least {format_size(LEAST_MEMORY)}")
    return size


def parse_cpus(value: Any) -> float:
    """A limit of processors such as 2 or 0.5. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("expected a number such as 2 or 0.5")  # noqa: TRY004 - as all parsers
    if not LEAST_CPUS <= value <= MOST_CPUS:
        raise ValueError(f"expected a number from {LEAST_CPUS} to {MOST_CPUS}")
    return float(value)


def _least(one: N | None, other: N | None) -> N | None:
    return min((each for each in (one, other) if each is not None), default=None)
