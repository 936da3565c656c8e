"""Which Debian packages have the programs that steps call. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PACKAGE_OF: Mapping[str, str] = {
    "apt-ftparchive": "apt-utils",
    "dch": "devscripts",
    "debuild": "devscripts",
    "dh": "debhelper",
    "dpkg-buildpackage": "dpkg-dev",
    "dpkg-checkbuilddeps": "dpkg-dev",
    "equivs-build": "equivs",
    "fakeroot": "fakeroot",
    "git": "git",
    "gpg": "gnupg",
    "java": "default-jre-headless",
    "javac": "default-jdk-headless",
    "lintian": "lintian",
    "lsb_release": "lsb-release",
    "make": "make",
    "mvn": "maven",
}
"""By the name of the program."""


def how_to_install(programs: Iterable[str]) -> str:
    """The sentence with the line to type, after a space; "" if a package is unknown."""
    found = [PACKAGE_OF.get(program) for program in programs]
    if None in found:
        return ""
    return f" Run `sudo apt-get install {' '.join(dict.fromkeys(map(str, found)))}`."
