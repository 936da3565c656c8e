from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.domain.errors import StepFailed
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.packaging.changelog import BUILDER_ADDRESS, BUILDER_NAME
from pipelines.steps.debian.packaging.command import (
    BuildFacts,
    build_deb_command,
    build_environment,
    script_path,
)
from pipelines.steps.debian.packaging.dpkg_overlay import shim_scripts
from pipelines.steps.debian.packaging.substitutes import Arrangement
from pipelines.workspace.layout import Workspace

TIME = datetime(2025, 10, 30, 13, 51, 39, tzinfo=UTC)
WORKSPACE = Workspace(Path("/state"), "job_1", 1)
FACTS = BuildFacts(time=TIME, release_time=TIME)


def arrangement(*flags: str, forced: bool = False) -> Arrangement:
    return Arrangement(shims=Path("/shims"), check_flags=flags, forced=forced)


@pytest.mark.parametrize(
    ("script", "given", "argv"),
    [
        (None, arrangement(), "dpkg-buildpackage -uc -us -b"),
        (None, arrangement("--admindir=/o"), "dpkg-buildpackage --admindir=/o -uc -us -b"),
        (
            None,
            arrangement("--admindir=/o", forced=True),
            "dpkg-buildpackage --admindir=/o -d -uc -us -b",
        ),
        ("packaging/build-deb.sh", arrangement("--admindir=/o"), "bash packaging/build-deb.sh"),
    ],
)
def test_command(script: str | None, given: Arrangement, argv: str) -> None:
    command = build_deb_command(
        Path(script) if script else None, Path("/source"), given, {"A": "1"}
    )

    assert shlex.join(command.argv) == argv
    assert command.cwd == Path("/source")
    assert command.env == {"A": "1"}


def test_environment() -> None:
    base = {"PATH": "/usr/bin", "HOME": "/root", "OTHER": "kept", "TZ": "Asia/Tokyo"}

    env = build_environment(BuildDebOptions(), WORKSPACE, base, FACTS, Path("/shims"))

    assert env == {
        "PATH": "/shims:/usr/bin",
        "MAVEN_OPTS": "-XX:+ExitOnOutOfMemoryError",
        "HOME": str(WORKSPACE.home),
        "OTHER": "kept",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "SOURCE_DATE_EPOCH": "1761832299",
        "DEBFULLNAME": BUILDER_NAME,
        "DEBEMAIL": BUILDER_ADDRESS,
        "ACS_BUILD_OPTS": "-B -ntp -Dstyle.color=never"
        " -Dproject.build.outputTimestamp=2025-10-30T13:51:39Z"
        f" -Dmaven.repo.local={WORKSPACE.maven_repository}",
    }


def test_environment_with_all_options() -> None:
    options = BuildDebOptions(
        skip_tests=True,
        build_profiles=("nodoc", "pkg.x"),
        build_opts=("-pl", "!a"),
        maven_opts="-Xmx4g",
        settings="ci/settings.xml",
        offline=True,
    )
    facts = replace(FACTS, java_home=Path("/jdk"))

    env = build_environment(
        options,
        WORKSPACE,
        {"PATH": "/usr/bin", "MAVEN_OPTS": "-Xmx1g", "DEB_BUILD_OPTIONS": "terse"},
        facts,
        Path("/shims"),
    )

    assert env["DEB_BUILD_OPTIONS"] == "terse nocheck"
    assert (env["JAVA_HOME"], env["PATH"]) == ("/jdk", "/shims:/jdk/bin:/usr/bin")
    assert env["MAVEN_OPTS"] == "-Xmx4g -XX:+ExitOnOutOfMemoryError"
    assert env["DEB_BUILD_PROFILES"] == "nodoc pkg.x"
    assert "-DskipTests -pl '!a'" in env["ACS_BUILD_OPTS"]
    assert f" -o -s {WORKSPACE.source}/ci/settings.xml " in env["ACS_BUILD_OPTS"]


@pytest.mark.parametrize(
    ("option", "exists", "found"),
    [
        ("auto", True, "packaging/build-deb.sh"),
        ("auto", False, None),
        ("none", True, None),
        ("packaging/build-deb.sh", True, "packaging/build-deb.sh"),
    ],
)
def test_script(tmp_path: Path, option: str, exists: bool, found: str | None) -> None:
    if exists:
        (tmp_path / "packaging").mkdir()
        (tmp_path / "packaging/build-deb.sh").touch()

    assert script_path(BuildDebOptions(script=option), tmp_path) == (found and Path(found))


def test_script_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"has no tools/other\.sh"):
        script_path(BuildDebOptions(script="tools/other.sh"), tmp_path)


@pytest.mark.parametrize(
    "given",
    [
        {"script": "/bin/sh"},
        {"script": "../x.sh"},
        {"script": "-c"},
        {"version": "1.0 evil"},
        {"version": "later"},
        {"allow_dummies": ("a b",)},
        {"unknown": True},
    ],
)
def test_options_that_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BuildDebOptions.model_validate(given)


def test_shims_quote_what_they_are_given() -> None:
    tools = {"dpkg-buildpackage": "/usr/bin/dpkg-buildpackage", "dch": "/my bin/dch"}

    scripts = shim_scripts(tools, check=("--admindir=/a b",), forced=True, time=TIME)

    assert scripts["dpkg-buildpackage"] == (
        "#!/bin/sh\nexec /usr/bin/dpkg-buildpackage '--admindir=/a b' -d \"$@\"\n"
    )
    assert "'/my bin/dch' \"$@\"" in scripts["dch"]


@pytest.mark.parametrize(
    ("below", "dated"),
    [
        ("Tue, 01 Jan 2019 00:00:00 +0000", format_datetime(TIME)),
        (format_datetime(TIME), format_datetime(TIME + timedelta(seconds=1))),
        ("Mon, 01 Jan 2035 01:00:00 +0100", "Mon, 01 Jan 2035 00:00:01 +0000"),
        ("some day", format_datetime(TIME)),
    ],
)
def test_what_dch_adds_is_later_than_the_entry_below(
    tmp_path: Path, below: str, dated: str
) -> None:
    entry = "x ({}) unstable; urgency=low\n\n  * Hm.\n\n -- Ann <ann@example.org>  {}\n"
    changelog = tmp_path / "debian" / "changelog"
    changelog.parent.mkdir()
    now = "Thu, 01 Oct 2026 00:00:00 +0200"
    changelog.write_text(f"{entry.format(2, now)}\n{entry.format(1, below)}")
    scripts = shim_scripts({"dch": "true"}, check=(), forced=False, time=TIME)

    subprocess.run(["sh", "-c", scripts["dch"]], cwd=tmp_path, check=True)

    assert changelog.read_text() == f"{entry.format(2, dated)}\n{entry.format(1, below)}"
