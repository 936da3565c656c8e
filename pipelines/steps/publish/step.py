"""The step that brings artifacts to where users find them: kind `publish`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.digests import file_sha256
from common.settings.destinations import Destination
from common.yaml.validate import Text
from pipelines.artifacts.manifest import LIST, listed_artifacts
from pipelines.domain.errors import FailureCode, StepFailed, configured
from pipelines.domain.pipeline import Options, StepContext, StepResult
from pipelines.processes.step_log import open_log
from pipelines.steps.publish.quality import Quality, check_quality, kept_modules


class PublishOptions(Options):
    """Options of a `publish` step.

    It publishes what the `artifact-manifest` before it lists: to an apt repository the packages, to
    a folder or bucket everything.
    """

    to: Text
    """Name of a destination in the builder's `builder.yaml`."""
    untested: bool = False
    """Publish packages even if their install test was not made, or failed."""


class Publish:
    """Kind `publish`."""

    name = "publish"
    summary = "publish the artifacts to a destination of the builder"
    options = PublishOptions
    values = ("destination", "published")
    acts_on = "a destination"

    def identity(self, options: PublishOptions, context: StepContext) -> None:
        """None, so it is never up to date: its effect is at the destination."""

    def run(self, options: PublishOptions, context: StepContext) -> StepResult:
        """Publish all artifacts, or none; what is there already stays.

        Raises StepFailed (BAD_REQUEST, ARTIFACT_MISSING, BAD_OUTPUT, TOOL_MISSING, COMMAND_FAILED).
        """
        destination = configured(context.destinations, options.to, "destination", "destinations")
        files = _artifacts(context)
        check_quality(
            Quality(
                context.upstream.get("build-deb", {}),
                kept_modules(_results(context)),
                untested=options.untested,
            ),
            options.to,
            destination,
            files,
        )
        result = _published(options.to, destination, files, context)
        values = {"destination": options.to, "published": list(result)}
        count = len(result)
        what = f"{count} file{'' if count == 1 else 's'}" if count else "nothing new"
        return StepResult(reason=f"published {what} to {options.to}", values=values)


PUBLISH = Publish()


def _manifest(context: StepContext) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(context.workspace.manifest.read_bytes())
    except FileNotFoundError as error:
        message = "no manifest of artifacts. Add a step `artifact-manifest` before this one."
        raise StepFailed(FailureCode.ARTIFACT_MISSING, message) from error
    return found


def _results(context: StepContext) -> Mapping[str, Mapping[str, Any]]:
    """Of the steps whose kinds keep modules, by step name."""
    kinds = {step.name: step.kind.name for step in context.steps}
    return {
        name: values
        for name, values in context.recorded.items()
        if kinds.get(name) in ("maven", "build-deb")
    }


def _artifacts(context: StepContext) -> list[Path]:
    """The files of the manifest, as it lists them."""
    workspace = context.workspace
    found = []
    try:
        entries = listed_artifacts(_manifest(context), workspace.root)
    except (OSError, ValueError) as error:
        message = f"artifact {LIST} is no longer the one in the manifest"
        raise StepFailed(FailureCode.ARTIFACT_MISSING, message) from error
    for entry in entries:
        path = workspace.root / entry["path"]
        if not path.is_file() or file_sha256(path) != entry["checksums"]["sha256"]:
            message = f"artifact {entry['name']} is no longer the one in the manifest"
            raise StepFailed(FailureCode.ARTIFACT_MISSING, message)
        found.append(path)
    return found


def _published(
    name: str, destination: Destination, files: Sequence[Path], context: StepContext
) -> Sequence[str]:
    from pipelines.steps.publish.place import Place  # noqa: PLC0415 - python-debian

    place = Place(
        name,
        destination,
        context.ssh_hosts,
        env=context.env,
        check_cancelled=context.commands.check_cancelled,
        longest=None,
        longest_sending=None,
    )
    # an attempt that found everything up to date has the manifest of an earlier one
    attempt = f"{context.workspace.root.name}-{_manifest(context)['provenance']['attempt']}"
    wanted = [path for path in (*files, context.workspace.manifest) if place.takes(path.name)]
    added, known = place.publish(attempt, wanted)
    if destination.apt is not None:
        with open_log(context.commands.log) as log:
            for label in known:
                log.write(f"{label}: already there")
            for label in added:
                log.write(f"{label}: published in {destination.suite}")
    return added
