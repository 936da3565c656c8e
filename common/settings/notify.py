"""Whom to tell about the jobs of a pipeline: `notify:` of `pipelines.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class When(StrEnum):
    """The ends of jobs that count."""

    FAILURE = "failure"
    """The first failure of a branch."""
    RECOVERY = "recovery"
    """The first success after it."""
    ALWAYS = "always"
    """Each end of a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Channels of `farm.yaml`, and what they are told."""

    to: tuple[str, ...]
    when: tuple[When, ...] = (When.FAILURE, When.RECOVERY)
