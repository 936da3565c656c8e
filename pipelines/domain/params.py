"""The parameters of a pipeline: values that a job may set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ParamType(StrEnum):
    """The type of a parameter's value."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A value that a job may set."""

    name: str
    type: ParamType = ParamType.STRING
    default: str | None = None
    """Its text when the job sets none; None: the job must set one."""
    choices: tuple[str, ...] = ()
    """The allowed values; any when empty."""
    description: str = ""
