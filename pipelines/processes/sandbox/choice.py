"""Which sandbox a builder uses, and why it has none."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from common.settings.sandbox import SandboxKind, SandboxSettings
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.network import Network
from pipelines.processes.sandbox.bubblewrap import Bubblewrap
from pipelines.processes.sandbox.protocol import NoSandbox, Sandbox
from pipelines.workspace.layout import Workspace

_PLACES = "/usr/local/bin:/usr/bin:/bin"
_TRIED = ("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-pid")
_SECONDS = 30.0


def choose_sandbox(
    settings: SandboxSettings,
    workspace: Workspace,
    step: str,
    *,
    objects: Path,
    network: Network,
    ssh_agent: bool,
) -> Sandbox:
    """The sandbox of one step. Raises StepFailed (TOOL_MISSING) if a required one is impossible."""
    if settings.kind is SandboxKind.NONE:
        return NoSandbox(network, ssh_agent)
    found = why_impossible()
    if found is None:
        return Bubblewrap(
            bwrap=program() or "",
            workspace=workspace,
            step=step,
            settings=settings,
            objects=objects,
            network=network,
            ssh_agent=ssh_agent,
        )
    if settings.kind is SandboxKind.BWRAP:
        problem = ": ".join(found)
        raise StepFailed(FailureCode.TOOL_MISSING, f"`sandbox: bwrap` is impossible: {problem}.")
    return NoSandbox(network, ssh_agent)


def program() -> str | None:
    """Path of bwrap."""
    return shutil.which("bwrap", path=_PLACES)


@cache
def why_impossible() -> tuple[str, str] | None:
    """Why this user can make no sandbox on this machine, with the remedy; None when it works."""
    bwrap = program()
    if bwrap is None:
        return "bwrap is not installed", "apt-get install bubblewrap"
    argv = [bwrap, *_TRIED, "--unshare-net", "--die-with-parent", "true"]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"bwrap did not answer within {_SECONDS:g} s", "look at the load of this machine"
    if done.returncode == 0:
        return None
    said = os.fsdecode(done.stderr).strip().splitlines() or [f"exit code {done.returncode}"]
    return said[0], "allow this user to create namespaces (sysctl user.max_user_namespaces)"
