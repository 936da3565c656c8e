"""The command that builds the packages, and the environment it runs in. Pure."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipelines.debian.changelog import suffix, suffix_count
from pipelines.debian.substitutes import Arrangement
from pipelines.errors import FailureCode, StepFailed
from pipelines.model import Command, Options
from pipelines.workspace import Workspace
from typed_yaml import Several, Text

# Without it Maven goes on after running out of memory, in ways nobody can foresee.
_EXIT_ON_OUT_OF_MEMORY = "-XX:+ExitOnOutOfMemoryError"
DEFAULT_SCRIPT = "packaging/build-deb.sh"


_VERSION = re.compile(r"auto|keep|(\d+:)?\d[A-Za-z0-9.+~-]*")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+")


def _version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise ValueError("'auto', 'keep' or a version of a Debian package is wanted")
    return text


def _package(text: str) -> str:
    if not _PACKAGE.fullmatch(text):
        raise ValueError(f"'{text}' is not the name of a Debian package")
    return text


def _script(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or text.startswith("-"):
        raise ValueError("'auto', 'none' or a path inside the source is wanted")
    return text


class BuildDebOptions(Options):
    """What may stand under `with:` of a `build-deb` step."""

    script: Annotated[Text, AfterValidator(_script)] = "auto"
    """`auto`: packaging/build-deb.sh when the source has it, else plain dpkg-buildpackage;
    `none`: always dpkg-buildpackage; else the script's path inside the source."""
    version: Annotated[Text, AfterValidator(_version)] = "auto"
    """`auto`: a SNAPSHOT in debian/changelog becomes time and id of the commit; `keep`: as it is
    written there; else the version itself. The distribution's suffix comes on top."""
    distribution_suffix: bool = True
    """Packages' versions end in `~<codename>`, exactly once."""
    build_profiles: Several[Text] = ()
    """Debian build profiles (DEB_BUILD_PROFILES), like `nocheck` or `nodoc`."""
    maven_profiles: Several[Text] = ()
    properties: dict[str, Text] = Field(default_factory=dict)
    """Further properties for the packaging's own Maven."""
    threads: Text | None = None
    """Maven's `-T`: `4` or `1C`."""
    skip_tests: bool = False
    """Compile tests but don't run them (`-DskipTests`, DEB_BUILD_OPTIONS=nocheck)."""
    jdk: Text | None = None
    """Version (`17`) of a JDK below /usr/lib/jvm, or its directory; else the builder's."""
    maven_opts: Text | None = None
    """Options of Maven's own Java; the builder's MAVEN_OPTS when not given."""
    settings: Text | None = None
    """Settings file for the packaging's own Maven; relative to the source tree."""
    offline: bool = False
    """The packaging's own Maven uses only what was downloaded before."""
    build_opts: Several[Text] = ()
    """Further arguments in ACS_BUILD_OPTS, each one argument of Maven."""
    allow_dummies: Several[Annotated[Text, AfterValidator(_package)]] = ()
    """Packages that the distribution no longer has and the build does without."""
    dummies: Literal["overlay", "installed"] = "overlay"
    """`overlay`: dpkg's tools see the dummies in this build only, no root needed; `installed`: they
    are installed until the build ends, for a packaging that asks dpkg in other ways. Needs root,
    and no other packaging runs on the machine meanwhile."""
    allow_forced: bool = False
    """Build without what is gone and has no dummy (`dpkg-buildpackage -d`)."""
    tools: Several[Text] = ()
    """Commands that debian/rules calls although no Build-Depends names them. In a clean root the
    packages of these names are installed."""
    isolation: Literal["host", "chroot"] = "host"
    """`host`: build with what the machine has; `chroot`: in a clean root that mmdebstrap makes for
    this build, in namespaces, with nothing but the Build-Depends in it."""
    lintian: bool = True
    """Check the packages with lintian. What it finds is told and never fails the step."""
    install_test: Literal["root", "simulated", "none"] = "root"
    """Try to install the packages together, and tell what came of it; never fails the step. `root`:
    in a throw-away root that mmdebstrap makes, simulated where that is impossible; `simulated`: ask
    apt what would happen on this machine; `none`: don't."""

    @model_validator(mode="after")
    def _jdk_of_the_root(self) -> Self:
        if self.isolation == "chroot" and self.jdk:
            raise ValueError("in a clean root the JDK is the one of Build-Depends: leave out 'jdk'")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """What of commit and builder goes into command and environment."""

    time: datetime
    """The commit's."""
    maintainer_name: str
    maintainer_address: str
    java_home: Path | None = None
    """None: what JAVA_HOME or PATH of the builder has."""


def script_path(options: BuildDebOptions, source: Path) -> Path | None:
    """The build script's path inside the source; None for plain dpkg-buildpackage.

    Raises StepFailed (PACKAGING_FAILED) when the script that the options name is not there.
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
    """The one command that builds; it leaves its files beside the source.

    The script gets no `-o`: it would move with a pattern what `.changes` names exactly.
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

    HOME is the job's. Maven still finds the builder's own ~/.m2/settings.xml, because Java takes
    the home folder from the password database and not from HOME.
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
        "DEBFULLNAME": facts.maintainer_name,
        "DEBEMAIL": facts.maintainer_address,
        "ACS_BUILD_OPTS": _with_base(
            base, "ACS_BUILD_OPTS", acs_build_opts(options, workspace, facts.time)
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
    """Arguments for Maven as debian/rules pastes them into its recipe, through make and a shell."""
    properties = {
        "style.color": "never",
        "project.build.outputTimestamp": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **options.properties,
        # The last one counts, so it is this one also when debian/rules names another.
        "maven.repo.local": str(workspace.maven_repository),
    }
    arguments = [
        *("-B", "-ntp"),
        *(["-o"] if options.offline else []),
        *(["-s", str(workspace.source / options.settings)] if options.settings else []),
        *([f"-P{','.join(options.maven_profiles)}"] if options.maven_profiles else []),
        *(["-T", options.threads] if options.threads else []),
        # Not maven.test.skip, which leaves out test jars that other modules need.
        *(["-DskipTests"] if options.skip_tests else []),
        *options.build_opts,
        *(f"-D{name}={value}" for name, value in properties.items()),
    ]
    return " ".join(shlex.quote(argument).replace("$", "$$") for argument in arguments)


def check_suffix(options: BuildDebOptions, version: str, codename: str) -> None:
    """Raise StepFailed (PACKAGING_FAILED) unless the suffix is there once, as the options want."""
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
