"""Options of Maven's own Java for a run that will be short. Pure."""

from __future__ import annotations

import re

_FEW = 4
"""It helps up to this number of modules; from 40 s on Java's defaults are as fast
(docs/maven.md)."""
_FAST_COMPILER_ONLY = "-XX:TieredStopAtLevel=1"
_SMALL_COLLECTOR = "-XX:+UseSerialGC"
_COMPILERS = re.compile(r"-XX:[+-]?Tiered|-XX:CompilationMode|-Xint\b|-Xcomp\b")
_COLLECTOR = re.compile(r"-XX:\+Use\w+GC\b")
OPTION_VARIABLES = ("MAVEN_OPTS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")
"""Variables in which a user can give Java options, besides the source's .mvn/jvm.config."""


def is_short_run(planned: int, known: int) -> bool:
    """Whether few of the `planned` modules are built, if the `known` ones may be skipped."""
    return known > 0 and planned - known <= _FEW


def short_run_options(given: str) -> tuple[str, ...]:
    """Options that make Java start faster.

    `given` are all Java options of the user, which are kept: Java rejects two collectors, and
    otherwise uses the last option.
    """
    chosen = ((_COMPILERS, _FAST_COMPILER_ONLY), (_COLLECTOR, _SMALL_COLLECTOR))
    return tuple(option for said, option in chosen if not said.search(given))
