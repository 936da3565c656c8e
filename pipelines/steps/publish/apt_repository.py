"""An apt repository in a folder: signed, with several versions, switched as a whole.

`dists/SUITE` is a link to a folder of its own in `snapshots/`. A publication makes a new folder
beside it and replaces the link, so a client, or a kill, sees the old state or the new one. Indexes
of earlier states stay readable by their hash, and files of the pool are never changed.
"""

from __future__ import annotations

import glob
import gzip
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

from common.atomic_files import sync, write_durably
from common.digests import file_sha256
from common.settings.destinations import Destination
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.publish.packages_index import (
    Stanza,
    architectures,
    index_text,
    newer_than,
    newest,
    of_architecture,
    read_stanzas,
    released_digests,
)
from pipelines.steps.publish.signed_index import Run, sign_index
from pipelines.workspace.sync import sync_file_system

_KEPT = 3
"""Snapshots of a suite: clients that began to read the last one finish."""
_FOLDER, _FILE = 0o755, 0o644
"""Web servers read them, whatever the umask of the build."""
_HASHES = ("SHA256", "SHA512")


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did."""

    added: tuple[str, ...]
    """Packages that are new in the suite."""
    known: tuple[str, ...]
    """Packages that it already had."""
    withdrawn: tuple[str, ...] = ()
    """Packages that it no longer offers."""


class Act(Enum):
    """Why a suite changes."""

    PUBLISH = auto()
    """A step of a job."""
    OFFER = auto()
    """A person wants a build in it."""
    GO_BACK = auto()
    """A person wants a build in it, and no later one."""


@dataclass(frozen=True, slots=True)
class AptRepository:
    """The repository of a destination; its methods are called under its lock."""

    destination: Destination
    run: Run

    @property
    def root(self) -> Path:
        """Its top folder."""
        return Path(self.destination.apt or "")

    def publish(self, packages: Sequence[Path]) -> Published:
        """Add packages to the suite, all or none; those that it has with the same bytes stay.

        Raises StepFailed (BAD_REQUEST) for other bytes under a version that was published, and for
        a version that was withdrawn; BAD_OUTPUT for a damaged suite.
        """
        return self._update(packages, Act.PUBLISH)

    def offer(self, packages: Sequence[Path], *, withdraw_newer: bool) -> Published:
        """The same because a person asks for it: also versions that were withdrawn.

        `withdraw_newer`: the suite no longer offers what later builds of the same source added.
        """
        return self._update(packages, Act.GO_BACK if withdraw_newer else Act.OFFER)

    def renew(self) -> bool:
        """Sign the index of the suite again if it expires soon; returns whether it was."""
        if not self._link.exists() or not self._expires_soon():
            return False
        self._check_is_whole()
        self._remove_remains()
        self._switch(self._new_snapshot(self._stanzas()))
        self._remove_old()
        return True

    def find(self, name: str, sha256: str) -> Path | None:
        """The package of this name and content in the pool, if it is there."""
        places = self.root.glob(f"pool/*/*/*/{glob.escape(name)}")
        return next((path for path in places if file_sha256(path) == sha256), None)

    def _update(self, packages: Sequence[Path], act: Act) -> Published:
        self._check_is_whole()
        self._remove_remains()
        current = self._stanzas()
        scanned = [self._scan(path) for path in packages]
        digests = self._checked_digests(scanned)
        gone = newer_than([s for _, s in scanned], current) if act is Act.GO_BACK else []
        current = [stanza for stanza in current if stanza not in gone]
        known = {stanza.identity for stanza in current}
        fresh = {s.identity: (path, s) for path, s in scanned if s.identity not in known}.values()
        there = [(path, stanza) for path, stanza in scanned if stanza.identity in known]
        for path, stanza in there:
            self._add_to_pool(path, stanza)  # somebody may have damaged it
        labels = tuple(stanza.label for _, stanza in there)
        if not fresh and not gone and not self._expires_soon():
            return Published((), labels)
        added = tuple(stanza.label for _, stanza in fresh)
        withdrawn = self._withdrawn_after(added, tuple(stanza.label for stanza in gone), act)
        wanted = newest([*current, *(stanza for _, stanza in fresh)], self.destination.keep)
        for path, stanza in fresh:
            self._refuse_old(stanza, wanted)
            self._add_to_pool(path, stanza)
        snapshot = self._new_snapshot(wanted)
        # before a client can see it
        _write_json(self._digests_file, digests)
        if withdrawn != _read_json(self._withdrawn_file):
            _write_json(self._withdrawn_file, withdrawn)
        self._switch(snapshot)
        self._remove_old()
        return Published(added, labels, tuple(stanza.label for stanza in gone))

    # --- what is there ---------------------------------------------------------------------------

    @property
    def _link(self) -> Path:
        return self.root / "dists" / self.destination.suite

    @property
    def _snapshots(self) -> Path:
        return self.root / "snapshots" / self.destination.suite

    def _stanzas(self) -> list[Stanza]:
        """The packages that the suite offers now."""
        return _stanzas_of(self._link / self.destination.component)

    def _scan(self, package: Path) -> tuple[Path, Stanza]:
        """The package as the index will have it."""
        text = self.run(["apt-ftparchive", "packages", package.name], package.parent)
        try:
            [stanza] = read_stanzas(text)
        except (KeyError, ValueError) as error:
            message = f"{package.name} is no package that apt can read"
            raise StepFailed(FailureCode.BAD_OUTPUT, message) from error
        name = stanza.package
        folder = f"pool/{self.destination.component}/{name[:1]}/{name}"
        filename = f"{folder}/{package.name}"
        changed = stanza.text.replace(f"Filename: {stanza.filename}", f"Filename: {filename}", 1)
        [placed] = read_stanzas(changed)
        return package, placed

    @property
    def _digests_file(self) -> Path:
        """What each version is for ever, also when it is no longer offered."""
        return self.root / "digests.json"

    def _checked_digests(self, scanned: Sequence[tuple[Path, Stanza]]) -> dict[str, str]:
        """SHA-256 of all versions that were published, and of these.

        Raises StepFailed (BAD_REQUEST) for a version that was published with other bytes.
        """
        digests: dict[str, str] = _read_json(self._digests_file)
        for package, stanza in scanned:
            published = digests.setdefault(stanza.label, stanza.sha256)
            if published != stanza.sha256:
                raise StepFailed(
                    FailureCode.BAD_REQUEST,
                    f"{stanza.label} was published with other bytes: SHA-256 {published} there,"
                    f" {stanza.sha256} in {package.name}. Build it with a new version.",
                )
        return digests

    @property
    def _withdrawn_file(self) -> Path:
        """By suite the versions that a person withdrew: no step offers them again."""
        return self.root / "withdrawn.json"

    def _withdrawn_after(
        self, added: Sequence[str], gone: Sequence[str], act: Act
    ) -> dict[str, list[str]]:
        """What is withdrawn then. Raises StepFailed (BAD_REQUEST) if a step adds one of them."""
        suite = self.destination.suite
        by_suite: dict[str, list[str]] = _read_json(self._withdrawn_file)
        withdrawn = set(by_suite.get(suite, ()))
        if act is Act.PUBLISH and (again := sorted(withdrawn & set(added))):
            raise StepFailed(
                FailureCode.BAD_REQUEST,
                f"{again[0]} was withdrawn from suite {suite}. Build a new version, or offer this"
                " one again with `doit promote`.",
            )
        after = sorted((withdrawn - set(added)) | set(gone))
        others = {name: labels for name, labels in by_suite.items() if name != suite}
        return {**others, suite: after} if after else others

    def _refuse_old(self, stanza: Stanza, wanted: Sequence[Stanza]) -> None:
        if stanza not in wanted:
            raise StepFailed(
                FailureCode.BAD_REQUEST,
                f"{stanza.label} is older than the {self.destination.keep} versions that suite"
                f" {self.destination.suite} keeps",
            )

    def _check_is_whole(self) -> None:
        """Raise StepFailed for a suite of another program, and for one that is damaged."""
        link = self._link
        if link.exists() and not link.is_symlink():
            raise StepFailed(
                FailureCode.BAD_REQUEST,
                f"{link} is a folder that another program made. Choose another `apt` or"
                " `suite` in builder.yaml.",
            )
        if link.is_symlink() and (damage := _damage(link)):
            raise StepFailed(
                FailureCode.BAD_OUTPUT,
                f"suite {self.destination.suite} is damaged: {link / damage} is missing or was"
                f" changed. Link {link} to an earlier folder of {self._snapshots}, and publish"
                " again.",
            )

    def _expires_soon(self) -> bool:
        """Whether clients would refuse the index before half of its time is over again."""
        valid = self.destination.valid
        with suppress(FileNotFoundError):
            age = time.time() - (self._link / "InRelease").stat().st_mtime
            return valid is not None and age > valid / 2
        return True

    # --- the new state ---------------------------------------------------------------------------

    def _add_to_pool(self, package: Path, stanza: Stanza) -> None:
        place = self.root / stanza.filename
        if place.exists() and file_sha256(place) == stanza.sha256:
            return  # of another suite, or of a publication that was killed
        place.parent.mkdir(parents=True, exist_ok=True)
        for folder in place.relative_to(self.root).parents:
            (self.root / folder).chmod(_FOLDER)
        copy = place.with_name(f".{place.name}.new")
        shutil.copyfile(package, copy)
        copy.chmod(_FILE)
        sync(copy)
        copy.replace(place)
        sync(place.parent)

    def _new_snapshot(self, stanzas: Sequence[Stanza]) -> Path:
        self._snapshots.mkdir(parents=True, exist_ok=True)
        numbers = [int(path.name) for path in self._snapshots.iterdir() if path.name.isdecimal()]
        made = self._snapshots / f"{max(numbers, default=0) + 1}.new"
        own = self.run(["dpkg", "--print-architecture"], self.root).strip()
        names = architectures(stanzas, own)
        for name in names:
            folder = made / self.destination.component / f"binary-{name}"
            folder.mkdir(parents=True)
            text = index_text(of_architecture(stanzas, name))
            packages = os.fsencode(text)
            (folder / "Packages").write_bytes(packages)
            (folder / "Packages.gz").write_bytes(gzip.compress(packages, mtime=0))
            self._keep_by_hash(folder)
        sign_index(made, self.destination, names, self._next_time(), self.run)
        for path in (made, *made.rglob("*")):
            path.chmod(_FOLDER if path.is_dir() else _FILE)
        sync_file_system(made)
        whole = made.with_suffix("")
        made.rename(whole)
        sync(self._snapshots)
        return whole

    def _keep_by_hash(self, folder: Path) -> None:
        """Both indexes by their hashes, and those of the state before."""
        before = self._link / folder.relative_to(folder.parents[1]) / "by-hash"
        for algorithm in _HASHES:
            there = folder / "by-hash" / algorithm
            there.mkdir(parents=True)
            for name in ("Packages", "Packages.gz"):
                content = (folder / name).read_bytes()
                digest = hashlib.new(algorithm, content).hexdigest()
                os.link(folder / name, there / digest)
            ours = {path.name for path in there.iterdir()}
            for old in _newest_files(before / algorithm, 2 * _KEPT):
                if old.name not in ours:
                    os.link(old, there / old.name)

    def _next_time(self) -> float:
        """Now, but at least a second after the state before."""
        with suppress(FileNotFoundError):
            return max(time.time(), (self._link / "InRelease").stat().st_mtime + 1)
        return time.time()

    def _switch(self, snapshot: Path) -> None:
        self._link.parent.mkdir(parents=True, exist_ok=True)
        for folder in (self._link.parent, self._snapshots, self._snapshots.parent):
            folder.chmod(_FOLDER)
        new = self._link.with_name(f".{self._link.name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(os.path.relpath(snapshot, self._link.parent))
        new.replace(self._link)
        sync(self._link.parent)

    # --- what is no longer needed ----------------------------------------------------------------

    def _remove_remains(self) -> None:
        """What a killed publication left."""
        for path in (*self._snapshots.glob("*.new"), *self.root.glob("pool/**/.*.new")):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _remove_old(self) -> None:
        """Old snapshots, and then files of the pool that no suite's snapshot names."""
        numbered = sorted(
            (path for path in self._snapshots.iterdir() if path.name.isdecimal()),
            key=lambda path: int(path.name),
        )
        for path in numbered[:-_KEPT]:
            shutil.rmtree(path)
        named = {
            stanza.filename
            for folder in self.root.glob("snapshots/*/*/*")
            for stanza in _stanzas_of(folder)
        }
        for path in self.root.glob("pool/*/*/*/*"):
            if path.is_file() and str(path.relative_to(self.root)) not in named:
                path.unlink()


def _damage(snapshot: Path) -> str:
    """The file of a snapshot that is not what its signed index names; "" for none."""
    try:
        release = (snapshot / "InRelease").read_text()
        (snapshot / "Release.gpg").stat()
        digests = released_digests(release)
    except (OSError, UnicodeDecodeError):
        return "InRelease"
    indexes = {name: digest for name, digest in digests.items() if name.endswith("/Packages")}
    for name, digest in indexes.items():
        path = snapshot / name
        if not path.is_file() or file_sha256(path) != digest:
            return name
    return "" if indexes else "InRelease"


def _read_json(path: Path) -> Any:
    return json.loads(path.read_bytes()) if path.exists() else {}


def _write_json(path: Path, value: object) -> None:
    write_durably(path, json.dumps(value, indent=1, sort_keys=True).encode())


def _stanzas_of(component: Path) -> list[Stanza]:
    """The packages of a component in a snapshot, each once."""
    found: dict[tuple[str, str, str], Stanza] = {}
    for path in _indexes(component):
        for stanza in read_stanzas(os.fsdecode(path.read_bytes())):
            found[stanza.identity] = stanza
    return list(found.values())


def _indexes(component: Path) -> Iterator[Path]:
    yield from sorted(component.glob("binary-*/Packages"))


def _newest_files(folder: Path, count: int) -> list[Path]:
    if not folder.is_dir():
        return []
    paths = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    return paths[:count]
