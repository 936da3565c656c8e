"""Whether the steps of this builder run in a sandbox."""

from __future__ import annotations

import os
import subprocess

from common.settings.sandbox import NO_LIMITS, SandboxKind, SandboxSettings
from pipelines.processes.sandbox.cgroups import CPU, MEMORY
from pipelines.processes.sandbox.choice import program, why_impossible
from pipelines.processes.sandbox.limits import places

_WITHOUT = "steps can read and change everything that this user can"
_AS_ROOT = "builds run as root without a sandbox: steps can do everything on this machine"


_BY_PROCESS = {
    MEMORY: "holds for each process alone (RLIMIT_DATA)",
    CPU: "chooses so many whole processors (taskset)",
}
_DELEGATE = "start the builder as a service of systemd with `Delegate=yes`"


def check_sandbox(settings: SandboxSettings) -> tuple[str, str, str | None, bool]:
    """Name, result, remedy (None: nothing to do), and whether the builder requires it."""
    without = _AS_ROOT if os.geteuid() == 0 else _WITHOUT
    if settings.kind is SandboxKind.NONE:
        return "sandbox", f"none: {without}", "remove `sandbox: none` from builder.yaml", False
    problem = why_impossible()
    if problem is None:
        return "sandbox", f"{_version()}: steps see their own job and the system", None, True
    cause, remedy = problem
    required = settings.kind is SandboxKind.BWRAP
    effect = "no step can run" if required else without
    return "sandbox", f"{cause}: {effect}", remedy, required


def check_limits(settings: SandboxSettings) -> tuple[str, str, str | None, bool]:
    """How steps are limited here: as `check_sandbox`; it matters to a builder that limits them."""
    found = places()
    grouped = found.folders if found else {}
    if MEMORY in grouped and CPU in grouped:
        version = found.version if found else 0
        text = f"cgroup v{version}: `memory` and `cpus` hold for a command and all that it starts"
        return "limits", text, None, False
    parts = [f"`{name}` {_BY_PROCESS[name]}" for name in (MEMORY, CPU) if name not in grouped]
    remedy = _DELEGATE if settings.limits != NO_LIMITS else None
    return "limits", f"no control group can be made: {', '.join(parts)}", remedy, False


def _version() -> str:
    asked = [program() or "bwrap", "--version"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
