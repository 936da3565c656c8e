"""Versions of this program on a machine: a folder each, and a link that shows the current one."""

from __future__ import annotations

from pathlib import Path

from installation.files import CODE, CURRENT, VERSIONS
from installation.machine import ROOT, InstallationError, Machine, answer

_DIGITS = 12


def commit_of(checkout: Path, name: str = "HEAD") -> str:
    """The commit of a checkout that `name` means. Raises InstallationError."""
    code, said = answer("git", "-C", checkout, "rev-parse", "--verify", f"{name}^{{commit}}")
    if code:
        raise InstallationError(f"{checkout} has no version {name[:60]!r}: {said}")
    return said


def folder_of(commit: str) -> str:
    """Folder of a version."""
    return f"{VERSIONS}/{commit[:_DIGITS]}"


def current(machine: Machine) -> str | None:
    """Folder of the version that the builder uses; None before there is one."""
    link = machine.path(CURRENT)
    return str(link.readlink()) if link.is_symlink() else None


def add_version(machine: Machine, checkout: Path, commit: str) -> str:
    """Make the folder of a version, without its Python environment; returns the folder.

    Raises InstallationError.
    """
    folder = folder_of(commit)
    path = machine.path(folder)
    if machine.path(f"{folder}/dodo.py").exists():
        return folder
    owner = None if machine.is_image else ROOT
    for name in (CODE, VERSIONS):
        machine.folder(name, mode=0o755, owner=owner)
    machine.remove(f"{folder}.new")
    new = path.with_name(f"{path.name}.new")
    copy = ("git", "clone", "--quiet", "--no-hardlinks", "--no-checkout", checkout, new)
    machine.run(*copy, why=f"copy version {commit[:_DIGITS]} to {folder}")
    if machine.dry_run:
        return folder
    _, origin = answer("git", "-C", checkout, "config", "remote.origin.url")
    if origin:
        answer("git", "-C", new, "remote", "set-url", "origin", origin)
    code, said = answer("git", "-C", new, "checkout", "--quiet", "--detach", commit)
    if code:
        raise InstallationError(f"{folder}: {said}")
    new.rename(path)
    return folder


def set_up(machine: Machine, folder: str) -> None:
    """Install Debian packages and the Python environment that a version needs."""
    script = machine.path(f"{folder}/scripts/setup")
    machine.run(script, why=f"set up {folder}")
    compiled = ("common", "coordination_tasks", "pipelines")
    python = machine.path(f"{folder}/.venv/bin/python")
    folders = [machine.path(f"{folder}/{name}") for name in compiled]
    machine.run(python, "-m", "compileall", "-q", *folders, why=f"compile {folder}")


def remove_old(machine: Machine) -> None:
    """Remove all versions but the current one and the newest of the others."""
    folder = machine.path(VERSIONS)
    shown = Path(current(machine) or "").name
    found = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    others = [path for path in found if path.name != shown]
    for path in others[1:]:
        machine.remove(f"{VERSIONS}/{path.name}")
