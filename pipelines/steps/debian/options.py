"""Options of a `build-deb` step. Pure, and quick to import."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from common.yaml.validate import Several, Text
from pipelines.domain.pipeline import Options
from pipelines.steps.maven.options import Name, SourcePath

_VERSION = re.compile(r"auto|keep|(\d+:)?\d[A-Za-z0-9.+~-]*")
_MAJOR = re.compile(r"[1-9]\d?")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+")


def _version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise ValueError("expected 'auto', 'keep' or a Debian package version")
    return text


def _package(text: str) -> str:
    if not _PACKAGE.fullmatch(text):
        raise ValueError(f"invalid name of a Debian package: '{text}'")
    return text


def _script(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or text.startswith("-"):
        raise ValueError("expected 'auto', 'none' or a path inside the source tree")
    return text


class BuildDebOptions(Options):
    """Options of a `build-deb` step."""

    script: Annotated[Text, AfterValidator(_script)] = "auto"
    """`auto`: packaging/build-deb.sh if the source has it, otherwise dpkg-buildpackage; `none`:
    always dpkg-buildpackage; or the script's path inside the source tree."""
    version: Annotated[Text, AfterValidator(_version)] = "auto"
    """`auto`: SNAPSHOT in debian/changelog is replaced by time and id of the commit; `keep`: as
    written there; or the version itself. The distribution's suffix is appended."""
    distribution_suffix: bool = True
    """Append `~<codename>` to the packages' versions, exactly once."""
    build_profiles: Several[Text] = ()
    """Debian build profiles (DEB_BUILD_PROFILES), like `nocheck` or `nodoc`."""
    maven_profiles: Several[Text] = ()
    properties: dict[str, Text] = Field(default_factory=dict)
    """Further properties for the packaging's own Maven."""
    threads: Text | None = None
    """Maven's `-T`: `4` or `1C`."""
    skip_tests: bool = False
    """Compile tests but do not run them (`-DskipTests`, DEB_BUILD_OPTIONS=nocheck)."""
    jdk: Text | None = None
    """Version (`17`) of a JDK below /usr/lib/jvm, or its directory; defaults to the builder's. A
    clean root installs the package of this major version; defaults to the JDK of Build-Depends."""
    maven_opts: Text | None = None
    """Options of Maven's own Java; defaults to the builder's MAVEN_OPTS."""
    settings: Text | None = None
    """Settings file for the packaging's own Maven; relative to the source tree."""
    offline: bool = False
    """Let the packaging's own Maven use only earlier downloads."""
    build_opts: Several[Text] = ()
    """Further Maven arguments for ACS_BUILD_OPTS."""
    allow_dummies: Several[Annotated[Text, AfterValidator(_package)]] = ()
    """Packages that the distribution no longer has and the build does not need."""
    dummies: Literal["overlay", "installed"] = "overlay"
    """`overlay`: only dpkg's tools in this build see the dummies, without root; `installed`: they
    are installed until the build ends, for packaging that queries dpkg in other ways. Needs root,
    and excludes other packaging on the machine meanwhile."""
    allow_forced: bool = False
    """Build without missing packages that have no dummy (`dpkg-buildpackage -d`)."""
    tools: Several[Text] = ()
    """Commands that debian/rules calls, but Build-Depends do not include. A clean root gets the
    packages with these names."""
    incremental: Literal["off", "modules"] = "modules"
    """What the packaging's own Maven builds again. `off`: everything; `modules`: only modules
    that no earlier packaging on this builder has built from the same inputs."""
    pure_plugins: Several[Name] = ()
    """As in a `maven` step, for the packaging's own Maven."""
    module_inputs: dict[Name, Several[SourcePath]] = Field(default_factory=dict)
    """As in a `maven` step, for the packaging's own Maven."""
    isolation: Literal["host", "chroot"] = "host"
    """`host`: build with the machine's packages; `chroot`: build in a clean root that mmdebstrap
    makes for this build, in namespaces, with only the Build-Depends in it."""
    lintian: bool = True
    """Check the packages with lintian. Its findings are reported, but never fail the step."""
    install_test: Literal["root", "simulated", "none"] = "root"
    """Try to install the packages together, and report the result. `root`: in a temporary root that
    mmdebstrap makes, or simulated where that is impossible; `simulated`: ask apt what would happen
    on this machine; `none`: skip the test."""
    install_test_required: bool = False
    """Fail the step when the packages cannot be installed in that test."""

    @model_validator(mode="after")
    def _jdk_of_the_root(self) -> Self:
        if self.isolation == "chroot" and self.jdk and not _MAJOR.fullmatch(self.jdk):
            raise ValueError(
                f"a clean root installs the JDK from its package, not '{self.jdk}'. "
                "Set 'jdk' to a major version, like 17."
            )
        return self
