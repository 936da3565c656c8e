"""The last step: passes the result of the attempt to its publisher."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.errors import ApplicationError, UsageError
from common.states import ENDED_WELL, State
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Options, StepContext, StepResult
from pipelines.steps.artifact_manifest import ArtifactManifest

Publisher = Callable[[str, bytes | None], str]
"""Takes the step's name and the manifest (None when there is none); returns what was published."""

States = Callable[[], Mapping[str, State]]
"""Returns the state of each step that has ended in this attempt."""


class PublishStatusOptions(Options):
    """No options."""


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
        """None, so it is never up to date: its effect is in the coordination repository."""

    def run(self, options: PublishStatusOptions, context: StepContext) -> StepResult:  # noqa: ARG002
        """Publish the result.

        Raises the errors of the publisher; a wrong configuration, like a key that cannot sign, as
        StepFailed (COMMAND_FAILED).
        """
        manifest = context.workspace.manifest.read_bytes() if self._is_made(context) else None
        try:
            return StepResult(reason=self._publish(context.step, manifest))
        except ApplicationError as error:
            if error.exit_code != UsageError.exit_code:
                raise
            raise StepFailed(FailureCode.COMMAND_FAILED, str(error)) from error

    def _is_made(self, context: StepContext) -> bool:
        """Whether the manifest is this attempt's: the existing one may be older."""
        states = self._states()
        return any(
            isinstance(step.kind, ArtifactManifest) and states.get(step.name) in ENDED_WELL
            for step in context.steps
        )
