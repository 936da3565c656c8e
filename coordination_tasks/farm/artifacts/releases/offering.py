"""Offers a build that is there already at a destination: verified first, and recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from common.errors import ApplicationError, one_line, os_error_text
from coordination_tasks.documents.paths import PUBLICATIONS
from coordination_tasks.domain.errors import NotFound, NotVerified
from coordination_tasks.domain.good_builds import PREFIX
from coordination_tasks.domain.secret_scan import refuse_secrets
from coordination_tasks.farm.artifacts.copies import fetch
from coordination_tasks.farm.artifacts.listing import destinations_of
from coordination_tasks.farm.artifacts.manifest import Manifest, ManifestFile
from coordination_tasks.farm.artifacts.published import (
    Published,
    find_published,
    good_ends,
    published_by,
)
from coordination_tasks.farm.artifacts.releases.good_builds import find_good_builds
from coordination_tasks.farm.artifacts.releases.publications import (
    PROMOTION,
    ROLLBACK,
    Publication,
    ended,
    new_id,
    read_publications,
    record,
)
from coordination_tasks.farm.artifacts.targets import whole
from coordination_tasks.farm.artifacts.verification import check_record, file_deviations
from coordination_tasks.repository.marks import Marks
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store


class Place(Protocol):
    """A destination of builder.yaml, to publish there by hand.

    `attempt` is the name of an attempt's folder. All raise ApplicationError and OSError.
    """

    def takes(self, file: str) -> bool:
        """Whether it publishes files of this name."""

    def find(self, attempt: str, file: str, sha256: str) -> Path | None:
        """A file that is there already, with this content."""

    def check(
        self, results: Mapping[str, Mapping[str, Any]], files: Sequence[Path], *, untested: bool
    ) -> None:
        """Raise if files are not good enough; `results`: of the job's steps, by kind."""

    def offer(
        self, attempt: str, files: Sequence[Path], *, go_back: bool
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Offer the files of an attempt to users; returns what is new, and what was withdrawn.

        `go_back`: and nothing of later builds. Changes all, or nothing.
        """

    def renew(self) -> bool:
        """Sign an index again that expires soon; returns whether it was."""


def find_build(snapshot: Snapshot, marks: Marks, named: str) -> Published:
    """The build of a job, or of the tag of a good build. Raises NotFound, BrokenDocument."""
    if not named.startswith(PREFIX):
        return find_published(snapshot, named)
    build = next((one for one in find_good_builds(marks) if one.tag == named), None)
    if build is None:
        raise NotFound(f"unknown tag {named[:80]!r}; `doit good-builds` shows them")
    if not build.job:
        raise NotFound(f"tag {named} names no job: an older program made it")
    for end in good_ends(snapshot, build.job):
        if end.attempt == build.attempt:
            return published_by(snapshot, end)
    raise NotFound(f"job {build.job} has no success of attempt {build.attempt} any more")


def destination_of(snapshot: Snapshot, job: str, known: Collection[str], named: str) -> str:
    """Where `doit rollback` goes back: `named`, or else the only one. Raises NotFound."""
    publications = read_publications(snapshot.read(PUBLICATIONS))
    published = destinations_of(snapshot, job, publications)
    if named:
        if named not in published:
            raise NotFound(
                f"job {job} was never published to {named}."
                f" `doit promote {job} --to {named}` publishes it."
            )
        return named
    here = [name for name in published if name in known]
    if len(here) != 1:
        where = f"was published to {', '.join(here)}" if here else "was not published from here"
        raise NotFound(f"job {job} {where}. Name the destination with --to.")
    return here[0]


def check_build(snapshot: Snapshot, build: Published, signers: Path | None) -> str:
    """The key that signed it, "" if that does not matter.

    Raises NotVerified for a manifest that does not count, Unavailable, BadConfiguration.
    """
    checked = check_record(snapshot, build.manifest, signers)
    if checked.deviations:
        raise NotVerified(f"job {build.job}: {checked.deviations[0].problem}")
    return checked.signed_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A build, and the destination that shall offer it."""

    build: Published
    place: Place
    is_here: bool
    """Whether the builder that has the files is on this host."""

    def files(self, folder: Path) -> list[Path]:
        """Its files, compared with the manifest: of the destination, or else of the builder.

        `folder` gets what comes from another host. Raises NotVerified, NotFound and what `fetch`
        raises.
        """
        manifest = self._whole()
        wanted = [file for file in manifest.files if self.place.takes(file.name)]
        if not wanted and not (manifest.is_divided and not self.is_here):
            text = "its manifest lists nothing that this destination takes"
            raise NotVerified(f"job {self.build.job}: {text}")
        there = {file.path: self._there(file) for file in wanted}
        absent = [file for file in wanted if there[file.path] is None]
        if (absent or manifest.is_divided) and not self.is_here:
            copies = fetch(self.build, folder, is_here=False)
            return [path for file, path in copies if self.place.takes(file.name)]
        for one in file_deviations([(file, manifest.place(file)) for file in absent]):
            raise NotVerified(f"job {self.build.job}: {one.file}: {one.problem}")
        return [there[file.path] or manifest.place(file) for file in wanted]

    def results(self) -> Mapping[str, Mapping[str, Any]]:
        """Results of the steps by kind, as the manifest has them. Raises NotVerified."""
        manifest = self.build.manifest
        found = self._provenance.get("steps")
        if manifest.is_divided:
            details = manifest.place(manifest.files[0])
            try:
                found = json.loads(details.read_bytes())["steps"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise NotVerified(
                    f"job {self.build.job}: cannot read {details}, the details of its manifest."
                    f" Run this on builder {self.build.builder}."
                ) from error
        steps = found if isinstance(found, dict) else {}
        return {str(kind): each for kind, each in steps.items() if isinstance(each, dict)}

    @property
    def attempt(self) -> str:
        """The name of its folder: an attempt may have the manifest of an earlier one."""
        made = self._provenance.get("attempt")
        # it becomes a path at the destination, and others can write manifests
        number = made if isinstance(made, int) else self.build.attempt
        return f"{Path(self.build.manifest.folder).name}-{number}"

    @property
    def _provenance(self) -> Mapping[str, Any]:
        found = json.loads(self.build.manifest.data).get("provenance")
        return found if isinstance(found, dict) else {}

    def _whole(self) -> Manifest:
        manifest = self.build.manifest
        return whole(manifest, manifest.place) if self.is_here else manifest

    def _there(self, file: ManifestFile) -> Path | None:
        sha256 = file.digests.get("sha256")
        return self.place.find(self.attempt, file.name, sha256) if sha256 else None


def carry_out(
    store: Store,
    wish: Publication,
    act: Callable[[], tuple[Sequence[str], Sequence[str]]],
    clock: Callable[[], datetime],
) -> Publication:
    """Record a wish, do it, and record how it ended; raises what `act` raises."""
    refuse_secrets("the reason", wish.reason)
    store.change(lambda draft: record(draft, wish))
    try:
        offered, withdrawn = act()
    except (ApplicationError, OSError) as error:
        text = one_line(error) if isinstance(error, ApplicationError) else os_error_text(error)
        failed = ended(wish, clock(), problem=text)
        store.change(lambda draft: record(draft, failed))
        raise
    done = ended(wish, clock(), offered=offered, withdrawn=withdrawn)
    return store.change(lambda draft: record(draft, done))


def wish(
    build: Published,
    destination: str,
    *,
    goes_back: bool,
    builder: str,
    by: str,
    reason: str,
    at: datetime,
) -> Publication:
    """What is to be recorded first."""
    return Publication(
        id=new_id(at),
        act=ROLLBACK if goes_back else PROMOTION,
        job=build.job,
        attempt=build.attempt,
        destination=destination,
        builder=builder,
        by=by,
        reason=reason,
        at=at,
    )
