from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.exit_code import ExitCode
from pipelines.failures.evidence import Evidence
from pipelines.steps.debian.packaging.failure import packaging_failure


def failure_of(lines: list[str], exit_code: int) -> StepFailed:
    evidence = Evidence()
    for line in lines:
        evidence.feed(line)
    return packaging_failure(evidence, exit_code, Path("/src"))


@pytest.mark.parametrize(
    ("lines", "exit_code", "code", "message", "excerpt"),
    [
        (
            [
                "dpkg-checkbuilddeps: error: Unmet build dependencies: maven (>= 3)",
                "dpkg-buildpackage: warning: build dependencies/conflicts unsatisfied; aborting",
            ],
            3,
            FailureCode.BUILD_DEPENDS,
            "Unmet build dependencies: maven (>= 3)",
            "Unmet build dependencies",
        ),
        (
            ["dpkg-checkbuilddeps: error: unmet build dependencies: maven (>= 3)"],
            3,
            FailureCode.BUILD_DEPENDS,
            "unmet build dependencies: maven (>= 3)",
            "unmet build dependencies",
        ),
        (
            ["dpkg-checkbuilddeps: error: unmet build conflicts: dpkg"],
            3,
            FailureCode.BUILD_DEPENDS,
            "unmet build conflicts: dpkg",
            "unmet build conflicts",
        ),
        (
            [
                "cp: cannot stat 'dist/*': No such file or directory",
                "make[1]: *** [debian/rules:30: override_dh_auto_install] Error 1",
                "make: *** [debian/rules:12: binary] Error 2",
                "dpkg-buildpackage: error: debian/rules binary subprocess returned exit status 2",
            ],
            2,
            FailureCode.PACKAGING_FAILED,
            "cp: cannot stat",
            "cp: cannot stat",
        ),
        (
            ["debian/rules:7: *** missing separator.  Stop."],
            2,
            FailureCode.PACKAGING_FAILED,
            "missing separator",
            "missing separator",
        ),
        (
            ["dh_install: error: missing files, aborting", *["more"] * 500],
            25,
            FailureCode.PACKAGING_FAILED,
            "dh_install: error: missing files",
            "dh_install: error",
        ),
        (
            [
                "> vue-cli-service build",
                "        throw e;",
                "        ^",
                "Error: error:0308010C:digital envelope routines::unsupported",
                *["    at new Hash (node:internal/crypto/hash:101:19)"] * 10,
                "  code: 'ERR_OSSL_EVP_UNSUPPORTED'",
                "}",
                "",
                "Node.js v20.20.2",
                "make[1]: *** [debian/rules:117: override_dh_auto_install] Error 1",
            ],
            2,
            FailureCode.PACKAGING_FAILED,
            "Error: error:0308010C:digital envelope routines::unsupported",
            "ERR_OSSL_EVP_UNSUPPORTED",
        ),
        (
            ["tar: x: Cannot write: No space left on device"],
            2,
            FailureCode.DISK_FULL,
            "no space is left",
            "No space",
        ),
        (["building"], ExitCode.of(-9), FailureCode.KILLED, "signal 9", "building"),
        (
            ["building"],
            137,
            FailureCode.PACKAGING_FAILED,
            "packaging failed: no known error line, the last line: building",
            "building",
        ),
        (
            ["something odd"],
            5,
            FailureCode.PACKAGING_FAILED,
            "packaging failed: no known error line, the last line: something odd",
            "something odd",
        ),
        ([], 5, FailureCode.PACKAGING_FAILED, "exit code 5", ""),
    ],
)
def test_failure(
    lines: list[str], exit_code: int, code: FailureCode, message: str, excerpt: str
) -> None:
    failure = failure_of(lines, exit_code)

    assert failure.code is code
    assert message in failure.message
    assert excerpt in failure.excerpt
    assert "\n" not in failure.message


def test_excerpt_is_at_most_two_kilobytes_with_both_ends() -> None:
    lines = [f"lib.c:{number}: error: größer als {'x' * 99}" for number in range(500)]

    excerpt = failure_of(lines, 2).excerpt

    assert len(excerpt.encode()) <= 2000
    assert excerpt.startswith("lib.c:0: error")
    assert "lib.c:499: error" in excerpt
    assert "[…]" in excerpt
