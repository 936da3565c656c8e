"""Options of Maven's own Java for a run that will be short. Pure."""

from __future__ import annotations

import re

_FEW = 4
"""Up to so many modules it pays; from about 40 s on Java's defaults are as fast (docs/maven.md)."""
_FAST_COMPILER_ONLY = "-XX:TieredStopAtLevel=1"
_SMALL_COLLECTOR = "-XX:+UseSerialGC"
_COMPILERS = re.compile(r"-XX:[+-]?Tiered|-XX:CompilationMode|-Xint\b|-Xcomp\b")
_COLLECTOR = re.compile(r"-XX:\+Use\w+GC\b")
OPTION_VARIABLES = ("MAVEN_OPTS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")
"""Where a user can give Java options, beside the source's .mvn/jvm.config."""


def is_short_run(planned: int, known: int) -> bool:
    """Whether few of the `planned` modules are built, when `known` ones may be left out."""
    return known > 0 and planned - known <= _FEW


def short_run_options(given: str) -> tuple[str, ...]:
    """Options that make Java start faster.

    `given` is all that the user says to Java, and stays: Java refuses two collectors, and takes
    the last word else.
    """
    chosen = ((_COMPILERS, _FAST_COMPILER_ONLY), (_COLLECTOR, _SMALL_COLLECTOR))
    return tuple(option for said, option in chosen if not said.search(given))
