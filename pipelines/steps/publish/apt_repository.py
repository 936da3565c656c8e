"""An apt repository in a folder: signed, with several versions, switched as a whole.

`dists/SUITE` is a link to a folder of its own in `snapshots/`. A publication makes a new folder
beside it and replaces the link, so a client, or a kill, sees the old state or the new one. Indexes
of earlier states stay readable by their hash, and files of the pool are never changed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.atomic_files import sync, write_durably
from common.digests import file_sha256
from common.settings.destinations import Destination
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.publish.packages_index import (
    Stanza,
    architectures,
    index_text,
    newest,
    of_architecture,
    read_stanzas,
)
from pipelines.workspace.sync import sync_file_system

Run = Callable[[Sequence[str], Path], str]
"""Runs a program in a folder, and returns its output. Raises StepFailed."""

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

        Raises StepFailed (BAD_REQUEST) for other bytes under a version that was published.
        """
        self._check_is_ours()
        self._remove_remains()
        current = self._stanzas()
        scanned = [self._scan(path) for path in packages]
        digests = self._checked_digests(scanned)
        known = {stanza.identity for stanza in current}
        fresh = {s.identity: (path, s) for path, s in scanned if s.identity not in known}.values()
        there = tuple(stanza.label for _, stanza in scanned if stanza.identity in known)
        if not fresh and not self._expires_soon():
            return Published((), there)
        wanted = newest([*current, *(stanza for _, stanza in fresh)], self.destination.keep)
        for path, stanza in fresh:
            self._refuse_old(stanza, wanted)
            self._add_to_pool(path, stanza)
        snapshot = self._new_snapshot(wanted)
        # before a client can see it
        write_durably(self._digests_file, json.dumps(digests, indent=1, sort_keys=True).encode())
        self._switch(snapshot)
        self._remove_old()
        return Published(tuple(stanza.label for _, stanza in fresh), there)

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
        path = self._digests_file
        digests: dict[str, str] = json.loads(path.read_bytes()) if path.exists() else {}
        for package, stanza in scanned:
            published = digests.setdefault(stanza.label, stanza.sha256)
            if published != stanza.sha256:
                raise StepFailed(
                    FailureCode.BAD_REQUEST,
                    f"{stanza.label} was published with other bytes: SHA-256 {published} there,"
                    f" {stanza.sha256} in {package.name}. Build it with a new version.",
                )
        return digests

    def _refuse_old(self, stanza: Stanza, wanted: Sequence[Stanza]) -> None:
        if stanza not in wanted:
            raise StepFailed(
                FailureCode.BAD_REQUEST,
                f"{stanza.label} is older than the {self.destination.keep} versions that suite"
                f" {self.destination.suite} keeps",
            )

    def _check_is_ours(self) -> None:
        if self._link.exists() and not self._link.is_symlink():
            raise StepFailed(
                FailureCode.BAD_REQUEST,
                f"{self._link} is a folder that another program made. Choose another `apt` or"
                " `suite` in builder.yaml.",
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
        self._sign(made, names)
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

    def _sign(self, made: Path, names: Sequence[str]) -> None:
        found = self.destination
        options = {
            "Release::Origin": found.origin,
            "Release::Label": found.origin,
            "Release::Suite": found.suite,
            "Release::Codename": found.suite,
            "Release::Components": found.component,
            "Release::Architectures": " ".join(names),
            "Release::Acquire-By-Hash": "yes",
            "MD5": "false",
            "SHA1": "false",
            **({"Release::ValidTime": str(int(found.valid))} if found.valid else {}),
        }
        words = [f"-oAPT::FTPArchive::{key}={value}" for key, value in options.items()]
        release = self.run(["apt-ftparchive", *words, "release", "."], made)
        (made / "Release").write_text(release)
        home = ["--homedir", found.gnupg_home] if found.gnupg_home else []
        gpg = ["gpg", *home, "--batch", "--yes", "--no-tty", "--local-user", str(found.signing_key)]
        gpg += ["--digest-algo", "SHA512"]
        self.run([*gpg, "--output", "InRelease", "--clear-sign", "Release"], made)
        self.run([*gpg, "--output", "Release.gpg", "--armor", "--detach-sign", "Release"], made)
        for name in ("Release", "Release.gpg", "InRelease"):
            # apt asks for an index that is newer than its own
            os.utime(made / name, times=(self._next_time(),) * 2)

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
