"""`doit rollback` and `doit promote`: a destination offers a build that is there already."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.cli.terminal_text import printable
from common.settings.destinations import Destination
from common.yaml.findings import did_you_mean
from coordination_tasks.builder.acting_person import acting
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.lock import make_state_dir
from coordination_tasks.commands.base import FarmCommand, as_json
from coordination_tasks.commands.control.acting import OPTION_AS, OPTION_REASON
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.artifacts.releases.offering import (
    Offer,
    carry_out,
    check_build,
    destination_of,
    find_build,
    wish,
)
from coordination_tasks.farm.artifacts.releases.publications import Publication
from coordination_tasks.farm.artifacts.targets import is_here
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.clones import marks
from coordination_tasks.wiring.store import open_store

_REASON = {**OPTION_REASON, "help": "reason, recorded with it"}


class _OfferingCommand(FarmCommand):
    """What both commands do."""

    group = "farm"
    completes = "jobs"

    def _offer(
        self, named: str, to: str, person: str, reason: str, builder: str, *, untested: bool | None
    ) -> tuple[Publication, str]:
        """What was done, and the key that signed the build; `untested` None: go back."""
        config, who = self.farm.config(builder), acting(person)
        with open_store(config, tell, trailers=who.trailers) as store:
            snapshot = store.snapshot()
            build = find_build(snapshot, marks(config), named)
            goes_back = untested is None
            if to:
                to = named_destination(config.destinations, to)
            if goes_back:
                to = destination_of(snapshot, build.job, config.destinations, to)
            key = check_build(snapshot, build, config.allowed_signers)
            offer = Offer(
                build=build,
                place=self.farm.pipelines.place(to, config.destinations[to], config.ssh_hosts),
                is_here=is_here(config, build.builder),
            )
            asked = wish(
                build, to, goes_back=goes_back, builder=config.profile.id, by=who.person,
                reason=reason, at=utc_now(),
            )  # fmt: skip
            return _carried_out(store, config, offer, asked, untested=untested), key


def _carried_out(
    store: Store, config: BuilderConfig, offer: Offer, asked: Publication, *, untested: bool | None
) -> Publication:
    make_state_dir(config)
    with tempfile.TemporaryDirectory(prefix="offer-", dir=config.state_dir) as temporary:
        files = offer.files(Path(temporary, "files"))
        manifest = Path(temporary, "manifest.json")
        if offer.place.takes(manifest.name):
            manifest.write_bytes(offer.build.manifest.data)
            files.append(manifest)
        if untested is not None:
            offer.place.check(offer.results(), files, untested=untested)
        return carry_out(
            store,
            asked,
            lambda: offer.place.offer(offer.attempt, files, go_back=untested is None),
            utc_now,
        )


def named_destination(known: Mapping[str, Destination], named: str) -> str:
    """The destination of this name, or else the only one with this suite. Raises BadRequest."""
    if named in known:
        return named
    suites = [name for name, found in known.items() if found.apt and found.suite == named]
    if len(suites) == 1:
        return suites[0]
    if suites:
        raise BadRequest(f"suite {named} is that of {', '.join(suites)}: name one of them")
    raise BadRequest(
        f"unknown destination {named[:60]!r}{did_you_mean(named, known)}. Destinations are in"
        " builder.yaml."
    )


class RollbackCommand(_OfferingCommand):
    """doit command."""

    name = "rollback"
    doc_purpose = "let a destination offer an earlier build again, and no later one"
    doc_usage = "TAG|JOB [--to DESTINATION] [--reason TEXT] [--as NAME] [--json]"
    doc_description = """
Verifies the build first: its records, its signature if `allowed_signers` is set, the digests of its
files. Then the suite of the apt repository offers the packages of that build, and no longer those
that later builds of the same source added; its index is signed anew, with a new date. In a folder
the link `current` names the build. Who did it and why is recorded in the coordination repository.
TAG: of `doit good-builds`. Without --to: where the job was published, if that is one place.

Clients that have installed the newer build keep it until they pin the older one, or get a higher
version: docs/artifacts.md.

Exit codes: 0 done, or it was so already, 1 cannot reach the coordination repository or the builder
that has the files, or the destination cannot be written, 3 bad usage or configuration, an unknown
job, tag or destination, 6 the build is not what its job made: nothing is changed.
"""
    cmd_options = (
        {"name": "to", "long": "to", "type": str, "default": "",
         "help": "destination in builder.yaml, or its suite"},
        _REASON,
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self, to: str, reason: str, person: str, json: bool, builder: str, pos_args: list[str]
    ) -> int:
        if len(pos_args) != 1:
            raise BadRequest("expected one job or tag; `doit good-builds` shows them")
        done, key = self._offer(pos_args[0], to, person, reason, builder, untested=None)
        return _show(done, key, json=json)


class PromoteCommand(_OfferingCommand):
    """doit command."""

    name = "promote"
    doc_purpose = "publish a finished build to another destination or suite"
    doc_usage = "JOB --to SUITE|DESTINATION [--untested] [--reason TEXT] [--as NAME] [--json]"
    doc_description = """
Verifies the build as `doit rollback` does, and publishes the very files that its job made: from
`testing` to `stable`, for example. What is there already stays. The destination takes only the
grades in its `grades`, and only packages whose install test succeeded. Who did it and why is
recorded in the coordination repository.

Exit codes: 0 done, or it was so already, 1 cannot reach the coordination repository or the builder
that has the files, the destination refuses the build or cannot be written, 3 bad usage or
configuration, an unknown job, tag or destination, 6 the build is not what its job made: nothing is
changed.
"""
    cmd_options = (
        {"name": "to", "long": "to", "type": str, "default": "",
         "help": "destination in builder.yaml, or its suite"},
        {"name": "untested", "long": "untested", "type": bool, "default": False,
         "help": "also if the install test was not made, or failed"},
        _REASON,
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        to: str,
        untested: bool,
        reason: str,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        if len(pos_args) != 1:
            raise BadRequest("expected one job or tag; `doit good-builds` shows them")
        if not to:
            raise BadRequest("--to expects a destination of builder.yaml, or its suite")
        done, key = self._offer(pos_args[0], to, person, reason, builder, untested=untested)
        return _show(done, key, json=json)


def _show(done: Publication, key: str, *, json: bool) -> int:
    if json:
        sys.stdout.write(as_json({**publication_as_json(done), "signed_by": key or None}) + "\n")
        return 0
    signed = f", signed by {key}" if key else ""
    lines = [f"job {done.job}, attempt {done.attempt}: verified{signed}"]
    lines += [f"{done.destination}: offers {what}" for what in done.offered]
    lines += [f"{done.destination}: withdrew {what}" for what in done.withdrawn]
    if not done.offered and not done.withdrawn:
        lines.append(f"{done.destination}: offers this build already")
    sys.stdout.writelines(f"{printable(line)}\n" for line in lines)
    return 0


def publication_as_json(one: Publication) -> dict[str, object]:
    """A promotion or rollback, for programs."""
    return {
        "id": one.id,
        "act": one.act,
        "job": one.job,
        "attempt": one.attempt,
        "destination": one.destination,
        "builder": one.builder,
        "by": one.by,
        "reason": one.reason or None,
        "at": one.at,
        "ended_at": one.ended_at,
        "offered": list(one.offered),
        "withdrawn": list(one.withdrawn),
        "problem": one.problem or None,
    }
