"""What a builder asks for when it loses the race for a claim: any other can claim for it.

The request lies in a note of the builder's own (see Repository); who wins the next race claims for
all whose requests it sees, in the one write that takes their notes away.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.domain.scheduling import Wanted


class ClaimRequest(BaseModel):
    """A claim of the next job that fits the builder."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    claim_id: str
    builder: BuilderProfile
    wanted: Wanted

    @property
    def data(self) -> bytes:
        """The note's content."""
        return self.model_dump_json().encode("utf-8")


def read_request(owner: str, data: bytes) -> ClaimRequest | None:
    """The request in the note of builder `owner`; None when it makes no sense."""
    try:
        request = ClaimRequest.model_validate_json(data)
    except ValidationError:
        return None
    return request if request.builder.id == owner else None
