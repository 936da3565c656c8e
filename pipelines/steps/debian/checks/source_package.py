"""Faults of `debian/` with which no build succeeds, found within a second."""

from __future__ import annotations

from debian.deb822 import Deb822

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import StepContext
from pipelines.failures.evidence import Evidence
from pipelines.failures.excerpt import excerpt, one_line
from pipelines.processes.capture import capture
from pipelines.steps.debian.dependencies.host import Host

_SHOWN_LINES = 5
_CHECKED = (0, 1)
"""Exit codes with which dpkg-checkbuilddeps has read all of debian/control."""


def check_source_package(context: StepContext, host: Host) -> None:
    """Raise StepFailed (PACKAGING_FAILED) when debian/ cannot make a package on this machine."""
    source = context.workspace.source
    rules = source / "debian" / "rules"
    content = rules.read_bytes() if rules.is_file() else b""
    if b"\r\n" in content:
        lines = content.decode(errors="replace").split("\n")
        raise StepFailed(
            FailureCode.PACKAGING_FAILED,
            "debian/rules has CR LF line ends, which make cannot read. Save it with LF.",
            excerpt=excerpt(line.replace("\r", "\\r") for line in lines[:_SHOWN_LINES]),
        )
    if (source / "debian" / "control").is_file():  # otherwise its reader reports that
        _check_control(context)
        _check_architectures(context, host)


def _check_control(context: StepContext) -> None:
    argv = ["dpkg-checkbuilddeps", "-d", "", "-c", "", "debian/control"]
    source = context.workspace.source
    got = capture(argv, cwd=source, env={**context.env, "LC_ALL": "C.UTF-8"})
    if got.code in _CHECKED:
        return
    evidence = Evidence()
    for line in got.text.splitlines():
        evidence.feed(line)
    raise StepFailed(
        FailureCode.PACKAGING_FAILED,
        one_line(f"cannot read debian/control: {evidence.cause().message}"),
        excerpt=excerpt(got.text.splitlines()),
    )


def _check_architectures(context: StepContext, host: Host) -> None:
    control = context.workspace.source / "debian" / "control"
    with control.open(encoding="utf-8", errors="replace") as stream:
        paragraphs = [p for p in Deb822.iter_paragraphs(stream) if "Package" in p]
    wanted = {p["Package"]: p.get("Architecture", "").split() for p in paragraphs}
    here = [name for name, where in wanted.items() if "all" in where or host.concerned(where)]
    if wanted and not here:
        listed = ", ".join(f"{name} is for {' '.join(where)}" for name, where in wanted.items())
        raise StepFailed(
            FailureCode.PACKAGING_FAILED,
            one_line(f"no package of debian/control is for this machine's architecture: {listed}"),
            excerpt=excerpt(
                f"Package: {name}\nArchitecture: {' '.join(where)}"
                for name, where in wanted.items()
            ),
        )
