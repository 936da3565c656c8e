"""A temporary root for one command: made by mmdebstrap in namespaces, removed at its end.

Nothing on the host is touched, and root is not needed where users have subordinate ids.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.pipeline import Command, StepContext
from pipelines.processes.capture import capture

_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SOURCES = Path("/etc/apt")
# Neither the state folder, which other users may not enter, nor /tmp, which may be in memory.
_ROOTS = Path("/var/tmp")  # noqa: S108 - the folder in it has a name of its own and is checked
_WIPE = ("unshare", "--map-root-user", "--map-auto", "rm", "-rf", "--")


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanRoot:
    """The content of the root, and the actions in it, in this order."""

    suite: str
    """`bookworm`."""
    variant: str
    """mmdebstrap's: `apt`, or `buildd` with compilers."""
    include: Sequence[str] = ()
    folder: Path
    """Its content is put below `/` before the script starts."""
    script: str
    """Path in the root of the script that root runs there."""
    results: str | None = None
    """Folder in the root whose content is put into `target` when the script succeeded."""
    target: Path | None = None


def refusal(env: Mapping[str, str]) -> str | None:
    """Why this machine cannot make a clean root, with the remedy; None when it can."""
    missing = shortcoming(env)
    return ": ".join(missing) if missing else None


def shortcoming(env: Mapping[str, str]) -> tuple[str, str] | None:
    """The problem that prevents a clean root on this machine, and the remedy; None: no problem."""
    if not shutil.which("mmdebstrap", path=_path(env)):
        return "mmdebstrap is not installed", "apt-get install mmdebstrap uidmap"
    ids = () if os.geteuid() == 0 else ("--map-root-user", "--map-auto")
    env = {**env, "PATH": _path(env)}
    got = capture(["unshare", *ids, "--mount", "true"], cwd=Path("/"), env=env)
    if got.code == 0:
        return None
    said = next(iter(got.text.strip().splitlines()), f"exit code {got.code}")
    remedy = (
        "give this process CAP_SYS_ADMIN"
        if os.geteuid() == 0
        else "apt-get install uidmap, and give the user ids in /etc/subuid and /etc/subgid"
    )
    return f"cannot create namespaces here ({said})", remedy


def clean_root_command(root: CleanRoot, context: StepContext) -> Command:
    """The command; its output is that of mmdebstrap and of the script."""
    hooks = [f"copy-in {shlex.quote(str(path))} /" for path in sorted(root.folder.iterdir())]
    hooks.append(f'chroot "$1" sh {shlex.quote(root.script)}')
    if root.results and root.target:
        hooks.append(f"sync-out {shlex.quote(root.results)} {shlex.quote(str(root.target))}")
    argv = [
        *("mmdebstrap", "--mode=unshare", f"--variant={root.variant}"),
        *([f"--include={','.join(root.include)}"] if root.include else []),
        *(f"--customize-hook={hook}" for hook in hooks),
        *(root.suite, "/dev/null", *map(str, _apt_sources())),
    ]
    temporary = _temporary(context)
    env = {**context.env, "PATH": _path(context.env), "TMPDIR": str(temporary)}
    return Command(argv=tuple(argv), cwd=Path("/"), env=env, on_host=True)


def prepare(context: StepContext) -> None:
    """Make the folder for roots, without the remains of a killed build."""
    wipe(context)
    _temporary(context).mkdir(mode=0o755)


def wipe(context: StepContext) -> None:
    """Remove the folder for roots; files of subordinate ids too."""
    folder = _temporary(context)
    if folder.exists() and os.geteuid() != 0:
        capture([*_WIPE, str(folder)], cwd=Path("/"), env=context.env, timeout=600)
    elif folder.exists():
        shutil.rmtree(folder)


def script_text(lines: Sequence[str]) -> str:
    """A script that ends at the first line that fails."""
    return "\n".join(["#!/bin/sh", "set -eu", f"export PATH={_SEARCH_PATH}", *lines, ""])


def apt_line(*arguments: str) -> str:
    """A line of such a script that calls apt-get without prompts."""
    apt = ("apt-get", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0")
    return f"DEBIAN_FRONTEND=noninteractive {shlex.join((*apt, *arguments))}"


def _temporary(context: StepContext) -> Path:
    # One per job and step, so that the next try finds the remains of a killed one.
    of = hashlib.sha256(f"{context.workspace.root} {context.step}".encode()).hexdigest()[:16]
    return _ROOTS / f"build-coordination-{os.geteuid()}-{of}"


def _path(env: Mapping[str, str]) -> str:
    return ":".join(filter(None, (env.get("PATH"), _SEARCH_PATH)))


def _apt_sources() -> list[Path]:
    parts = _SOURCES / "sources.list.d"
    found = [_SOURCES / "sources.list", *parts.glob("*.list"), *parts.glob("*.sources")]
    return sorted(path for path in found if path.is_file() and path.stat().st_size)
