from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.debian.dependencies.control import parse_control
from pipelines.steps.debian.dependencies.dummy import equivs_control, installed_stanza, provided_for
from pipelines.steps.debian.dependencies.host import architecture_test
from pipelines.steps.debian.dependencies.relations import parse_groups
from pipelines.steps.debian.dependencies.toolchain import asks_for_toolchain, is_toolchain

AMD64 = architecture_test("amd64")
CLOUDSTACK_LIKE = """\
Source: cloud
Priority: extra
Build-Depends: debhelper (>= 9), openjdk-17-jdk | java17-sdk | zulu-11, genisoimage,
# comments are allowed between lines
 python-mysql.connector | python3-mysql.connector, maven (>= 3) | maven3,
 python (>= 2.7) | python2 (>= 2.7), debhelper (>= 9),
Build-Depends-Indep: doxygen <!nodoc>
Build-Depends-Arch: libfoo-dev [linux-any]
Homepage: http://example.org/

Package: cloud-common
Architecture: all
Depends: never-a-build-dependency
"""


@pytest.mark.parametrize(
    ("field", "profiles", "groups"),
    [
        ("a", (), ["a"]),
        ("a (>= 1:2.0~rc1-3), b | c:any (<< 3)", (), ["a (>= 1:2.0~rc1-3)", "b | c:any (<< 3)"]),
        ("a [amd64], b [!amd64], c [linux-any], d [any-i386]", (), ["a", "c"]),
        ("a [!i386 !armhf] | b [armhf]", (), ["a"]),
        ("a <!nocheck>, b <nocheck>", (), ["a"]),
        ("a <!nocheck>, b <nocheck>", ("nocheck",), ["b"]),
        ("a <!nocheck !nodoc>", ("nodoc",), []),
        ("a <!nocheck> <!nodoc>", ("nodoc",), ["a"]),
        ("a (>= 1) [amd64] <!nocheck> | b", (), ["a (>= 1) | b"]),
        ("a,\n b,\n", (), ["a", "b"]),
        ("a,,b", (), ["a", "b"]),
        (", a, , b", (), ["a", "b"]),
        ("", (), []),
    ],
)
def test_groups(field: str, profiles: tuple[str, ...], groups: list[str]) -> None:
    parsed = parse_groups(field, AMD64, profiles) if field else ()
    assert [str(group) for group in parsed] == groups


@pytest.mark.parametrize("field", ["a b", "-oDir::Etc=/tmp/x", "${misc:Depends}", "a (1)"])
def test_what_is_no_relation(field: str) -> None:
    with pytest.raises(StepFailed) as caught:
        parse_groups(field, AMD64, ())
    assert caught.value.code is FailureCode.BUILD_DEPENDS


def test_control() -> None:
    control = parse_control(CLOUDSTACK_LIKE, AMD64)

    assert control.source == "cloud"
    assert [str(group) for group in control.build_depends] == [
        "build-essential:native",
        "debhelper (>= 9)",
        "openjdk-17-jdk | java17-sdk | zulu-11",
        "genisoimage",
        "python-mysql.connector | python3-mysql.connector",
        "maven (>= 3) | maven3",
        "python (>= 2.7) | python2 (>= 2.7)",
        "libfoo-dev",
        "doxygen",
    ]


@pytest.mark.parametrize("text", ["", "Package: a\n\nSource: a\n"])
def test_control_without_a_source(text: str) -> None:
    with pytest.raises(StepFailed, match="does not start with a source paragraph"):
        parse_control(text, AMD64)


@pytest.mark.parametrize(
    ("relation", "provides"),
    [
        ("gone", "gone"),
        ("gone:any", "gone"),
        ("gone (>= 2.7)", "gone (= 2.7)"),
        ("gone (>= 1:2.7-3~bpo1)", "gone (= 1:2.7-3~bpo1)"),
        ("gone (>> 2.7)", "gone (= 2.7+0)"),
        ("gone (>> 1:2.7-3)", "gone (= 1:2.7-3+0)"),
        ("gone (<< 2.7)", "gone (= 2.7~)"),
        ("gone (<< 1:3)", "gone (= 1:3~)"),
        ("gone (<= 2.7)", "gone (= 2.7)"),
        ("gone (= 2.7-1)", "gone (= 2.7-1)"),
    ],
)
def test_a_dummy_satisfies_dpkg(tmp_path: Path, relation: str, provides: str) -> None:
    ((wanted,),) = (group.alternatives for group in parse_groups(relation, AMD64, ()))
    provided = provided_for(wanted)
    assert str(provided) == provides

    paragraph = equivs_control("cloud", [provided]).split("\n\n")[1]
    (tmp_path / "status").write_text(installed_stanza(paragraph) + "\n\n")
    check = ["dpkg-checkbuilddeps", f"--admindir={tmp_path}", "-c", ""]
    subprocess.run([*check, "-d", relation, "/dev/null"], check=True)
    # The check can fail: what the dummy does not claim is not met.
    more = [*check, "-d", "gone (>= 9:99)", "/dev/null"]
    assert subprocess.run(more, check=False, stderr=subprocess.DEVNULL).returncode == 1


def test_an_unversioned_dummy_would_not_do(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(
        "Package: dummy\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\n"
        "Provides: gone\n\n"
    )
    check = ["dpkg-checkbuilddeps", f"--admindir={tmp_path}", "-c", "", "-d", "gone (>= 1)"]
    check.append("/dev/null")
    assert subprocess.run(check, check=False, stderr=subprocess.DEVNULL).returncode == 1


@pytest.mark.parametrize(
    "name",
    [
        *(
            "gcc",
            "gcc-12",
            "g++",
            "clang-16",
            "build-essential",
            "make",
            "libc6-dev",
            "golang-1.22",
        ),
        *("openjdk-17-jdk", "openjdk-17-jdk-headless", "default-jre-headless", "java17-sdk"),
        *("java11-runtime-headless", "zulu-17", "temurin-21-jdk", "maven", "maven3"),
        *("maven-debian-helper", "nodejs", "npm", "debhelper", "debhelper-compat", "dh-systemd"),
        *("dpkg-dev", "python3", "python3-setuptools", "python3.11", "python3-mysql.connector"),
        *("genisoimage", "lsb-release"),
    ],
)
def test_toolchain(name: str) -> None:
    assert is_toolchain(name)


@pytest.mark.parametrize(
    "name",
    [
        *("python", "python2", "python-setuptools", "python-mysql.connector", "python2.7"),
        *("mysql-connector-python-py3", "gccbrig-doc", "libmaven-enforcer-java", "doxygen"),
    ],
)
def test_no_toolchain(name: str) -> None:
    assert not is_toolchain(name)


@pytest.mark.parametrize(
    ("field", "asks"),
    [
        ("python (>= 2.7) | python2 (>= 2.7)", False),
        ("python-mysql.connector | python3-mysql.connector", False),
        ("python3-mysql.connector", True),
        ("dh-old | debhelper (>= 13)", True),
        ("my-compiler | gcc", True),
    ],
)
def test_groups_that_ask_for_a_toolchain(field: str, asks: bool) -> None:
    (group,) = parse_groups(field, AMD64, ())
    assert asks_for_toolchain(group) is asks
