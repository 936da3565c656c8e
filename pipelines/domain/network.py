"""What the commands of a step can reach."""

from __future__ import annotations

from enum import StrEnum


class Network(StrEnum):
    """The network of a step's commands."""

    HOST = "host"
    NONE = "none"
