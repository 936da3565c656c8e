"""`doit compare`: whether two builds made the same artifacts, and how they differ."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import doit

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.base import FarmCommand, as_json
from coordination_tasks.commands.views.comparison_page import (
    comparison_as_json,
    markdown_lines,
    text_lines,
)
from coordination_tasks.domain.errors import BadRequest, NotFound
from coordination_tasks.farm.artifacts import targets
from coordination_tasks.farm.artifacts.comparison import (
    Comparison,
    Content,
    Side,
    compare,
    folder_side,
)
from coordination_tasks.farm.artifacts.manifest import Manifest
from coordination_tasks.farm.artifacts.published import find_published
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.reading import open_snapshot

EXIT_DIFFERS = 6


class CompareCommand(FarmCommand):
    """doit command."""

    name = "compare"
    doc_purpose = "compare the artifacts of two jobs, manifests or folders"
    doc_usage = "A B [--json|--markdown]"
    doc_description = """
A and B are a job, a manifest or a folder each, also of two builders. Files of the same name are
compared by the digests in the manifests; those of a folder are read, without the coordination
repository. Shows which are the same,
which differ, and which are only in one. If both files are on this host, shows which members of a
package, jar, zip or tar file differ, in content or only in time, owner or mode; and what diffoscope
shows, if it is installed.

Exit codes: 0 the same, 1 cannot reach the coordination repository, or read a file, 3 bad usage or
configuration, an unknown job, or no artifacts, 6 they differ.
"""
    group = "look"
    completes = "jobs"
    cmd_options = (
        {"name": "markdown", "long": "markdown", "type": bool, "default": False,
         "help": "print Markdown, for an issue or a release note"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, markdown: bool, json: bool, builder: str, pos_args: list[str]) -> int:
        if len(pos_args) != 2:  # noqa: PLR2004 - A and B
            raise BadRequest("expected two jobs, manifests or folders")
        if markdown and json:
            raise BadRequest("--markdown and --json exclude each other")
        local = [_local_side(word) for word in pos_args]
        if any(side is None for side in local):
            config = self.farm.config(builder)
            with open_snapshot(config, tell) as snapshot:
                pairs = zip(pos_args, local, strict=True)
                a, b = (side or _side_of_job(snapshot, config, word) for word, side in pairs)
        else:
            a, b = filter(None, local)
        found = compare(a, b)
        if json:
            sys.stdout.write(as_json(comparison_as_json(found)) + "\n")
        else:
            lines = markdown_lines(found) if markdown else text_lines(found)
            sys.stdout.writelines(f"{line}\n" for line in lines)
        return 0 if found.is_same else EXIT_DIFFERS


def compare_jobs(
    config: BuilderConfig, a: str, b: str, progress: Callable[[int, int], None]
) -> Comparison:
    """Compare two jobs by their ids. Raises NotFound, Unavailable, OSError."""
    with open_snapshot(config, tell) as snapshot:
        ours, theirs = (_side_of_job(snapshot, config, job) for job in (a, b))
    return compare(ours, theirs, progress=progress)


def _local_side(word: str) -> Side | None:
    """A folder, or a manifest; None: it names a job."""
    path = Path(doit.get_initial_workdir() or ".", word)
    if path.is_dir():
        return folder_side(word, path.resolve())
    if path.is_file():
        target = targets.of_manifest(path.resolve())
        return _of_manifest(word, target.manifest, {f.name: p for f, p in target.files})
    return None


def _side_of_job(snapshot: Snapshot, config: BuilderConfig, word: str) -> Side:
    published = find_published(snapshot, word)
    manifest = published.manifest
    here = targets.is_here(config, published.builder)
    manifest = targets.whole(manifest, manifest.place) if here else manifest
    if manifest.is_divided:
        raise NotFound(
            f"the list of the artifacts of job {word} is on builder {published.builder}."
            f" Copy them with `doit fetch {word}`, and compare the folder."
        )
    places = {file.name: manifest.place(file) for file in manifest.files} if here else {}
    return _of_manifest(f"job {word} on {published.builder}", manifest, places)


def _of_manifest(title: str, manifest: Manifest, places: dict[str, Path]) -> Side:
    return Side(
        title,
        {
            file.name: Content(
                size=file.size,
                digests=file.digests,
                path=_if_there(places.get(file.name), file.size),
            )
            for file in manifest.files
        },
    )


def _if_there(path: Path | None, size: int) -> Path | None:
    """The file, unless it is another one by now."""
    return path if path and path.is_file() and path.stat().st_size == size else None
