"""Whether the steps of this builder run in a sandbox."""

from __future__ import annotations

import os
import subprocess

from common.settings.sandbox import SandboxKind, SandboxSettings
from pipelines.processes.sandbox.choice import program, why_impossible

_WITHOUT = "steps can read and change everything that this user can"
_AS_ROOT = "builds run as root without a sandbox: steps can do everything on this machine"


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


def _version() -> str:
    asked = [program() or "bwrap", "--version"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
