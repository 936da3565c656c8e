"""The kinds of steps that `uses:` can name.

A new kind is one class and one line here, or a class in an installed package.
"""

from __future__ import annotations

from typing import Any

from pipelines.domain.pipeline import StepKind
from pipelines.steps.artifact_manifest import ArtifactManifest
from pipelines.steps.checkout import GIT_CHECKOUT
from pipelines.steps.debian.step import BuildDeb
from pipelines.steps.maven.step import MAVEN
from pipelines.steps.plugins import InstalledKinds
from pipelines.steps.preflight import PREFLIGHT
from pipelines.steps.publish_status import Publisher, PublishStatus, States
from pipelines.steps.run import RUN


def step_kinds(publish: Publisher, states: States) -> InstalledKinds:
    """All kinds by name; `publish` and `states` are what `publish-status` calls."""
    kinds: tuple[StepKind[Any], ...] = (
        GIT_CHECKOUT,
        PREFLIGHT,
        MAVEN,
        BuildDeb(),
        ArtifactManifest(),
        RUN,
        PublishStatus(publish, states),
    )
    return InstalledKinds({kind.name: kind for kind in kinds})
