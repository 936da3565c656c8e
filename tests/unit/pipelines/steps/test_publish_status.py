from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import UsageError
from common.states import State
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Step, StepContext
from pipelines.steps.artifact_manifest import ArtifactManifest, ArtifactManifestOptions
from pipelines.steps.publish_status import PublishStatus, PublishStatusOptions
from tests.support.pipelines.step_context import Steps

MANIFEST = b"of this job, made in this attempt or one before\n"
LISTS = Step(
    name="lists", kind=ArtifactManifest(), options=ArtifactManifestOptions(), needs=("build",)
)


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    context = replace(Steps(tmp_path).context(step="publish-status"), steps=(LISTS,))
    context.workspace.root.mkdir(parents=True)
    context.workspace.manifest.write_bytes(MANIFEST)
    return context


def published(context: StepContext, **words: str) -> bytes | None:
    states = {step: State(word) for step, word in words.items()}
    given: list[tuple[str, bytes | None]] = []

    def publish(step: str, manifest: bytes | None) -> str:
        given.append((step, manifest))
        return "said"

    result = PublishStatus(publish, lambda: states).run(PublishStatusOptions(), context)
    assert result.reason == "said"
    [(step, manifest)] = given
    assert step == "publish-status"
    return manifest


@pytest.mark.parametrize("state", ["succeeded", "up_to_date"])
def test_the_manifest_that_a_step_made_is_published(context: StepContext, state: str) -> None:
    assert published(context, lists=state) == MANIFEST


@pytest.mark.parametrize("state", ["failed", "skipped", "timed_out", "cancelled", "running"])
def test_one_that_is_only_left_is_not(context: StepContext, state: str) -> None:
    assert published(context, lists=state) is None
    assert published(context, build="succeeded") is None


def test_a_pipeline_without_such_a_step_publishes_none(context: StepContext) -> None:
    assert published(replace(context, steps=()), lists="succeeded") is None


def test_what_a_person_has_to_set_right_is_no_bug(context: StepContext) -> None:
    def refuse(step: str, manifest: bytes | None) -> str:
        raise UsageError("cannot sign with /etc/key")

    with pytest.raises(StepFailed, match="cannot sign with /etc/key") as caught:
        PublishStatus(refuse, dict).run(PublishStatusOptions(), context)
    assert caught.value.code is FailureCode.COMMAND_FAILED
