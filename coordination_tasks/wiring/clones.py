"""A builder's own copies of the coordination repository, and its push budget."""

from __future__ import annotations

from collections.abc import Callable

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.lock import make_state_dir
from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.repository.git.branches import GitBranches
from coordination_tasks.repository.git.heartbeats import GitHeartbeats
from coordination_tasks.repository.git.marks import GitMarks
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.git.step_logs import GitStepLogs
from coordination_tasks.store.continuity import ContinuousRepository
from coordination_tasks.store.memory import FarmMemory
from coordination_tasks.store.snapshot import Snapshot


def push_budget(config: BuilderConfig) -> PushBudget:
    """The budget that all processes of the builder share."""
    return PushBudget(config.state_dir / "pushes.json", config.pushes_per_minute)


def repository(config: BuilderConfig) -> GitRepository:
    """The coordination repository; to be closed."""
    make_state_dir(config)
    return GitRepository(
        config.coordination_repository,
        config.state_dir / "coordination",
        author=config.profile.id,
        timeout=config.push_timeout,
        on_push=push_budget(config).spend,
    )


def memory(config: BuilderConfig) -> FarmMemory:
    """What this builder has seen of its farm."""
    return FarmMemory(config.state_dir / "coordination" / "seen.json")


def newest_snapshot(
    config: BuilderConfig, clone: GitRepository, notice: Callable[[str], None]
) -> Snapshot:
    """The store as it is now. Raises Unavailable, HistoryRewritten, AnotherFarm.

    `notice` receives a readable line when the history was rewritten without a loss.
    """
    continuous = ContinuousRepository(clone, memory(config), notice)
    return Snapshot(continuous, continuous.fetch())


def heartbeats(config: BuilderConfig) -> GitHeartbeats:
    """The heartbeats of the farm."""
    return GitHeartbeats(
        config.coordination_repository,
        config.state_dir / "heartbeats.git",
        builder=config.profile.id,
        branch=config.heartbeat.place,
        timeout=config.push_timeout,
        on_push=push_budget(config).spend,
    )


def marks(config: BuilderConfig) -> GitMarks:
    """The tags of the coordination repository."""
    return GitMarks(
        config.coordination_repository,
        config.state_dir / "marks",
        timeout=config.push_timeout,
        on_push=push_budget(config).spend,
    )


def branches(config: BuilderConfig) -> GitBranches:
    """Branches of the coordination repository beside main."""
    return GitBranches(
        config.coordination_repository,
        config.state_dir / "branches",
        author=config.profile.id,
        timeout=config.push_timeout,
        on_push=push_budget(config).spend,
    )


def step_logs(config: BuilderConfig) -> GitStepLogs:
    """The complete logs that the builders of the farm have published."""
    return GitStepLogs(
        config.coordination_repository,
        config.state_dir / "step-logs",
        builder=config.profile.id,
        timeout=config.push_timeout,
        on_push=push_budget(config).spend,
    )
