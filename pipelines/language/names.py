"""Rules for the names that people give in `pipelines.yaml`, and what they become elsewhere."""

from __future__ import annotations

import re

MAX_NAME = 60
NAME_RULE = (
    f"a name has small letters, digits and single . _ - between them, at most {MAX_NAME} in all"
)
WORD_RULE = "a name has letters, digits, _ and -, and begins with a letter"

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
    """The part of an environment variable's name that stands for `name`."""
    return re.sub(r"[^A-Z0-9_]", "_", name.upper())
