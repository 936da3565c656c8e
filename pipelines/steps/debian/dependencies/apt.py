"""Calls of apt-get: no prompts, nothing removed, and waiting for its locks."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Command, StepContext
from pipelines.failures.excerpt import excerpt
from pipelines.processes.capture import Captured, capture
from pipelines.steps.debian.dependencies.host import DPKG_ADMINDIR
from pipelines.steps.debian.dependencies.relations import Group

_LOCK_SECONDS = 600
_QUIET = ("apt-get", "-q", "-y", "-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}")
_CHANGE = (
    *(*_QUIET, "-o", "Dpkg::Use-Pty=0"),
    *("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"),
)
_INSTALL = (*_CHANGE, "--no-remove", "--no-install-recommends")
_UPDATE = (*_QUIET, "update")
_NO_PROMPT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "NEEDRESTART_SUSPEND": "1",
}
# apt never waits for the lock on the package lists, whatever its options say.
_LOCKED = ("Could not get lock", "Unable to acquire the dpkg frontend lock")
_REMOVES = re.compile(r"^(?:Remv|Purg) (\S+)", re.MULTILINE)
_LOCK_ROUND = 0.5
_LAST_LINES = 20
_ANYWHERE = Path("/")


def install_command(groups: Sequence[Group]) -> tuple[str, ...]:
    """The command that installs the groups, and never installs, removes or upgrades more."""
    return (*_INSTALL, "satisfy", *map(str, groups))


def simulate(groups: Sequence[Group], admindir: Path, env: Mapping[str, str]) -> Captured:
    """The effects of `install_command`; needs no root and no lock."""
    return _simulate(("satisfy", *map(str, groups)), admindir, env)


def simulate_install(packages: Sequence[Path], admindir: Path, env: Mapping[str, str]) -> Captured:
    """The effects of installing these package files; needs no root and no lock."""
    return _simulate(("install", *map(str, packages)), admindir, env)


def has_package_lists(env: Mapping[str, str]) -> bool:
    """Whether apt knows any package at all; without its lists every package looks missing."""
    got = capture(
        ["apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages"],
        cwd=_ANYWHERE,
        env=env,
    )
    return got.code == 0 and any(Path(line).is_file() for line in got.output.splitlines())


def install(groups: Sequence[Group], context: StepContext, *, is_root: bool) -> None:
    """Install the packages that the groups need. Raises StepFailed (BUILD_DEPENDS)."""
    command = install_command(groups)
    names = ", ".join(map(str, groups))
    check_rights(groups, is_root=is_root)
    if _run(context, command)[0] == 0:
        return
    # Lists that are older than the archive contain files that it no longer has.
    update_package_lists(context, is_root=is_root)
    code, lines = _run(context, command)
    if code != 0:
        raise _failed(f"apt cannot install {names}", lines)


def check_rights(groups: Sequence[Group], *, is_root: bool) -> None:
    """Raise StepFailed (BUILD_DEPENDS) unless the builder may install packages for the groups."""
    if groups and not is_root:
        names = ", ".join(map(str, groups))
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            f"build dependencies are not installed ({names}) and the builder is not root. "
            f"Run `sudo {shlex.join(install_command(groups))}`.",
        )


def install_file(package: Path, context: StepContext) -> None:
    """Install a package file. Raises StepFailed (BUILD_DEPENDS)."""
    code, lines = _run(context, (*_INSTALL, "install", str(package)))
    if code != 0:
        raise _failed(f"apt cannot install {package.name}", lines)


def purge(name: str, env: Mapping[str, str]) -> None:
    """Remove a package completely, and nothing else, even when the build was cancelled.

    Raises StepFailed (BUILD_DEPENDS).
    """
    argv, quiet = [*_CHANGE, "--no-auto-remove", "purge", name], {**env, **_NO_PROMPT}
    would = capture([*argv, "--simulate"], cwd=_ANYWHERE, env=quiet)
    others = sorted(set(_REMOVES.findall(would.output)) - {name})
    if others:
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            f"cannot remove {name}: {', '.join(others)} would be removed, too. "
            f"Check them and run `apt-get purge {name}`.",
        )
    got = capture(argv, cwd=_ANYWHERE, env=quiet, timeout=2 * _LOCK_SECONDS)
    if got.code != 0:
        raise _failed(f"apt cannot remove {name}", got.text.splitlines())


def update_package_lists(context: StepContext, *, is_root: bool) -> None:
    """Run `apt-get update`. Raises StepFailed (BUILD_DEPENDS)."""
    if not is_root:
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            f"apt has no package lists and the builder is not root. "
            f"Run `sudo {shlex.join(_UPDATE)}`.",
        )
    code, lines = _run(context, _UPDATE)
    if code != 0:
        raise _failed("apt cannot fetch its package lists", lines)


def _simulate(what: Sequence[str], admindir: Path, env: Mapping[str, str]) -> Captured:
    # A cache of another database must not replace the host's cache.
    other = ("-o", f"Dir::State::status={admindir / 'status'}", "-o", "Dir::Cache::pkgcache=")
    argv = [*_INSTALL, *(() if admindir == DPKG_ADMINDIR else other), "--simulate", *what]
    return capture(argv, cwd=_ANYWHERE, env=env)


def _run(context: StepContext, argv: Sequence[str]) -> tuple[int, list[str]]:
    """Run apt; when it exits because of a lock, wait and retry."""
    env = {**context.env, **_NO_PROMPT}
    command = Command(argv=tuple(argv), cwd=_ANYWHERE, env=env, on_host=True)
    end = time.monotonic() + _LOCK_SECONDS
    while True:
        lines: list[str] = []
        code = context.commands.run(command, lines.append)
        locked = any(words in line for words in _LOCKED for line in lines)
        if code == 0 or not locked or time.monotonic() > end:
            return code, lines
        context.progress("waiting for another apt on this machine")
        context.commands.check_cancelled()
        time.sleep(_LOCK_ROUND)


def _failed(message: str, lines: Sequence[str]) -> StepFailed:
    return StepFailed(
        FailureCode.BUILD_DEPENDS, message, excerpt=excerpt(lines[-_LAST_LINES:]), retryable=True
    )
