"""The last step: hands the result of the attempt to whoever publishes it."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.model import Options, StepContext, StepResult

Publisher = Callable[[str, bytes | None], str]
"""Takes the step's name and the manifest (None when there is none); gives what was published."""


class PublishStatusOptions(Options):
    """`publish-status` has no options."""


class PublishStatus:
    """Kind `publish-status`."""

    name = "publish-status"
    summary = "publish result, status and manifest in the coordination repository"
    options = PublishStatusOptions
    values: tuple[str, ...] = ()

    def __init__(self, publish: Publisher) -> None:
        self._publish = publish

    def identity(self, options: PublishStatusOptions, context: StepContext) -> None:
        """Nothing makes this step up to date: its effect is in the coordination repository."""

    def run(self, options: PublishStatusOptions, context: StepContext) -> StepResult:  # noqa: ARG002
        """Publish; raises what the publisher raises."""
        path = context.workspace.manifest
        manifest = path.read_bytes() if path.exists() else None
        return StepResult(reason=self._publish(context.step, manifest))
