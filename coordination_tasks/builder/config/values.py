"""Values of `builder.yaml` that have rules of their own. Pure."""

from __future__ import annotations

import re
from pathlib import Path

from common.yaml.size import format_size, parse_size

_LEAST_LOG_LIMIT = 1024**2
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def variable(name: str) -> str:
    """The name of an environment variable. Raises ValueError."""
    if _VARIABLE.fullmatch(name) is None:
        raise ValueError(f"invalid variable name {name[:60]!r}: use letters, digits and _")
    return name


def checked_log_limit(raw: object) -> int:
    """Bytes that a step's log may have. Raises ValueError."""
    size = parse_size(raw)
    if size < _LEAST_LOG_LIMIT:
        raise ValueError(f"expected at least {format_size(_LEAST_LOG_LIMIT)}")
    return size


def host_path(path: str) -> str:
    """A path of the host below /. Raises ValueError."""
    if not path.startswith(("/", "~/")) or Path(path) == Path("/"):
        raise ValueError(f"expected a full path, or one from ~/ on, found {path[:100]!r}")
    return path
