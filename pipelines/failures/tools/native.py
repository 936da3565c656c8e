"""Compilers and the tools that run them: gcc, clang, rustc, go, make, CMake, meson. Pure."""

from __future__ import annotations

from pipelines.domain.errors import FailureCode
from pipelines.failures.signature import Role, Signature

NATIVE = (
    Signature(
        tool="make",
        line=r"make(?:\[\d+\])?: \*\*\* .*(?:Error \d+|Waiting for unfinished)"
        r"|make(?:\[\d+\])?: Target .* not remade|ninja: build stopped|FAILED: \S+\.o",
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
        line=r"(?:\S*/)?ld(?:\.\w+)?: (?!warning|.*: in function)|\S+: undefined reference to"
        r"|\S*\(\.text\+\w+\): undefined reference to",
        before=1,
    ),
    Signature(tool="ld", line=r"collect2: error: |clang: error: linker command", role=Role.RELAY),
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
    Signature(tool="rustc", line=r"thread '.*' panicked at ", after=r"\S"),
    Signature(
        tool="go",
        line=r"go: .*(?:dial tcp|i/o timeout|no such host|connection refused|TLS handshake)",
        code=FailureCode.NETWORK,
        retry=True,
    ),
    Signature(tool="go", line=r"(?P<file>\S+\.go):(?P<line>\d+):\d+: (?P<what>.*)"),
    Signature(tool="go", line=r"    (?P<file>\S+_test\.go):(?P<line>\d+): (?P<what>.*)", before=1),
    Signature(tool="go", line=r"go: (?!downloading|finding|added|upgraded)|panic: ", after=r"\t"),
    Signature(
        tool="cmake",
        line=r"CMake Error(?: at (?P<file>[^:]+):(?P<line>\d+))?",
        after=r"(?: {2}|$)",
    ),
    Signature(tool="cmake", line=r"-- Configuring incomplete, errors occ", role=Role.RELAY),
    Signature(
        tool="meson", line=r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: (?P<what>.*)"
    ),
    Signature(tool="meson", line=r"ERROR: .*(?:[Dd]ependency|compiler|[Pp]rogram) "),
    Signature(tool="ninja", line=r"ninja: error: "),
    Signature(
        tool="autoconf", line=r"(?:configure|autoreconf|aclocal|autom4te): error: ", after=r"\S"
    ),
    Signature(tool="autoconf", line=r"\S*configure\.(?:ac|in):\d+: error: "),
    Signature(tool="make", line=r"\S+:\d+: \*\*\* "),
    Signature(tool="make", line=r"make(?:\[\d+\])?: \*\*\* (?:No rule|No targets|.*Stop\.)"),
    Signature(
        tool="make", line=r"make(?:\[\d+\])?: (?P<what>\S+: (?:No such file|Permission|Command).*)"
    ),
)
