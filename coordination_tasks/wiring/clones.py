"""A builder's own copies of the coordination repository, and its push budget."""

from __future__ import annotations

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.repository.git.heartbeats import GitHeartbeats
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.git.step_logs import GitStepLogs


def push_budget(config: BuilderConfig) -> PushBudget:
    """The budget that all processes of the builder share."""
    return PushBudget(config.state_dir / "pushes.json", config.pushes_per_minute)


def repository(config: BuilderConfig) -> GitRepository:
    """The coordination repository; to be closed."""
    config.state_dir.mkdir(parents=True, exist_ok=True)
    return GitRepository(
        config.coordination_repository,
        config.state_dir / "coordination",
        author=config.profile.id,
        timeout=config.push_timeout,
        on_push=push_budget(config).spend,
    )


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


def step_logs(config: BuilderConfig) -> GitStepLogs:
    """The complete logs that the builders of the farm have published."""
    return GitStepLogs(
        config.coordination_repository,
        config.state_dir / "step-logs",
        builder=config.profile.id,
        timeout=config.push_timeout,
        on_push=push_budget(config).spend,
    )
