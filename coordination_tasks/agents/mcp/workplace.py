"""Where the tools work: one farm, seen from one builder, for one person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coordination_tasks.builder.acting_person import Acting, acting
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.wiring.farm import Farm


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What all tools of a server share."""

    farm: Farm
    config: BuilderConfig
    person: Callable[[Mapping[str, str]], str]
    """The human for whom the agent acts, by the headers of a request (none over standard input);
    "": the person on this machine. Raises BadRequest when this request may not act."""

    def who(self, client: str, headers: Mapping[str, str]) -> Acting:
        """Who acts; `client` is the name that the agent's program gives itself."""
        return acting(self.person(headers), client)
