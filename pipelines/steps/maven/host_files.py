"""Files of the machine outside a job that Maven needs in the job's sandbox."""

from __future__ import annotations

from pathlib import Path

from pipelines.processes.sandbox.bubblewrap import user_home

_OF_USER = ("settings.xml", "settings-security.xml", "toolchains.xml")


def user_settings() -> tuple[Path, ...]:
    """Settings of the builder's user, such as the address of the company's repository."""
    return tuple(user_home() / ".m2" / name for name in _OF_USER)
