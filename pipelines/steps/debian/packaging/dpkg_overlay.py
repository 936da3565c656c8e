"""Substitutes for one build without touching the host and without root.

`dpkg-checkbuilddeps` and `dpkg-genbuildinfo` read the installed packages from `<admindir>/status`.
An overlay is a copy of that file with the dummy's stanza added, and shims in a folder at the start
of PATH pass its path to the tools, so that an unmodified build script uses it.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pipelines.domain.debian_packages import how_to_install
from pipelines.domain.errors import FailureCode, StepFailed

_CHECK = "dpkg-checkbuilddeps"
_BUILD = "dpkg-buildpackage"
_DCH = ("dch", "debchange")
_DATED = r"""#!/bin/sh
set -e
TOOL "$@"
[ -f debian/changelog ] || exit 0
time=TIME
below=$(dpkg-parsechangelog --offset 1 --count 1 --show-field Timestamp 2>/dev/null) || below=
case $below in '' | *[!0-9]*) below=0 ;; esac
[ "$below" -lt "$time" ] || time=$((below + 1))
date=$(LC_ALL=C date --utc --rfc-email --date="@$time")
sed -i "0,/^ -- /s/^\( -- .*>  \).*/\1$date/" debian/changelog
"""
"""A tool that edits the newest entry of debian/changelog, which is then dated by the commit, or a
second after the entry below it when that is not older."""


def write_overlay(folder: Path, admindir: Path, stanza: str) -> None:
    """Make `folder` an admindir: the host's plus one installed package."""
    folder.mkdir(parents=True)
    status = (admindir / "status").read_bytes().rstrip(b"\n")
    (folder / "status").write_bytes(status + b"\n\n" + stanza.strip().encode() + b"\n\n")
    architectures = admindir / "arch"
    if architectures.exists():
        shutil.copyfile(architectures, folder / "arch")


def shim_scripts(
    tools: Mapping[str, str], *, check: Sequence[str], forced: bool, time: datetime
) -> Mapping[str, str]:
    """The shims by name.

    `tools` has the real tools' paths, `check` the arguments of both dpkg tools. dch is included
    because it dates an entry with the local time, and packages must not differ between two builds
    of one commit.
    """
    arguments = shlex.join(check)
    scripts = {}
    for name, path in tools.items():
        tool = shlex.quote(path)
        if name == _BUILD:
            flags = f"{arguments} -d" if forced else arguments
            scripts[name] = f'#!/bin/sh\nexec {tool} {flags} "$@"\n'
        elif name == _CHECK:
            ignored = " || echo 'forced: the build continues without them' >&2" if forced else ""
            scripts[name] = f'#!/bin/sh\n{tool} {arguments} "$@"{ignored}\n'
        else:
            scripts[name] = _DATED.replace("TOOL", tool).replace("TIME", str(int(time.timestamp())))
    return scripts


def write_shims(
    folder: Path, search_path: str, *, check: Sequence[str], forced: bool, time: datetime
) -> None:
    """Fill `folder` with shims for those of the tools that are on `search_path`.

    Raises StepFailed (TOOL_MISSING) when dpkg's own are missing.
    """
    found = {name: shutil.which(name, path=search_path) for name in (_CHECK, _BUILD, *_DCH)}
    if not (found[_CHECK] and found[_BUILD]):
        raise StepFailed(
            FailureCode.TOOL_MISSING, f"{_BUILD} is not installed.{how_to_install([_BUILD])}"
        )
    tools = {name: path for name, path in found.items() if path}
    folder.mkdir(parents=True)
    for name, script in shim_scripts(tools, check=check, forced=forced, time=time).items():
        shim = folder / name
        shim.write_text(script)
        shim.chmod(0o755)
