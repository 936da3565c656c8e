"""What may stand under `with:` of a `build-deb` step. Pure, and quick to import."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from common.yaml.validate import Several, Text
from pipelines.domain.pipeline import Options

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
    """Try to install the packages together, and tell what came of it. `root`: in a throw-away root
    that mmdebstrap makes, simulated where that is impossible; `simulated`: ask apt what would
    happen on this machine; `none`: don't."""
    install_test_required: bool = False
    """Fail the step when the packages do not install in that test."""

    @model_validator(mode="after")
    def _jdk_of_the_root(self) -> Self:
        if self.isolation == "chroot" and self.jdk:
            raise ValueError("in a clean root the JDK is the one of Build-Depends: leave out 'jdk'")
        return self
