"""The source of a pipeline, as its triggers look at it."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.settings.triggers import Triggers
from pipelines.domain.errors import PipelineError
from pipelines.domain.pipeline import Pipeline
from pipelines.git.changed_paths import ChangedPath, matches
from pipelines.git.remote import check_repository, git_environment, public_url, unreachable
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.capture import Captured, capture

_ASK_SECONDS = 30.0
_COMPARE_SECONDS = 300.0
_HEADS, _TAGS, _PEELED = "refs/heads/", "refs/tags/", "^{}"
_LINE = re.compile(r"^([0-9a-f]{40,64})\t(refs/(?:heads|tags)/.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refs:
    """Branches and tags with the commits that they name."""

    branches: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSource:
    """The source of one pipeline with triggers; copies for comparisons are in `folder`."""

    pipeline: Pipeline
    folder: Path
    env: Mapping[str, str]
    cancellation: Cancellation | None = None
    """Ends the git command that runs."""

    @property
    def triggers(self) -> Triggers:
        """What starts jobs of the pipeline."""
        return self.pipeline.triggers

    @property
    def repository(self) -> str:
        """Its address without credentials."""
        return public_url(self.pipeline.source.repository)

    def refs(self) -> Refs:
        """Its branches and tags now. Raises ConnectionError."""
        try:
            url = check_repository(self.repository)
            words = ["git", "ls-remote", "--heads", "--tags", "--", url]
            got = self._run(words, _ASK_SECONDS)
            if got.code:
                raise unreachable(url, got.text.splitlines())
        except PipelineError as error:
            raise ConnectionError(str(error)) from error
        found = {line[2]: line[1] for line in _LINE.finditer(got.output)}
        tags = {ref.removeprefix(_TAGS): c for ref, c in found.items() if ref.startswith(_TAGS)}
        return Refs(
            branches={
                ref.removeprefix(_HEADS): c for ref, c in found.items() if ref.startswith(_HEADS)
            },
            tags={
                name: tags.get(f"{name}{_PEELED}", commit)
                for name, commit in tags.items()
                if not name.endswith(_PEELED)
            },
        )

    def changes(self, since: str, until: str, patterns: Sequence[str]) -> bool | None:
        """Whether one of these files differs between two commits; None: unknown."""
        try:
            paths = self._changed_paths(since, until)
        except (PipelineError, OSError):
            return None
        return None if paths is None else any(matches(ChangedPath(p), patterns) for p in paths)

    def _changed_paths(self, since: str, until: str) -> Collection[str] | None:
        """Fetches the two commits without their files' contents, where the source can do that."""
        copy = self.folder / f"{uuid.uuid4().hex}.git"
        git = ("git", f"--git-dir={copy}")
        fetch = ("fetch", "--quiet", "--no-tags", "--depth=1", "--filter=blob:none")
        compare = ("diff-tree", "-r", "--no-renames", "--name-only", "-z", since, until)
        commands = (
            ("init", "--quiet", "--bare", "--template="),
            (*fetch, "--end-of-options", self.repository, since, until),
            compare,
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            for words in commands:
                done = self._run((*git, *words), _COMPARE_SECONDS)
                if done.code:
                    return None
            return done.output.split("\0")[:-1]
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    def _run(self, words: Sequence[str], timeout: float) -> Captured:
        return capture(
            words,
            cwd=Path("/"),
            env=git_environment(self.pipeline.source.repository, self.env),
            timeout=timeout,
            cancellation=self.cancellation,
        )


def watched_sources(
    pipelines: Mapping[str, Pipeline],
    folder: Path,
    env: Mapping[str, str],
    cancellation: Cancellation,
) -> dict[str, WatchedSource]:
    """The sources of all pipelines with triggers, by pipeline."""
    return {
        name: WatchedSource(pipeline=pipeline, folder=folder, env=env, cancellation=cancellation)
        for name, pipeline in pipelines.items()
        if pipeline.triggers != Triggers()
    }
