"""A farm as its commands see it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from common.settings.shared_defaults import SHARED_CONFIG
from coordination_tasks.build.doit_tasks import CLAIM_TASK

if TYPE_CHECKING:
    from common.settings.pipelines_source import PipelinesSource
    from common.states import State
    from coordination_tasks.build.attempt.claim_action import ClaimAction
    from coordination_tasks.build.attempt.running_attempt import RunningAttempt
    from coordination_tasks.build.ports import Pipelines
    from coordination_tasks.builder.config.builder import BuilderConfig


class Farm:
    """The objects of one dodo.py. Nothing is read or built before it is needed."""

    pipelines: Pipelines
    """The pipelines, from dodo.py."""
    first_task = CLAIM_TASK

    def __init__(self, home: Path) -> None:
        self.home = home
        """The folder of dodo.py."""

    def config(self, builder: str = "", *, without_repository: bool = False) -> BuilderConfig:
        """Configuration of this builder; `builder` is the flag's value. Raises BadConfiguration.

        `without_repository`: see read_builder_config.
        """
        from coordination_tasks.builder.config.builder import read_builder_config

        labels = self.pipelines.labels()
        return read_builder_config(
            self.home,
            os.environ,
            builder or None,
            found_labels=labels,
            without_repository=without_repository,
        )

    def pipelines_file(self) -> Path:
        """Path of `pipelines.yaml`. Raises BadConfiguration."""
        from coordination_tasks.builder.config.builder import pipelines_file

        return pipelines_file(self.home, os.environ)

    def pipelines_source(self) -> PipelinesSource | None:
        """Where the pipelines come from; None: from `pipelines_file`. Raises BadConfiguration."""
        from coordination_tasks.builder.config.builder import source_of_pipelines

        return source_of_pipelines(self.home, os.environ)

    def shared_config(self) -> bytes | None:
        """`shared/build_config.json`, as this host read it last; None: there is none."""
        from coordination_tasks.domain.errors import CoordinationError
        from coordination_tasks.wiring.reading import open_known

        config = self.config(without_repository=True)
        if not config.coordination_repository:
            return None
        try:
            with open_known(config) as snapshot:
                return snapshot.read(SHARED_CONFIG) if snapshot else None
        except CoordinationError:
            return None  # a command that only shows pipelines needs no repository

    def source_environment(self) -> Mapping[str, str]:
        """What callers of git need for private sources. Raises BadConfiguration."""
        from coordination_tasks.builder.config.builder import source_environment

        return source_environment(self.home, os.environ)

    def default_timeout(self) -> float:
        """Seconds that a step without a timeout may take. Raises BadConfiguration."""
        from coordination_tasks.builder.config.builder import default_timeout

        return default_timeout(self.home, os.environ)

    @cached_property
    def claim(self) -> ClaimAction:
        """The claim of `doit build`, and the attempt that came of it."""
        from coordination_tasks.build.attempt.claim_action import ClaimAction

        return ClaimAction(self.pipelines.cancel)

    def running(self) -> RunningAttempt | None:
        """The attempt as the steps see it; None while no job is claimed."""
        return self.claim.current()

    def publish(self, step: str, manifest: bytes | None) -> str:
        """End the attempt in one write; returns what was published, as text."""
        return self.claim.log().publish(step, manifest)

    def step_states(self) -> Mapping[str, State]:
        """The state of each step that started or ended in the attempt."""
        return self.claim.log().step_states()
