"""`doit share`: a file for other builders."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import doit

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from common.yaml.duration import parse_duration
from coordination_tasks.builder.acting_person import acting
from coordination_tasks.commands.base import FarmCommand, as_json
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.commands.sharing.shared import file_as_json
from coordination_tasks.commands.sharing.shared_files import (
    SharedFile,
    expired,
    remove,
    share,
    shared_files,
)
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.model import check_builder_id
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.wiring.clones import branches

_LONGEST = timedelta(days=90)


class ShareCommand(FarmCommand):
    """doit command."""

    name = "share"
    doc_purpose = "share a file with other builders"
    doc_usage = "FILE [--to BUILDER] [--for TIME] [--as NAME] [--json]"
    doc_description = """
Prints the id with which `doit shared --get` fetches it. A file up to 1 MiB travels through the
coordination repository, on a branch of its own beside main; a larger one is copied into `shared` of
this builder's state_dir, and others get it through ssh, from `address` in builder.yaml. What looks
like a secret is refused. Expired files are removed by the next `doit share` or `doit shared`.

Exit codes: 0 shared, 1 cannot reach the coordination repository, or it refuses the file, 3 bad
usage or configuration.
"""
    group = "farm"
    cmd_options = (
        {"name": "to", "long": "to", "type": str, "default": "", "metavar": "BUILDER",
         "help": "the builder that it is for, shown to people: everybody can get it"},
        {"name": "life", "long": "for", "type": str, "default": "7d", "metavar": "TIME",
         "help": "how long it is shared, at most 90d [default: %(default)s]"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self, to: str, life: str, person: str, json: bool, builder: str, pos_args: list[str]
    ) -> int:
        if len(pos_args) != 1:
            raise BadRequest("expected one file")
        path = Path(doit.get_initial_workdir() or ".", pos_args[0]).resolve()
        if not path.is_file():
            raise BadRequest(f"{pos_args[0][:200]} is not a file")
        if to:
            check_builder_id(to)
        lasts = _life(life)
        config = self.farm.config(builder)
        refs = branches(config)
        now = utc_now().replace(microsecond=0)
        remove(config, refs, expired(shared_files(refs), now))
        wanted = SharedFile(
            id="",
            name=path.name,
            size=0,
            sha256="",
            builder=config.profile.id,
            by=acting(person).person,
            to=to,
            at=now,
            expires=now + lasts,
            folder="",
        )
        file = share(config, refs, path, wanted)
        sys.stdout.write((as_json(file_as_json(file)) if json else file.id) + "\n")
        return 0


def _life(text: str) -> timedelta:
    try:
        found = timedelta(seconds=parse_duration(text))
    except ValueError as error:
        raise BadRequest(f"--for: {error}") from error
    if not timedelta() < found <= _LONGEST:
        raise BadRequest(f"--for expects at most {_LONGEST.days}d, found {text[:20]}")
    return found
