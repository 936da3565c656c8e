"""Indexes of apt repositories that expire soon are signed again, also without a publication."""

from __future__ import annotations

from collections.abc import Sequence

from common.errors import ApplicationError
from coordination_tasks.build.ports import Pipelines
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.errors import NotRenewed, in_words


def renew_destinations(pipelines: Pipelines, config: BuilderConfig) -> Sequence[str]:
    """The names of the destinations that were renewed.

    Raises NotRenewed for those that could not be, after all others were tried.
    """
    renewed, problems = [], []
    for name, destination in config.destinations.items():
        if destination.apt is None or destination.valid is None:
            continue
        try:
            if pipelines.place(name, destination, config.ssh_hosts).renew():
                renewed.append(name)
        except (ApplicationError, OSError) as error:
            problems.append(f"destination {name}: {in_words(error)}")
    if problems:
        raise NotRenewed("; ".join(problems))
    return renewed
