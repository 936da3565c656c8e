"""The exit code of a command, written by the command's own side: it outlives a killed `doit build`.

A step whose script ended well after its `doit build` was killed need not be done again.
"""

from __future__ import annotations

from pathlib import Path

# A shell with a trap waits for its child before it heeds SIGTERM, so the code of a child that has
# ended is written even when a sweep comes at that moment.
_WRAPPER = 'trap : TERM; "$@"; code=$?; echo $code > "$0"; exit $code'


def recording(argv: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """`argv`, with its exit code in the file `path` when it has ended."""
    return ("sh", "-c", _WRAPPER, str(path), *argv)


def recorded_code(path: Path) -> int | None:
    """The code in the file; None when the command has not ended, or was ended with its shell."""
    try:
        text = path.read_text()
        return int(text) if text.endswith("\n") else None
    except (FileNotFoundError, ValueError):
        return None
