"""Compilers and the tools that run them: gcc, clang, rustc, go, make, CMake, meson. Pure."""

from __future__ import annotations

from pipelines.domain.errors import FailureCode
from pipelines.failures.signature import Role, Signature

_MAKE = r"g?make(?:\[\d+\])?: "

NATIVE = (
    Signature(
        tool="make",
        line=_MAKE + r"\*\*\* .*(?:Error \d+|Waiting for unfinished)"
        r"|" + _MAKE + r"Target .* not remade|ninja: build stopped|FAILED: \S+\.o",
        role=Role.RELAY,
    ),
    Signature(
        tool="ld",
        line=r"collect2: error: |clang(?:\+\+)?(?:-\d+)?: error: linker command",
        role=Role.RELAY,
    ),
    Signature(
        tool="gcc",
        line=r"(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: (?:fatal )?error: (?P<what>.*)",
        after=r" {2,}|\s*\d* \|",
    ),
    Signature(tool="gcc", line=r"(?:cc|gcc|g\+\+|clang|c\+\+|cc1\w*)(?:-\d+)?: (?:fatal )?error: "),
    Signature(tool="gcc", line=r"compilation terminated\.$", role=Role.RELAY),
    Signature(
        tool="ld",
        line=r"(?:\S*/)?(?:ld(?:\.\w+)?|mold): (?!warning|.*: in function)"
        r"|\S+: undefined reference to"
        r"|\S*\(\.text\+\w+\): undefined reference to",
        before=1,
    ),
    Signature(
        tool="rustc",
        line=r"error(?:\[E\d+\])?: (?!could not compile|aborting due|process didn't|test failed)",
        after=r" +-->| +\||\d+ +\||  ",
    ),
    Signature(
        tool="rustc",
        line=r"error: (?:could not compile|aborting due|test failed)|For more information about",
        role=Role.RELAY,
    ),
    Signature(
        tool="rustc",
        line=r"thread '.*'(?: \(\d+\))? panicked at ",
        after=r"(?!stack backtrace|note: )\S",
    ),
    Signature(
        tool="go",
        line=r"go: .*(?:dial tcp|i/o timeout|no such host|connection refused|TLS handshake)",
        code=FailureCode.NETWORK,
        retry=True,
    ),
    Signature(tool="go", line=r"(?P<file>\S+\.go):(?P<line>\d+):\d+: (?P<what>.*)"),
    Signature(tool="go", line=r"    (?P<file>\S+_test\.go):(?P<line>\d+): (?P<what>.*)", before=1),
    Signature(
        tool="go",
        line=r"go: (?!downloading|finding|added|upgraded)|panic: ",
        after=r"\t|$|goroutine |main\.",
    ),
    Signature(
        tool="cmake",
        line=r"CMake Error(?: at (?P<file>[^:]+):(?P<line>\d+))?",
        after=r"(?: {2}|$)",
    ),
    Signature(tool="cmake", line=r"-- Configuring incomplete, errors occ", role=Role.RELAY),
    Signature(
        tool="meson", line=r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: (?P<what>.*)"
    ),
    Signature(
        tool="meson",
        line=r"\s*\d+/\d+ \S.* (?:FAIL|ERROR|TIMEOUT|UNEXPECTEDPASS) +\d[\d.]*s",
    ),
    Signature(
        tool="ctest",
        line=r"\s*\d+/\d+ Test +#\d+: .*\*\*\*(?:Failed|Timeout|Exception|Not Run)",
    ),
    Signature(tool="ctest", line=r"The following tests FAILED:", role=Role.SIGN, after=r"\t| {2,}"),
    Signature(tool="ctest", line=r"Errors while running CTest", role=Role.RELAY),
    Signature(tool="meson", line=r"ERROR: .*(?:[Dd]ependency|compiler|[Pp]rogram) "),
    Signature(tool="ninja", line=r"ninja: error: "),
    Signature(
        tool="autoconf",
        line=r"autoreconf: (?:error: )?\S+ failed with exit status",
        role=Role.RELAY,
    ),
    Signature(
        tool="autoconf",
        line=r"(?:configure|config\.status|auto(?:reconf|conf|make|m4te|header)|aclocal|libtoolize)"
        r": error: ",
        after=r"\S",
    ),
    Signature(tool="autoconf", line=r"\S*configure\.(?:ac|in):\d+: error: "),
    Signature(tool="make", line=r"\S+:\d+: \*\*\* "),
    Signature(tool="make", line=_MAKE + r"\*\*\* (?:No rule|No targets|.*Stop\.)"),
    Signature(tool="make", line=_MAKE + r"(?P<what>\S+: (?:No such file|Permission|Command).*)"),
    Signature(tool="make", line=r"\S+:\d+: \S+: No such file or directory$", role=Role.SIGN),
)
