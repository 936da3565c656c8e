"""The claim that this builder is about to make or holds, on disk before it is made.

A builder that is killed between the push of its claim and its first write would otherwise leave a
`running` job behind unnoticed. With the claim id on disk its next start finds the job.
"""

from __future__ import annotations

from pathlib import Path

from common.atomic_files import write_durably
from common.states import State
from coordination_tasks.domain.model import Job


class ClaimIntent:
    """One small file in the builder's state directory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, claim_id: str) -> None:
        """Remember the claim id; durable when this returns."""
        write_durably(self._path, claim_id.encode())

    def read(self) -> str | None:
        """The claim id that was not cleared, or None."""
        try:
            # A damaged file cannot contain the claim id of a job.
            return self._path.read_text(errors="replace").strip() or None
        except FileNotFoundError:
            return None

    def clear(self) -> None:
        """Forget the claim, which has ended."""
        self._path.unlink(missing_ok=True)


def own_intent(state_dir: Path) -> ClaimIntent:
    """The claim intent of the builder that owns `state_dir`."""
    return ClaimIntent(state_dir / "claim")


def abandoned_job(jobs: tuple[Job, ...], claim_id: str) -> Job | None:
    """The job that is still running under `claim_id`, although the claiming process has ended."""
    return next((j for j in jobs if j.claim_id == claim_id and j.state is State.RUNNING), None)
