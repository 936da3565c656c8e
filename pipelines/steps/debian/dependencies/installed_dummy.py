"""A dummy that is really installed for the time of one build, and what a crash left of it."""

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
    """Have the dummy of `source` installed meanwhile; nothing for None. Raises StepFailed.

    To be used under the machine lock, alone: every job on the machine sees what is installed.
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
    """Remove dummies of builds that were killed. To be called under the machine lock, alone.

    Raises StepFailed (BUILD_DEPENDS).
    """
    names = leftovers(host)
    if names and not host.is_root:
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            f"{', '.join(names)}, which a killed build left installed, would count as what it "
            f"stands for: run `sudo apt-get purge {' '.join(names)}`",
        )
    for name in names:
        context.progress(f"removing {name}, which a killed build left")
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
            "a dummy has to be installed (dummies: installed) and the builder is not root: "
            "say `dummies: overlay`, or let root build",
        )
