"""A dummy that is installed during one build, and the removal of its remains after a crash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import StepContext
from pipelines.steps.debian.dependencies.apt import install_file, purge
from pipelines.steps.debian.dependencies.dummy import MAINTAINER, dummy_name
from pipelines.steps.debian.dependencies.host import Host

_NAME = re.compile(rf"^Package: (.*{re.escape(dummy_name(''))})$", re.MULTILINE)


@contextmanager
def dummy_installed(package: Path | None, source: str, context: StepContext) -> Iterator[None]:
    """Install the dummy of `source` in this context; nothing for None. Raises StepFailed.

    Use it under the exclusive machine lock: every job on the machine sees installed packages.
    """
    if package is None:
        yield
        return
    try:
        install_file(package, context)
        yield
    finally:
        purge(dummy_name(source), context.env)


def remove_leftovers(host: Host, context: StepContext) -> None:
    """Remove dummies of killed builds. Call it under the exclusive machine lock.

    Raises StepFailed (BUILD_DEPENDS).
    """
    names = leftovers(host)
    if names and not host.is_root:
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            f"a killed build left {', '.join(names)} installed, which would count as the real "
            f"packages. Run `sudo apt-get purge {' '.join(names)}`.",
        )
    for name in names:
        context.progress(f"removing {name} of a killed build")
        purge(name, context.env)


def leftovers(host: Host) -> list[str]:
    """Names of the dummies that are installed now."""
    path = host.admindir / "status"
    text = path.read_text(encoding="utf-8", errors="replace")
    paragraphs = [part for part in text.split("\n\n") if f"Maintainer: {MAINTAINER}" in part]
    return [found[1] for part in paragraphs if (found := _NAME.search(part))]


def check_may_install(host: Host) -> None:
    """Raise StepFailed (BUILD_DEPENDS) when the builder is not root."""
    if not host.is_root:
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            "a dummy must be installed (dummies: installed) and the builder is not root. "
            "Set `dummies: overlay`, or build as root.",
        )
