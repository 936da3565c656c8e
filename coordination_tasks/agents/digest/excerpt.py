"""The lines of a failed step's output that show the cause."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NAMES_FAILURE = re.compile(
    r"error|fatal|fail|exception|caused by|cannot|could not|denied|refused|not found|no such"
    r"|timed out|undefined|unresolved|killed|no space|panic|assert|expected|unmet",
    re.IGNORECASE,
)
_FOLLOWS_UP = re.compile(
    r"re-run Maven|\[Help \d\]|to see the full stack trace|for more information about the errors"
    r"|after correcting the problems|^\s*at [\w.$/<>]+\(|^\[(?:INFO|ERROR)\]\s*$",
    re.IGNORECASE,
)
"""Advice and stack frames, which take room and name no cause."""
_CAUSE, _FAILURE, _AFTER, _NOTHING = 8, 4, 2, -4
_SHORTEST_HINT = 4
WIDEST = 200
"""Characters of one line."""


def chosen_lines(excerpt: str, hints: Sequence[str], most: int) -> tuple[str, ...]:
    """At most `most` lines in their order; `hints` are the places and words that name the cause."""
    lines = [line.rstrip() for line in excerpt.splitlines() if line.strip()]
    scores = _scores(lines, [hint for hint in hints if len(hint) >= _SHORTEST_HINT])
    best = sorted(range(len(lines)), key=lambda at: (-scores[at], at))[: max(0, most)]
    return tuple(cut(lines[at], WIDEST) for at in sorted(best))


def cut(text: str, most: int) -> str:
    """`text`, or its start with an ellipsis when it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: max(0, most - 1)]}…"


def _scores(lines: Sequence[str], hints: Sequence[str]) -> list[int]:
    """How much each line shows; what follows a line of the cause explains it, so it counts."""
    scores: list[int] = []
    seen: set[str] = set()
    for number, line in enumerate(lines):
        score = _CAUSE if any(hint in line for hint in hints) else 0
        score += _FAILURE if _NAMES_FAILURE.search(line) else 0
        score += _AFTER if number and scores[-1] >= _CAUSE else 0
        repeated = line.strip() in seen
        scores.append(_NOTHING if repeated or _FOLLOWS_UP.search(line) else score)
        seen.add(line.strip())
    return scores
