"""The sandbox of a step in tests that give it files of their own folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from common.settings.sandbox import Access, SandboxSettings
from pipelines.domain.network import Network
from pipelines.processes.sandbox.choice import choose_sandbox
from pipelines.processes.sandbox.protocol import Sandbox
from pipelines.workspace.layout import Workspace


def sandbox_with(
    folder: Path, workspace: Workspace, step: str, network: Network = Network.HOST
) -> Callable[[], Sandbox]:
    """The sandbox of a builder that lets its steps use `folder`, but for its own state."""
    return partial(
        choose_sandbox,
        SandboxSettings(paths={folder: Access.WRITE}),
        workspace,
        step,
        objects=workspace.mirrors / "none" / "objects",
        network=network,
        ssh_agent=False,
    )
