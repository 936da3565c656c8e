"""Whether packages are good enough for a destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.settings.destinations import Destination
from pipelines.artifacts.debian_files import is_package
from pipelines.domain.errors import FailureCode, StepFailed


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of packages."""

    made: Mapping[str, Any]
    """Results of the step that built them; empty if a script did."""
    untested: bool = False
    """Whether they may be published without an install test that succeeded."""


def check_quality(
    quality: Quality, name: str, destination: Destination, files: Sequence[Path]
) -> None:
    """Raise StepFailed (BAD_REQUEST, ARTIFACT_MISSING) if the destination `name` refuses files."""
    if not any(is_package(path.name) for path in files):
        if destination.apt is not None:
            raise StepFailed(FailureCode.ARTIFACT_MISSING, "the manifest lists no package")
        return
    grade = quality.made.get("grade", "clean")
    if grade not in destination.grades:
        raise StepFailed(
            FailureCode.BAD_REQUEST,
            f"destination '{name}' takes no {grade} packages, only {', '.join(destination.grades)}",
        )
    installs = quality.made.get("install_test", {}).get("installs")
    if quality.made and installs is not True and not quality.untested:
        why = "failed" if installs is False else "was not made"
        raise StepFailed(
            FailureCode.BAD_REQUEST,
            f"the install test of the packages {why}. Set `untested: true` to publish them anyway.",
        )
