"""Every path of a job on a builder, named once.

The source has a parent folder of its own, because Debian's tools and `build-deb.sh` write beside
the source tree, and sweep that folder with patterns. Nothing of ours is inside the source.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


def folder_name(text: str) -> str:
    """Name of the folder for `text`: itself when that is safe, else readable plus a digest."""
    if _SAFE_NAME.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:60]
    return f"{readable}-{digest}" if readable else digest


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directory of one job on one builder, below the builder's `state_dir`."""

    state_dir: Path
    """Absolute; holds what all jobs of this builder share, and `jobs/`."""
    job_id: str
    attempt: int = 0
    root: Path = field(init=False, repr=False, compare=False)
    """All that belongs to the job."""

    def __post_init__(self) -> None:
        root = self.state_dir / "jobs" / folder_name(self.job_id)
        object.__setattr__(self, "root", root)

    @property
    def source(self) -> Path:
        """The checked out tree; its parent is swept by packaging scripts and holds nothing else."""
        return self.root / "build" / "source"

    @property
    def packages(self) -> Path:
        """Finished `.deb`, `.changes` and `.buildinfo` files."""
        return self.root / "packages"

    @property
    def home(self) -> Path:
        """HOME of the job's processes."""
        return self.root / "home"

    @property
    def maven_repository(self) -> Path:
        """Maven's local repository of this job: two commits never share one."""
        return self.root / "maven-repository"

    @property
    def maven_cache(self) -> Path:
        """Downloaded artifacts that all jobs of the builder may take by hard link."""
        return self.state_dir / "maven-cache"

    @property
    def maven_shared_repository(self) -> Path:
        """Maven's local repository of those steps that want one for all jobs."""
        return self.state_dir / "maven-shared-repository"

    @property
    def maven_tools(self) -> Path:
        """What the builder keeps for Maven itself: Mavens of wrappers, the listener to modules."""
        return self.state_dir / "maven-tools"

    @property
    def mirrors(self) -> Path:
        """One bare mirror for each source repository."""
        return self.state_dir / "mirrors"

    @property
    def discarded(self) -> Path:
        """Trees that are on their way out."""
        return self.root / "discarded"

    @property
    def manifest(self) -> Path:
        """The artifact manifest."""
        return self.root / "manifest.json"

    @property
    def note(self) -> Path:
        """Which job this is, for those who find the workspace later."""
        return self.root / "job.json"

    @property
    def stamps(self) -> Path:
        """What is known of steps that succeeded."""
        return self.root / "stamps"

    @property
    def changes(self) -> Path:
        """What each step changed in the source."""
        return self.root / "changes"

    def module_events(self, step: str) -> Path:
        """What happened to each Maven module of a step, over all its tries."""
        return self.root / "maven" / f"{folder_name(step)}.events"

    def scratch(self, step: str) -> Path:
        """Files that only one step uses: overlay, dummy packages, settings."""
        return self.root / "scratch" / folder_name(step)

    def exit_code(self, step: str) -> Path:
        """Gets the exit code of the run of the step that was begun last."""
        return self.root / "exit-codes" / folder_name(step)

    def log(self, step: str) -> Path:
        """Log of one step of this attempt."""
        return self.root / "logs" / f"{self.attempt:03d}-{folder_name(step)}.log"
