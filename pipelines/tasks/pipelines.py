"""The pipelines of a farm, as the rest of the farm uses them.

Each method imports what it needs: a command that needs only the labels does not wait for Maven's
options and their models.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from doit.exceptions import InvalidDodoFile

from common.errors import ApplicationError
from common.settings.shared_defaults import SharedDefaults, read_shared_defaults
from pipelines.domain.errors import BadPipelineFile

if TYPE_CHECKING:
    from common.settings.destinations import Destination
    from common.settings.pipelines_source import PipelinesSource
    from common.settings.sandbox import SandboxSettings
    from common.settings.ssh_hosts import SshHost
    from common.states import State
    from pipelines.domain.pipeline import Pipeline, RunningAttempt
    from pipelines.execution.runner import StepRunner
    from pipelines.git.commits import SourceCommit
    from pipelines.processes.cancellation import Cancellation
    from pipelines.steps.plugins import InstalledKinds
    from pipelines.steps.publish.place import Place
    from pipelines.tasks.definitions.choice import Chosen
    from pipelines.tasks.planner import Planner
    from pipelines.tasks.watched import WatchedSource
    from pipelines.tasks.workspaces import Workspaces


class Farm(Protocol):
    """The farm that the pipelines belong to."""

    @property
    def first_task(self) -> str:
        """Name of the doit task that all steps wait for."""

    def pipelines_file(self) -> Path:
        """Where `pipelines.yaml` is. Raises ApplicationError."""

    def pipelines_source(self) -> PipelinesSource | None:
        """Where the pipelines come from; None: from `pipelines_file`. Raises ApplicationError."""

    def shared_config(self) -> bytes | None:
        """`shared/build_config.json`, as this host read it last; None: there is none."""

    def default_timeout(self) -> float:
        """Seconds that a step without a timeout may take. Raises ApplicationError."""

    def source_environment(self) -> Mapping[str, str]:
        """What callers of git need for private sources. Raises ApplicationError."""

    def running(self) -> RunningAttempt | None:
        """The attempt of this process."""

    def publish(self, step: str, manifest: bytes | None) -> str:
        """Publish the end of the attempt; returns what was published, as text."""

    def step_states(self) -> Mapping[str, State]:
        """The state of each step that started or ended in the attempt."""


class Pipelines:
    """The pipelines of one farm. The file is read on demand, and at most once."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self._shared = SharedDefaults()

    def file(self) -> Path:
        """Where `pipelines.yaml` is. Raises BadPipelineFile."""
        return self._located[0]

    def source_state(self) -> Chosen | None:
        """The commit of `pipelines_source` in use; None without one. Raises BadPipelineFile."""
        return self._located[1]

    @cached_property
    def _located(self) -> tuple[Path, Chosen | None]:
        try:
            source = self._farm.pipelines_source()
            if source is None:
                return self._farm.pipelines_file(), None
        except ApplicationError as error:
            raise BadPipelineFile(str(error)) from error
        from pipelines.language.farm import check_farm
        from pipelines.language.load import read_pipelines
        from pipelines.tasks.definitions.choice import Definitions

        def check(path: Path) -> None:
            check_farm(path, read_pipelines(path, self.kinds))

        return Definitions(source=source, check=check).file()

    def read_again(self) -> None:
        """Forget what was read: a process that runs for long sees changes of the file."""
        for name in ("_located", "known"):
            self.__dict__.pop(name, None)

    def default_timeout(self) -> float:
        """Seconds that a step without a timeout may take here. Raises ApplicationError."""
        return self._farm.default_timeout()

    @cached_property
    def kinds(self) -> InstalledKinds:
        """All step kinds."""
        from pipelines.steps.registry import step_kinds

        return step_kinds(self._farm.publish, self._farm.step_states)

    @cached_property
    def known(self) -> Mapping[str, Pipeline]:
        """All pipelines by name. Raises BadPipelineFile."""
        from pipelines.language.load import read_pipelines

        return read_pipelines(self.file(), self.kinds)

    def tasks(self) -> Iterator[dict[str, Any]]:
        """For doit: a group of tasks for each pipeline. Raises InvalidDodoFile."""
        from pipelines.tasks.doit_tasks import pipeline_tasks

        try:
            pipelines = self.known
        except BadPipelineFile as error:
            raise InvalidDodoFile(str(error)) from error
        yield from pipeline_tasks(pipelines, self._runner, self._farm.first_task)

    @cached_property
    def planner(self) -> Planner:
        """The maker of plans."""
        from pipelines.tasks.planner import Planner

        return Planner(
            pipelines=lambda: self.known,
            kinds=self.kinds,
            runner=self._runner,
            first=self._farm.first_task,
            shared=lambda: self._shared,
        )

    def use_shared(self, data: bytes | None) -> None:
        """Plan from now on with the defaults of this content of `shared/build_config.json`."""
        self._shared = read_shared_defaults(data)

    def shared_defaults(self) -> SharedDefaults:
        """The defaults of the farm, as this host read them last."""
        return read_shared_defaults(self._farm.shared_config())

    def check_job(
        self, pipeline: str, params: Mapping[str, str], *, job_id: str, branch: str, commit: str
    ) -> None:
        """Raise BadValue when no builder could build such a job; branch and commit may be ""."""
        from pipelines.domain.validation import (
            check_branch,
            check_commit,
            check_job_id,
            check_source,
        )
        from pipelines.language.params import resolve_params

        check_job_id(job_id)
        check_source(self.known[pipeline])
        resolve_params(self.known[pipeline], params)
        if branch:
            check_branch(branch)
        if commit:
            check_commit(commit)

    def branch_tip(self, pipeline: str, branch: str) -> str | None:
        """Commit at the tip of a branch of its source; None when it is unknown now."""
        from pipelines.git.branch_tip import branch_tip

        return branch_tip(self.known[pipeline].source, branch, self._environment())

    def branch_commit(self, pipeline: str, branch: str) -> str | None:
        """Commit at the tip of a branch of its source; None when there is no such branch.

        Raises BadValue; ConnectionError when the source cannot be asked.
        """
        from pipelines.git.branch_tip import branch_commit

        return branch_commit(self.known[pipeline].source, branch, self._environment())

    def tag_commit(self, pipeline: str, tag: str) -> str | None:
        """Commit that a tag of its source names; None when there is no such tag.

        Raises BadValue; ConnectionError when the source cannot be asked.
        """
        from pipelines.git.branch_tip import tag_commit

        return tag_commit(self.known[pipeline].source, tag, self._environment())

    def commits_between(
        self, pipeline: str, state_dir: Path, since: str, until: str, files: Sequence[str]
    ) -> Sequence[SourceCommit] | None:
        """Commits of its source from `since` (excluded) to `until`, newest first; None: unknown.

        They come from the mirror below `state_dir`; nothing is fetched. `files` are patterns.
        """
        from pipelines.git.commits import commits_between
        from pipelines.git.mirror import mirror_path
        from pipelines.git.remote import public_url
        from pipelines.workspace.layout import Workspace

        if pipeline not in self.known:
            return None
        url = public_url(self.known[pipeline].source.repository)
        mirror = mirror_path(Workspace(state_dir, "").mirrors, url)
        return commits_between(mirror, since, until, files, os.environ)

    def watched(self, state_dir: Path) -> Mapping[str, WatchedSource]:
        """The sources of all pipelines with triggers, by pipeline. Raises BadPipelineFile."""
        from pipelines.tasks.watched import watched_sources

        return watched_sources(
            self.known, state_dir / "watched", self._environment(), self._cancellation
        )

    def take_folder(self, pipeline: str, folder: Path, into: Path) -> tuple[str, str]:
        """Make a folder as it is now the source of a pipeline; returns branch and commit.

        `into` is a repository of our own, replaced here. Raises ConnectionError when git fails.
        """
        from pipelines.domain.errors import StepFailed
        from pipelines.git.working_tree import commit_of_folder

        try:
            tree = commit_of_folder(folder, into, os.environ)
        except StepFailed as error:
            raise ConnectionError(error.message) from error
        before = self.known[pipeline]
        source = before.source.model_copy(update={"repository": str(tree.repository)})
        self.__dict__["known"] = {**self.known, pipeline: replace(before, source=source)}
        return tree.branch, tree.commit

    def _environment(self) -> Mapping[str, str]:
        """Our own, with the credentials of private sources."""
        return {**os.environ, **self._farm.source_environment()}

    def workspaces(self, state_dir: Path) -> Workspaces:
        """The workspaces of the builder that owns `state_dir`."""
        from pipelines.tasks.workspaces import Workspaces

        return Workspaces(state_dir)

    def place(self, name: str, destination: Destination, hosts: Mapping[str, SshHost]) -> Place:
        """A destination of builder.yaml, to publish there by hand."""
        from pipelines.steps.publish.place import Place

        return Place(name, destination, hosts)

    def labels(self) -> Mapping[str, str]:
        """The labels detected on this machine."""
        from pipelines.tasks.labels import machine_labels

        return machine_labels()

    def check_machine(
        self, env: Mapping[str, str], sandbox: SandboxSettings
    ) -> Iterator[tuple[str, str, str | None, bool]]:
        """Name, result, remedy (None: nothing to do), and whether it is required.

        Includes the needs of the pipelines if their file is valid.
        """
        from pipelines.tasks.definitions.choice import check_source_state
        from pipelines.tasks.machine import check_sources, check_tools
        from pipelines.tasks.optional_tools import check_extras
        from pipelines.tasks.sandbox_check import check_limits, check_sandbox

        for tool in check_tools(env):
            yield *tool, True
        try:
            pipelines: Mapping[str, Pipeline] = self.known
            if chosen := self.source_state():
                yield *check_source_state(chosen), True
        except BadPipelineFile:
            pipelines = {}
        yield check_sandbox(sandbox)
        yield check_limits(sandbox)
        yield from check_sources(pipelines, env)
        yield from check_extras(env, pipelines)

    def cancel(self, reason: str) -> None:
        """End the running steps of this process."""
        self._cancellation.cancel(reason)

    @cached_property
    def _cancellation(self) -> Cancellation:
        from pipelines.processes.cancellation import Cancellation

        return Cancellation()

    @cached_property
    def _runner(self) -> StepRunner:
        from pipelines.execution.runner import StepRunner

        return StepRunner(self._farm.running, self._cancellation)
