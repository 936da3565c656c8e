"""The list for Candidates.java: the modules that may be skipped, and settings about others.

One fact per line, fields separated by tabs: `pure PLUGIN`; `reads MODULE PATH`; `writer READER
WRITER`; `begun KEY DIGEST` when only its tests failed; `built KEY DIGEST FROM own|other`; `file KEY
MADE INSTALLED`, for another job followed by its two files; `target KEY FOLDER FOLDER-THERE`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipelines.domain.pipeline import StepContext
from pipelines.steps.maven.incremental.earlier_build import EarlierBuild
from pipelines.steps.maven.incremental.record import size_and_time
from pipelines.steps.maven.incremental.selection import (
    BUILT_BEFORE,
    can_be_given_away,
    is_built,
    readers_of_others,
)
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.output.events import BuildEvents, BuiltModule
from pipelines.steps.maven.output.log import ModuleResult

_MILLISECONDS = 1_000_000
_OF_MAVEN = re.compile(r"consumer-?\d+\.pom|resume\.properties")
"""Files of Maven 4 itself: a consumer POM until Maven ends, and what `-r` needs after a failure."""


class Candidates:
    """Collects the list."""

    def __init__(self, options: MavenOptions, context: StepContext) -> None:
        self._context = context
        self._known: set[str] = set()
        self.read_places: tuple[Path, ...] = ()
        """Folders of another job from which Maven copies modules."""
        self._lines = [f"pure\t{plugin}" for plugin in options.pure_plugins]
        self._lines += [
            f"reads\t{module}\t{path}"
            for module, paths in options.module_inputs.items()
            for path in paths
        ]

    @property
    def count(self) -> int:
        """Number of modules that may be skipped."""
        return len(self._known)

    def add_own(self, events: BuildEvents) -> list[BuiltModule]:
        """Add the modules that earlier tries of the job built; returns those with changed files."""
        changed = []
        for module in events.modules.values():
            if is_built(module, size_and_time, listing):
                self._add(module, BUILT_BEFORE, "own")
                self._lines += [
                    f"file\t{module.key}\t{file.made}\t{file.installed}" for file in module.files
                ]
                self._lines.append(f"target\t{module.key}\t{module.folder}\t{module.folder}")
            elif module.result is ModuleResult.SUCCESS:
                changed.append(module)
            elif module.run and not module.may_be_torn:
                self._lines.append(f"begun\t{module.key}\t{module.built_digest}\t{module.folder}")
        self._add_writers(events.modules.values())
        return changed

    def add_of(self, earlier: EarlierBuild, events: BuildEvents) -> None:
        """Add reusable modules of another job, unless this job has built them itself."""
        self.read_places = (Path(earlier.source), Path(earlier.repository))
        source = f"unchanged since commit {earlier.commit[:12]}, built by job {earlier.job}"
        for module in events.modules.values():
            usable = module.key not in self._known and can_be_given_away(module)
            if usable and is_built(module, size_and_time, listing):
                lines = list(self._copied(module, earlier))
                if all(line for line in lines):
                    self._add(module, source, "other")
                    self._lines += lines
        self._add_writers(events.modules.values())

    def text(self) -> str:
        """The list, without names that would break a line."""
        return "".join(f"{line}\n" for line in self._lines if "\n" not in line)

    def _add(self, module: BuiltModule, source: str, whose: str) -> None:
        self._known.add(module.key)
        self._lines.append(f"built\t{module.key}\t{module.built_digest}\t{source}\t{whose}")

    def _copied(self, module: BuiltModule, earlier: EarlierBuild) -> Iterator[str]:
        for file in module.files:
            made, installed = (self._here(path, earlier) for path in (file.made, file.installed))
            if made and installed:
                there = f"{file.made}\t{file.installed}"
                yield f"file\t{module.key}\t{made}\t{installed}\t{there}"
            else:
                yield ""
        folder = self._here(module.folder, earlier) if module.folder else None
        yield f"target\t{module.key}\t{folder}\t{module.folder}" if folder else ""

    def _add_writers(self, modules: Iterable[BuiltModule]) -> None:
        for reader, writers in readers_of_others(modules).items():
            self._lines += [f"writer\t{reader}\t{writer}" for writer in sorted(writers)]

    def _here(self, path: Path, earlier: EarlierBuild) -> Path | None:
        """The path in this job for `path` of the earlier build; None outside of its job."""
        workspace = self._context.workspace
        for theirs, ours in (
            (Path(earlier.repository), workspace.maven_repository),
            (Path(earlier.source), workspace.source),
        ):
            if path.is_relative_to(theirs):
                return ours / path.relative_to(theirs)
        return None


def listing(folder: Path) -> str:
    """Digest of the names, sizes and times of all files below `folder`, as WrittenFiles.java's."""
    digest = hashlib.sha256()
    for line in sorted(_listed(folder, "")):
        data = line.encode(errors="surrogateescape")
        digest.update(b"%d:%s" % (len(data), data))
    return digest.hexdigest()


def _listed(folder: Path | str, prefix: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if not prefix and _OF_MAVEN.fullmatch(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _listed(entry.path, f"{prefix}{entry.name}/")
        else:
            stat = entry.stat(follow_symlinks=False)
            time = stat.st_mtime_ns // _MILLISECONDS
            yield f"{prefix}{entry.name}\t{stat.st_size}\t{time}\n"
