"""Rules for the names in `pipelines.yaml`, and their forms elsewhere."""

from __future__ import annotations

import re

MAX_NAME = 60
NAME_RULE = (
    f"use lower-case letters, digits and single . _ - between them, at most {MAX_NAME} characters"
)
WORD_RULE = "use letters, digits, _ and -, starting with a letter"
VARIABLE_RULE = "use letters, digits and _, starting with a letter or _"

_NAME = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_name(text: str) -> bool:
    """Whether `text` can name a pipeline or a step: it becomes a task, a folder and a log."""
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Whether `text` can name a parameter or a value of a matrix."""
    return _WORD.fullmatch(text) is not None


def is_variable(text: str) -> bool:
    """Whether `text` can name an environment variable, or a secret."""
    return _VARIABLE.fullmatch(text) is not None


def variable(name: str) -> str:
    """`name` as a part of an environment variable's name."""
    return re.sub(r"[^A-Z0-9_]", "_", name.upper())
