from __future__ import annotations

import pytest

from pipelines.domain.errors import FailureCode
from pipelines.steps.debian.packaging.failure import PackagingOutput


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
            "unmet build dependencies: maven (>= 3)",
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
            "packaging failed: Error: error:0308010C:digital envelope routines::unsupported",
            "ERR_OSSL_EVP_UNSUPPORTED",
        ),
        (
            ["tar: x: Cannot write: No space left on device"],
            2,
            FailureCode.DISK_FULL,
            "disk space",
            "No space",
        ),
        (["building"], 137, FailureCode.KILLED, "signal 9", "building"),
        (["something odd"], 5, FailureCode.PACKAGING_FAILED, "exit code 5", "something odd"),
        ([], 5, FailureCode.PACKAGING_FAILED, "exit code 5", ""),
    ],
)
def test_failure(
    lines: list[str], exit_code: int, code: FailureCode, message: str, excerpt: str
) -> None:
    output = PackagingOutput()
    for line in lines:
        output.add(line)

    failure = output.failure(exit_code)

    assert failure.code is code
    assert message in failure.message
    assert excerpt in failure.excerpt
    assert "\n" not in failure.message


def test_excerpt_is_at_most_two_kilobytes_with_both_ends() -> None:
    output = PackagingOutput()
    for number in range(500):
        output.add(f"lib.c:{number}: error: größer als erlaubt")

    excerpt = output.failure(2).excerpt

    assert len(excerpt.encode()) <= 2000
    assert excerpt.startswith("lib.c:0: error")
    assert "lib.c:499: error" in excerpt
    assert "[…]" in excerpt
