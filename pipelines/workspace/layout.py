"""Every path of a job on a builder.

The source has a parent folder of its own, because Debian's tools and `build-deb.sh` write beside
the source tree, and remove files there by patterns. Nothing of ours is inside the source.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


def folder_name(text: str) -> str:
    """Folder name for `text`: unchanged if that is safe, otherwise a readable part and a digest."""
    if _SAFE_NAME.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:60]
    return f"{readable}-{digest}" if readable else digest


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directory of one job on one builder, below the builder's `state_dir`."""

    state_dir: Path
    """Absolute; contains the shared data of this builder's jobs, and `jobs/`."""
    job_id: str
    attempt: int = 0
    root: Path = field(init=False, repr=False, compare=False)
    """Everything that belongs to the job."""

    def __post_init__(self) -> None:
        root = self.state_dir / "jobs" / folder_name(self.job_id)
        object.__setattr__(self, "root", root)

    @property
    def source(self) -> Path:
        """The checked out tree; packaging scripts clean its parent, which contains nothing else."""
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
        """Downloaded artifacts, which all jobs of the builder get copies of."""
        return self.state_dir / "maven-cache"

    @property
    def maven_shared_repository(self) -> Path:
        """Maven's local repository that all jobs share, for steps that ask for it."""
        return self.state_dir / "maven-shared-repository"

    @property
    def maven_tools(self) -> Path:
        """Files for Maven that the builder makes: the module listener, archives of classes."""
        return self.state_dir / "maven-tools"

    @property
    def kept_modules(self) -> Path:
        """Results of Maven modules of each source repository, for later builds."""
        return self.state_dir / "maven-modules"

    @property
    def mirrors(self) -> Path:
        """One bare mirror for each source repository."""
        return self.state_dir / "mirrors"

    @property
    def discarded(self) -> Path:
        """Trees that are being removed."""
        return self.root / "discarded"

    @property
    def manifest(self) -> Path:
        """The artifact manifest."""
        return self.root / "manifest.json"

    @property
    def note(self) -> Path:
        """The note about the job, for later readers."""
        return self.root / "job.json"

    @property
    def successes(self) -> Path:
        """Records of successful steps."""
        return self.root / "stamps"

    @property
    def changes(self) -> Path:
        """The changes of each step in the source tree."""
        return self.root / "changes"

    def module_events(self, step: str) -> Path:
        """What Maven did with each module in the latest try of a step."""
        return self.module_events_folder / f"{folder_name(step)}.events"

    @property
    def module_events_folder(self) -> Path:
        """What Maven itself writes about the modules of all steps."""
        return self.root / "maven"

    def dependencies(self, step: str) -> Path:
        """What Maven resolved in a step, for the bill of materials."""
        return self.module_events_folder / f"{folder_name(step)}.dependencies.json"

    @property
    def bill(self) -> Path:
        """The bill of materials (CycloneDX) of the artifacts."""
        return self.root / "sbom.cdx.json"

    @property
    def provenance(self) -> Path:
        """The statement (in-toto) how the artifacts were made."""
        return self.root / "provenance.intoto.json"

    def temporary(self, step: str) -> Path:
        """What the commands of a step see as the system's folders for temporary files."""
        return self.root / "temporary" / folder_name(step)

    def scratch(self, step: str) -> Path:
        """Files that only one step uses: overlay, dummy packages, settings."""
        return self.root / "scratch" / folder_name(step)

    def exit_code(self, step: str) -> Path:
        """File for the exit code of the step's latest run."""
        return self.root / "exit-codes" / folder_name(step)

    def log(self, step: str) -> Path:
        """Log of one step of this attempt."""
        return self.root / "logs" / f"{self.attempt:03d}-{folder_name(step)}.log"
