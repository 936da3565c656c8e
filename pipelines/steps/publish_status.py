"""The last step: hands the result of the attempt to whoever publishes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.states import ENDED_WELL, State
from pipelines.domain.pipeline import Options, StepContext, StepResult
from pipelines.steps.artifact_manifest import ArtifactManifest

Publisher = Callable[[str, bytes | None], str]
"""Takes the step's name and the manifest (None when there is none); gives what was published."""

States = Callable[[], Mapping[str, State]]
"""Gives the state of each step that is at its end in this attempt."""


class PublishStatusOptions(Options):
    """`publish-status` has no options."""


class PublishStatus:
    """Kind `publish-status`."""

    name = "publish-status"
    summary = "publish result, status and manifest in the coordination repository"
    options = PublishStatusOptions
    values: tuple[str, ...] = ()

    def __init__(self, publish: Publisher, states: States) -> None:
        self._publish = publish
        self._states = states

    def identity(self, options: PublishStatusOptions, context: StepContext) -> None:
        """Nothing makes this step up to date: its effect is in the coordination repository."""

    def run(self, options: PublishStatusOptions, context: StepContext) -> StepResult:  # noqa: ARG002
        """Publish; raises what the publisher raises."""
        manifest = context.workspace.manifest.read_bytes() if self._is_made(context) else None
        return StepResult(reason=self._publish(context.step, manifest))

    def _is_made(self, context: StepContext) -> bool:
        """Whether the manifest is this attempt's: what is there may be of one before it."""
        states = self._states()
        return any(
            isinstance(step.kind, ArtifactManifest) and states.get(step.name) in ENDED_WELL
            for step in context.steps
        )
