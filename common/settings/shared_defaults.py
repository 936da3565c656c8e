"""`shared/build_config.json` of the coordination repository: defaults below those of a pipeline.

Whoever may push there can write it. So only values are used that can carry no code, each by its
pattern; everything else is shown, and not used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SHARED_CONFIG = "shared/build_config.json"
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BRANCH = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/+-]{0,198}[A-Za-z0-9])?")
_JDK = re.compile(r"[1-9]\d?(?:\.\d{1,2})?")
_MEMORY = re.compile(r"-Xm[sx][1-9]\d{0,5}[kKmMgG]")
_THREADS = re.compile(r"[1-9]\d?C?")
_MOST_PROFILES = 20
_SHOWN = 100
_MOST_BYTES = 1_000_000
_NO_CODE = "only values that can carry no code are used"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedDefaults:
    """What is used of the file, and what is not."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of `maven` steps."""
    branch: str = ""
    """The branch of jobs that name none; "": not given."""
    unused: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By key: the value, shortened, and why it is not used."""


def read_shared_defaults(data: bytes | None) -> SharedDefaults:
    """The content of the file; a file that cannot be read gives no defaults, and says so."""
    if data is None:
        return SharedDefaults()
    try:
        found = json.loads(data) if len(data) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return SharedDefaults(unused={"": ("", "the file is not a JSON object")})
    options: dict[str, Any] = {}
    unused: dict[str, tuple[str, str]] = {}
    branch = ""
    for key, value in _flat(found):
        name, parse = _KNOWN.get(key, ("", None))
        if parse is None:
            unused[key] = (_shown(value), _NO_CODE)
            continue
        parsed, left = parse(value)
        if left not in (None, [], ""):
            unused[key] = (_shown(left), _NO_CODE)
        if parsed is not None and name == "branch":
            branch = parsed
        elif parsed is not None:
            options[name] = parsed
    return SharedDefaults(options=options, branch=branch, unused=unused)


def _flat(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of the sections as `section.key`."""
    for section, values in found.items():
        if isinstance(values, dict):
            yield from ((f"{section}.{key}", value) for key, value in values.items())
        else:
            yield section, values


def _profiles(value: Any) -> tuple[Any, Any]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or len(names) > _MOST_PROFILES:
        return None, value
    good = [name for name in names if isinstance(name, str) and _PROFILE.fullmatch(name)]
    return good or None, [name for name in names if name not in good]


def _memory(value: Any) -> tuple[Any, Any]:
    words = value.split() if isinstance(value, str) else []
    good = [word for word in words if _MEMORY.fullmatch(word)]
    left = " ".join(word for word in words if word not in good) if words else value
    return " ".join(good) or None, left


def _boolean(value: Any) -> tuple[Any, Any]:
    return (value, None) if isinstance(value, bool) else (None, value)


def _text(pattern: re.Pattern[str]) -> Callable[[Any], tuple[Any, Any]]:
    def parse(value: Any) -> tuple[Any, Any]:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        text = str(value) if isinstance(value, str) or is_number else ""
        is_good = pattern.fullmatch(text) and ".." not in text and "//" not in text
        return (text, None) if is_good else (None, value)

    return parse


_KNOWN: Mapping[str, tuple[str, Callable[[Any], tuple[Any, Any]]]] = {
    "build.profiles": ("profiles", _profiles),
    "build.skip_tests": ("skip_tests", _boolean),
    "build.maven_opts": ("maven_opts", _memory),
    "build.parallel_builds": ("threads", _text(_THREADS)),
    "java.version": ("jdk", _text(_JDK)),
    "cloudstack.branch": ("branch", _text(_BRANCH)),
}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
