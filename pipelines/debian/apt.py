"""apt-get as this system calls it: no prompt, nothing removed, its locks waited for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.capture import Captured, capture
from pipelines.debian.build_depends import Group
from pipelines.debian.excerpt import excerpt
from pipelines.errors import FailureCode, StepFailed
from pipelines.model import Command, StepContext

_APT = (
    *("apt-get", "-q", "-y", "--no-remove", "--no-install-recommends"),
    *("-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Use-Pty=0"),
    *("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"),
)
_UPDATE = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=600", "update")
_LAST_LINES = 20
_ANYWHERE = Path("/")


def install_command(groups: Sequence[Group]) -> tuple[str, ...]:
    """What installs the groups; more than they need is never installed, removed or upgraded."""
    return (*_APT, "satisfy", *map(str, groups))


def simulate(group: Group, env: Mapping[str, str]) -> Captured:
    """What `install_command` would do; needs no root and no lock."""
    return capture([*_APT, "--simulate", "satisfy", str(group)], cwd=_ANYWHERE, env=env)


def has_package_lists(env: Mapping[str, str]) -> bool:
    """Whether apt knows any package at all; without its lists everything looks gone."""
    got = capture(
        ["apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages"],
        cwd=_ANYWHERE,
        env=env,
    )
    return got.code == 0 and any(Path(line).is_file() for line in got.text.splitlines())


def install(groups: Sequence[Group], context: StepContext, *, is_root: bool) -> None:
    """Install what the groups need. Raises StepFailed (BUILD_DEPENDS)."""
    command = install_command(groups)
    names = ", ".join(map(str, groups))
    if not is_root:
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            f"build dependencies are not installed ({names}) and the builder is not root: "
            f"run `sudo {shlex.join(command)}`",
        )
    if _run(context, command)[0] == 0:
        return
    # Lists that are older than the archive name files that are gone from it.
    update_package_lists(context, is_root=is_root)
    code, lines = _run(context, command)
    if code != 0:
        raise _failed(f"apt could not install {names}", lines)


def update_package_lists(context: StepContext, *, is_root: bool) -> None:
    """Run `apt-get update`. Raises StepFailed (BUILD_DEPENDS)."""
    if not is_root:
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            f"apt has no package lists and the builder is not root: "
            f"run `sudo {shlex.join(_UPDATE)}`",
        )
    code, lines = _run(context, _UPDATE)
    if code != 0:
        raise _failed("apt could not fetch its package lists", lines)


def _run(context: StepContext, argv: Sequence[str]) -> tuple[int, list[str]]:
    lines: list[str] = []
    env = {**context.env, "DEBIAN_FRONTEND": "noninteractive", "APT_LISTCHANGES_FRONTEND": "none"}
    command = Command(argv=tuple(argv), cwd=_ANYWHERE, env=env)
    return context.commands.run(command, lines.append), lines


def _failed(message: str, lines: Sequence[str]) -> StepFailed:
    return StepFailed(
        FailureCode.BUILD_DEPENDS, message, excerpt=excerpt(lines[-_LAST_LINES:]), retryable=True
    )
