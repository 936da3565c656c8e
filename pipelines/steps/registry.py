"""The step kinds that `uses:` can name.

A new kind is one class and one line here, or a class in an installed package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from pipelines.domain.pipeline import StepKind
from pipelines.steps.plugins import InstalledKinds
from pipelines.steps.publish_status import Publisher, PublishStatus, States

_OWN = {
    "git-checkout": "pipelines.steps.checkout:GIT_CHECKOUT",
    "preflight": "pipelines.steps.gates.preflight:PREFLIGHT",
    "check-evidence": "pipelines.steps.gates.evidence:CHECK_EVIDENCE",
    "maven": "pipelines.steps.maven.step:MAVEN",
    "build-deb": "pipelines.steps.debian.step:BUILD_DEB",
    "artifact-manifest": "pipelines.steps.artifact_manifest:ARTIFACT_MANIFEST",
    "publish": "pipelines.steps.publish.step:PUBLISH",
    "ssh": "pipelines.steps.ssh:SSH",
    "run": "pipelines.steps.run:RUN",
}
"""Module and object by name, in the form of entry points."""


def step_kinds(publish: Publisher, states: States) -> InstalledKinds:
    """All kinds by name; `publish` and `states` are what `publish-status` calls."""
    return InstalledKinds(_OwnKinds(PublishStatus(publish, states)))


class _OwnKinds(Mapping[str, StepKind[Any]]):
    """Our own kinds; each is imported on demand."""

    def __init__(self, last: PublishStatus) -> None:
        self._last = last

    def __getitem__(self, name: str) -> StepKind[Any]:
        if name == self._last.name:
            return self._last
        module, _, found = _OWN[name].partition(":")
        kind: StepKind[Any] = getattr(import_module(module), found)
        return kind

    def __contains__(self, name: object) -> bool:
        return name == self._last.name or name in _OWN

    def __iter__(self) -> Iterator[str]:
        return iter((*_OWN, self._last.name))

    def __len__(self) -> int:
        return len(_OWN) + 1
