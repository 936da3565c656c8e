"""`doit shared`: the files that builders share; fetches one of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import doit

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.yaml.size import format_size
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.sharing.shared_files import (
    SharedFile,
    expired,
    find,
    get,
    remove,
    shared_files,
)
from coordination_tasks.commands.views.farm_page import Section
from coordination_tasks.commands.views.output import write_lines, write_section
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.timestamps import elapsed, utc_now
from coordination_tasks.wiring.clones import branches
from coordination_tasks.wiring.reading import open_snapshot


class SharedCommand(FarmCommand):
    """doit command."""

    name = "shared"
    doc_purpose = "list the files that builders share, get one, or share it no longer"
    doc_usage = "[--get ID [-o DIR] | --remove ID] [--json]"
    doc_description = """
ID is an id, or the name of a file: then the newest of that name. --get prints the path of the copy,
which has the size and SHA-256 that were recorded when it was shared. A large file comes through
ssh from the builder that shares it.

Exit codes: 0 done, 1 cannot reach the coordination repository or the builder, or the file differs
from what was shared, 3 bad usage or configuration, no such file, or another one of that name is in
DIR.
"""
    group = "farm"
    cmd_options = (
        {"name": "wanted", "long": "get", "type": str, "default": "", "metavar": "ID",
         "help": "copy this file into DIR"},
        {"name": "output", "short": "o", "long": "output", "type": str, "default": "",
         "metavar": "DIR", "help": "folder for it, created if missing [default: shared]"},
        {"name": "unwanted", "long": "remove", "type": str, "default": "", "metavar": "ID",
         "help": "share this file no longer"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        wanted: str,
        output: str,
        unwanted: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        no_arguments(pos_args)
        if wanted and unwanted:
            raise BadRequest("--get and --remove exclude each other")
        if output and not wanted:
            raise BadRequest("--output needs --get")
        config = self.farm.config(builder)
        refs = branches(config)
        files = shared_files(refs)
        old = list(expired(files, utc_now()))
        files = [file for file in files if file not in old]
        chosen = find(files, wanted or unwanted) if wanted or unwanted else None
        path = None
        if chosen and wanted:
            # not this folder, which has dodo.py: Python would import a file named like a module
            target = Path(doit.get_initial_workdir() or ".", output or "shared").resolve()
            with open_snapshot(config, tell) as snapshot:
                path = get(config, refs, snapshot, chosen, target)
        remove(config, refs, [*old, *([chosen] if chosen and unwanted else [])])
        _show(files if chosen is None else [chosen], path, json=json, removed=bool(unwanted))
        return 0


def _show(files: Sequence[SharedFile], path: Path | None, *, json: bool, removed: bool) -> None:
    if json:
        told = [file_as_json(file) | ({"path": str(path)} if path else {}) for file in files]
        sys.stdout.write(as_json({"files": told}) + "\n")
    elif path:
        write_lines([str(path)])
    elif removed:
        write_lines([f"{files[0].name} ({files[0].id}) is shared no longer"])
    elif files:
        write_section(_section(files))
    else:
        write_lines(["no file is shared"])


def _section(files: Sequence[SharedFile]) -> Section:
    now = utc_now()
    return Section(
        titles=("ID", "FILE", "SIZE", "FROM", "TO", "EXPIRES IN", "THROUGH"),
        rows=[
            (
                file.id,
                file.name,
                format_size(file.size),
                f"{file.builder} ({file.by})",
                file.to or "all",
                elapsed(max(0.0, (file.expires - now).total_seconds())),
                "ssh" if file.folder else "repository",
            )
            for file in files
        ],
        styles=[""] * len(files),
    )


def file_as_json(file: SharedFile) -> dict[str, object]:
    """A shared file, for programs."""
    return {
        "id": file.id,
        "name": file.name,
        "size_bytes": file.size,
        "sha256": file.sha256,
        "from": file.builder,
        "by": file.by,
        "to": file.to or None,
        "at": file.at,
        "expires": file.expires,
        "folder": file.folder or None,
    }
