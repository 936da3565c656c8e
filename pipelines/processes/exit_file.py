"""The exit code of a command in a file that a wrapper writes, even if `doit build` is killed.

A step whose script succeeded after its `doit build` was killed need not run again. A script that
was asked to stop may exit with 0 without having finished its work: it leaves no code.
"""

from __future__ import annotations

from pathlib import Path

# A shell runs its trap only when its child has ended. It is older than its child, so a caller that
# ends both signals the shell first (see `process_tree`).
_WRAPPER = 'trap "exit 143" TERM; "$@"; code=$?; trap "" TERM; echo $code > "$0"; exit $code'


def recording(argv: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """`argv`, wrapped to write its exit code to `path`, unless all of it got a SIGTERM."""
    return ("sh", "-c", _WRAPPER, str(path), *argv)


def recorded_code(path: Path) -> int | None:
    """The code in the file; None when the command has not ended, or was asked to stop."""
    try:
        text = path.read_text()
        return int(text) if text.endswith("\n") else None
    except (FileNotFoundError, ValueError):
        return None
