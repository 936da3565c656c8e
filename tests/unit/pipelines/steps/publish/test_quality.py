from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from common.settings.destinations import Destination
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.publish.place import Place
from pipelines.steps.publish.quality import Quality, check_quality, kept_modules

SCRATCH = Destination(folder="/srv/drop", from_scratch=True)
FILES = [Path("app.jar")]


def kept(*names: str) -> dict[str, Any]:
    return {"left_out": [{"name": name} for name in names]}


def test_what_took_modules_of_earlier_builds_is_not_from_scratch() -> None:
    results = {"jars": kept(), "packages": kept("a", "b", "c", "d", "e")}
    said = (
        "destination 'stable' takes only builds from scratch, but step 'packages' took a, b, c and"
        " 2 more from earlier builds. Run `doit rerun JOB --from packages`, or set"
        " `incremental: off`."
    )
    with pytest.raises(StepFailed, match=re.escape(said)) as caught:
        check_quality(Quality({}, kept_modules(results)), "stable", SCRATCH, FILES)
    assert caught.value.code is FailureCode.BAD_REQUEST


def test_a_promotion_is_held_to_the_same() -> None:
    with pytest.raises(StepFailed, match="step 'maven' took core from earlier builds"):
        Place("stable", SCRATCH, {}).check({"maven": kept("core")}, FILES, untested=True)


def test_without_such_modules_all_is_from_scratch() -> None:
    Place("stable", SCRATCH, {}).check({"maven": kept(), "build-deb": {}}, FILES, untested=True)


def test_other_destinations_take_them() -> None:
    place = Place("drop", Destination(folder="/srv/drop"), {})
    place.check({"maven": kept("core")}, FILES, untested=True)
