"""Whether packages are good enough for a destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.settings.destinations import Destination
from pipelines.artifacts.debian_files import is_package
from pipelines.domain.errors import FailureCode, StepFailed

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of packages."""

    made: Mapping[str, Any]
    """Results of the step that built them; empty if a script did."""
    kept: Mapping[str, Sequence[str]]
    """Maven modules that were built earlier, by the step that used them."""
    untested: bool = False
    """Whether they may be published without an install test that succeeded."""


def kept_modules(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Sequence[str]]:
    """The modules that were built earlier, from the results of steps; empty if there are none."""
    found = {
        step: [module["name"] for module in values.get("left_out", ())]
        for step, values in results.items()
    }
    return {step: names for step, names in found.items() if names}


def check_quality(
    quality: Quality, name: str, destination: Destination, files: Sequence[Path]
) -> None:
    """Raise StepFailed (BAD_REQUEST, ARTIFACT_MISSING) if the destination `name` refuses files."""
    if destination.from_scratch:
        _check_from_scratch(quality.kept, name)
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


def _check_from_scratch(kept: Mapping[str, Sequence[str]], name: str) -> None:
    for step, modules in kept.items():
        more = f" and {len(modules) - _SHOWN} more" if len(modules) > _SHOWN else ""
        raise StepFailed(
            FailureCode.BAD_REQUEST,
            f"destination '{name}' takes only builds from scratch, but step '{step}' took"
            f" {', '.join(modules[:_SHOWN])}{more} from earlier builds."
            f" Run `doit rerun JOB --from {step}`, or set `incremental: off`.",
        )
