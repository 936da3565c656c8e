"""The command that builds the packages, and the environment it runs in. Pure."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Command
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.packaging.changelog import (
    BUILDER_ADDRESS,
    BUILDER_NAME,
    suffix,
    suffix_count,
)
from pipelines.steps.debian.packaging.substitutes import Arrangement
from pipelines.workspace.layout import Workspace

# Without it Maven continues unpredictably after running out of memory.
_EXIT_ON_OUT_OF_MEMORY = "-XX:+ExitOnOutOfMemoryError"
DEFAULT_SCRIPT = "packaging/build-deb.sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """Values of commit and builder for the command and its environment."""

    time: datetime
    """The commit's."""
    release_time: datetime
    """Of the newest entry of the source's debian/changelog: it dates the files in jars, which are
    then the same in packages of several commits."""
    java_home: Path | None = None
    """None: from JAVA_HOME or PATH of the builder."""


def script_path(options: BuildDebOptions, source: Path) -> Path | None:
    """The build script's path inside the source; None for plain dpkg-buildpackage.

    Raises StepFailed (PACKAGING_FAILED) when the script that the options name is missing.
    """
    if options.script == "none":
        return None
    script = Path(DEFAULT_SCRIPT if options.script == "auto" else options.script)
    if (source / script).is_file():
        return script
    if options.script != "auto":
        raise StepFailed(FailureCode.PACKAGING_FAILED, f"the source has no {script}")
    return None


def build_deb_command(
    script: Path | None, source: Path, arrangement: Arrangement, env: Mapping[str, str]
) -> Command:
    """The command that builds; its results are beside the source.

    The script gets no `-o`: it would move files by a pattern, while `.changes` lists them exactly.
    """
    if script is not None:
        argv: tuple[str, ...] = ("bash", str(script))
    else:
        argv = ("dpkg-buildpackage", *arrangement.build_flags, "-uc", "-us", "-b")
    return Command(argv=argv, cwd=source, env=env)


def build_environment(
    options: BuildDebOptions,
    workspace: Workspace,
    base: Mapping[str, str],
    facts: BuildFacts,
    shims: Path,
) -> dict[str, str]:
    """Environment of the build, the same for the same commit on every builder.

    HOME belongs to the job. Maven still finds the builder's own ~/.m2/settings.xml, because Java
    takes the home folder from the password database and not from HOME.
    """
    folders = [shims] if facts.java_home is None else [shims, facts.java_home / "bin"]
    maven_opts = base.get("MAVEN_OPTS", "") if options.maven_opts is None else options.maven_opts
    env = {
        **base,
        "HOME": str(workspace.home),
        "PATH": ":".join([*map(str, folders), base.get("PATH", os.defpath)]),
        "MAVEN_OPTS": f"{maven_opts} {_EXIT_ON_OUT_OF_MEMORY}".strip(),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "SOURCE_DATE_EPOCH": str(int(facts.time.timestamp())),
        "DEBFULLNAME": BUILDER_NAME,
        "DEBEMAIL": BUILDER_ADDRESS,
        "ACS_BUILD_OPTS": _with_base(
            base, "ACS_BUILD_OPTS", acs_build_opts(options, workspace, facts.release_time)
        ),
    }
    if facts.java_home is not None:
        env["JAVA_HOME"] = str(facts.java_home)
    if options.skip_tests:
        env["DEB_BUILD_OPTIONS"] = _with_base(base, "DEB_BUILD_OPTIONS", "nocheck")
    if options.build_profiles:
        env["DEB_BUILD_PROFILES"] = " ".join(options.build_profiles)
    return env


def acs_build_opts(options: BuildDebOptions, workspace: Workspace, time: datetime) -> str:
    """Arguments for Maven, quoted for make and a shell, since debian/rules pastes them."""
    properties = {
        "style.color": "never",
        "project.build.outputTimestamp": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **options.properties,
        # The last one counts, so this one wins even if debian/rules sets another.
        "maven.repo.local": str(workspace.maven_repository),
    }
    arguments = [
        *("-B", "-ntp"),
        *(["-o"] if options.offline else []),
        *(["-s", str(workspace.source / options.settings)] if options.settings else []),
        *([f"-P{','.join(options.maven_profiles)}"] if options.maven_profiles else []),
        *(["-T", options.threads] if options.threads else []),
        # Not maven.test.skip, which omits test jars that other modules need.
        *(["-DskipTests"] if options.skip_tests else []),
        *options.build_opts,
        *(f"-D{name}={value}" for name, value in properties.items()),
    ]
    return " ".join(shlex.quote(argument).replace("$", "$$") for argument in arguments)


def check_suffix(options: BuildDebOptions, version: str, codename: str) -> None:
    """Raise StepFailed (PACKAGING_FAILED) unless the suffix occurs as the options require."""
    count = suffix_count(version, codename)
    wanted = (1,) if options.distribution_suffix else (0, 1)
    if count not in wanted:
        raise StepFailed(
            FailureCode.PACKAGING_FAILED,
            f"packages have version {version}, which has '{suffix(codename)}' {count} times "
            f"instead of once{'' if count else '; see the option distribution_suffix'}",
        )


def _with_base(base: Mapping[str, str], name: str, ours: str) -> str:
    return f"{base.get(name, '')} {ours}".strip()
