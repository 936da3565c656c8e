"""Whether the private sources of the pipelines accept this builder's credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from common.settings.source_credentials import credential_for
from pipelines.domain.errors import PipelineError, StepFailed
from pipelines.domain.pipeline import Pipeline
from pipelines.git.remote import check_repository, git_environment, public_url, unreachable
from pipelines.processes.capture import capture

_SECONDS = 30


def check_sources(
    pipelines: Mapping[str, Pipeline], env: Mapping[str, str]
) -> Iterator[tuple[str, str, str | None, bool]]:
    """Name, result, remedy and whether it is required, of each source that has a credential."""
    for repository in _private(pipelines.values(), env):
        url = public_url(repository)
        try:
            problem = _problem(repository, env)
        except PipelineError as error:
            problem = str(error)
        remedy = f"correct source_credentials in builder.yaml: {problem}"
        yield "source access", url, remedy if problem else None, True


def _private(pipelines: Iterable[Pipeline], env: Mapping[str, str]) -> list[str]:
    found = {pipeline.source.repository for pipeline in pipelines}
    return sorted(each for each in found if credential_for(public_url(each), env))


def _problem(repository: str, env: Mapping[str, str]) -> str:
    url = check_repository(public_url(repository))
    try:
        asked = git_environment(repository, env)
        words = ["git", "ls-remote", "--", url, "HEAD"]
        done = capture(words, cwd=Path("/"), env=asked, timeout=_SECONDS)
    except StepFailed as error:
        return error.message
    return unreachable(url, done.text.splitlines(), asked).message if done.code else ""
