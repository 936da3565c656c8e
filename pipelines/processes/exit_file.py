"""The exit code of a command, written by the command's own side: it outlives a killed `doit build`.

A step whose script ended well after its `doit build` was killed need not be done again. One that
was told to end may have obeyed with exit code 0, which tells nothing of its work: it leaves none.
"""

from __future__ import annotations

from pathlib import Path

# A shell heeds its trap only when its child has ended. It is older than its child, so who ends both
# asks it first (see `process_tree`).
_WRAPPER = 'trap "exit 143" TERM; "$@"; code=$?; trap "" TERM; echo $code > "$0"; exit $code'


def recording(argv: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """`argv`, with its exit code in the file `path` when it has ended without a SIGTERM to all."""
    return ("sh", "-c", _WRAPPER, str(path), *argv)


def recorded_code(path: Path) -> int | None:
    """The code in the file; None when the command has not ended, or was told to end."""
    try:
        text = path.read_text()
        return int(text) if text.endswith("\n") else None
    except (FileNotFoundError, ValueError):
        return None
