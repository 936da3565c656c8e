"""Which artifacts of two builds are the same, and how the others differ."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.digests import file_digests, on_all_cores
from coordination_tasks.farm.artifacts.manifest import DIGESTS
from coordination_tasks.farm.artifacts.members import MemberDifferences, compare_members
from coordination_tasks.farm.artifacts.targets import DOCUMENT_SUFFIXES

_PATIENCE = 600.0
"""Seconds for diffoscope, for one pair of files."""
_MOST_TEXT = 20_000
_DIFFERS = 1  # exit code of diffoscope


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A file of one side."""

    size: int
    digests: Mapping[str, str]
    path: Path | None
    """On this host; None: only its digests are known."""

    def is_same(self, other: Content) -> bool:
        """Whether both have the same bytes."""
        common = self.digests.keys() & other.digests.keys()
        return bool(common) and all(self.digests[name] == other.digests[name] for name in common)


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared: the files of a job, a manifest or a folder."""

    title: str
    files: Mapping[str, Content]
    """By name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDifference:
    """Two files of one name with other bytes."""

    name: str
    a: Content
    b: Content
    members: MemberDifferences | None
    """None if they are no archives, or not both on this host."""
    diffoscope: str
    """What that program shows; "" when it is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Names are sorted."""

    a: str
    b: str
    same: tuple[str, ...]
    differing: tuple[FileDifference, ...]
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether both sides have the same files, apart from those that are about the build."""
        others = [one for one in self.differing if not is_about_the_build(one.name)]
        return not (others or self.only_in_a or self.only_in_b)


def is_about_the_build(name: str) -> bool:
    """Whether dpkg writes the time of the build into the file: it differs each time."""
    return name.endswith((".buildinfo", ".changes"))


def diffoscope(a: Path, b: Path) -> str:
    """What diffoscope shows of two files, cut; "" when it is not installed."""
    if shutil.which("diffoscope") is None:
        return ""
    limit = f"--max-text-report-size={_MOST_TEXT}"
    try:
        done = subprocess.run(
            ["diffoscope", "--no-progress", "--text=-", limit, "--", str(a), str(b)],
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return f"diffoscope was ended after {_PATIENCE:g} s"
    if done.returncode not in {0, _DIFFERS}:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return f"diffoscope failed: {said[-1] if said else done.returncode}"
    return done.stdout.decode("utf-8", "replace")[:_MOST_TEXT]


def compare(
    a: Side,
    b: Side,
    explain: Callable[[Path, Path], str] = diffoscope,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare two sides by the names of their files. Raises OSError.

    `explain` returns a text about two files that differ; `progress` is called after each such pair
    with their number so far and in all.
    """
    both = sorted(a.files.keys() & b.files.keys())
    same = tuple(name for name in both if a.files[name].is_same(b.files[name]))
    unequal = sorted(set(both) - set(same))
    differing = []
    for name in unequal:
        differing.append(_difference(name, a.files[name], b.files[name], explain))
        if progress:
            progress(len(differing), len(unequal))
    return Comparison(
        a=a.title,
        b=b.title,
        same=same,
        differing=tuple(differing),
        only_in_a=tuple(sorted(a.files.keys() - b.files.keys())),
        only_in_b=tuple(sorted(b.files.keys() - a.files.keys())),
    )


def folder_side(title: str, folder: Path) -> Side:
    """All files below a folder, but what `doit fetch` copies to describe them. Raises OSError."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(DOCUMENT_SUFFIXES)
    ]
    found = on_all_cores(lambda path: file_digests(path, DIGESTS), paths)
    return Side(
        title,
        {
            str(path.relative_to(folder)): Content(
                size=digests.size, digests=digests.by_algorithm, path=path
            )
            for path, digests in zip(paths, found, strict=True)
        },
    )


def _difference(
    name: str, a: Content, b: Content, explain: Callable[[Path, Path], str]
) -> FileDifference:
    members, text = None, ""
    if a.path and b.path:
        members, text = compare_members(a.path, b.path), explain(a.path, b.path)
    return FileDifference(name=name, a=a, b=b, members=members, diffoscope=text)
