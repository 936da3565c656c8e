"""`doit keys`: which key signs the manifests of this builder, and whose signatures count."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.cli.terminal_text import printable
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.views.farm_page import Section
from coordination_tasks.commands.views.output import write_lines, write_section
from coordination_tasks.domain.timestamps import format_time, utc_now
from coordination_tasks.farm.artifacts.published import good_ends
from coordination_tasks.farm.artifacts.ssh_signatures import (
    Signer,
    is_named,
    is_valid,
    key_fingerprint,
    read_signers,
    signer_of,
)
from coordination_tasks.store.operations.attempt import SIGNATURE_KEY
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.reading import open_snapshot


class KeysCommand(FarmCommand):
    """doit command."""

    name = "keys"
    doc_purpose = "show which key signs this builder's manifests, and whose signatures count"
    doc_usage = "[--signed [FINGERPRINT]] [--json]"
    doc_description = """
Shows `signing_key` of builder.yaml, and whether this host itself trusts it; then each key in
`allowed_signers` with the builders that may use it, and until when.

--signed shows instead what keys signed of the jobs that are not archived, their requests and the
manifests of their successes; with FINGERPRINT, what one key did. It says which key a signature
names; whether the signature is right, `doit verify` and the claim check.

Exit codes: 0 shown, 1 cannot reach the coordination repository (only with --signed), 3 bad usage
or configuration, or a file that cannot be read.
"""
    group = "care"
    cmd_options = (
        {"name": "signed", "long": "signed", "type": bool, "default": False,
         "help": "show what keys signed"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, signed: bool, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args[1:] if signed else pos_args)
        config = self.farm.config(builder)
        signers = config.allowed_signers
        if signed:
            with open_snapshot(config, tell) as snapshot:
                found = [each for each in _signed(snapshot) if each.key in pos_args or not pos_args]
            _tell_signed(found, read_signers(signers) if signers else (), json=json)
            return 0
        keys = _Keys(
            builder=config.profile.id,
            key=config.signing_key,
            fingerprint=key_fingerprint(config.signing_key) if config.signing_key else "",
            signers=signers,
            trusted=read_signers(signers) if signers else (),
            now=utc_now(),
        )
        if json:
            sys.stdout.write(as_json(_report(keys)) + "\n")
        else:
            sys.stdout.writelines(f"{printable(line)}\n" for line in _lines(keys))
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    job: str
    what: str
    """`request` or `manifest`."""
    builder: str | None
    """Whose manifest it is."""
    at: datetime | None
    key: str
    """Fingerprint; "": none can be read."""


def _signed(snapshot: Snapshot) -> Iterator[_Signed]:
    for job in snapshot.jobs():
        if job.signature:
            key = signer_of(job.signature)
            yield _Signed(job=job.id, what="request", builder=None, at=job.created_at, key=key)
        for end in good_ends(snapshot, job.id):
            if signature := str(end.details.get(SIGNATURE_KEY) or ""):
                yield _Signed(
                    job=job.id,
                    what="manifest",
                    builder=end.builder,
                    at=end.at,
                    key=signer_of(signature),
                )


def _tell_signed(found: Sequence[_Signed], trusted: Sequence[Signer], *, json: bool) -> None:
    now = utc_now()
    valid = {signer.fingerprint for signer in trusted if is_valid(signer, now)}
    if json:
        document = [
            {
                "job": each.job,
                "what": each.what,
                "builder": each.builder,
                "at": each.at,
                "fingerprint": each.key or None,
                "trusted": each.key in valid,
            }
            for each in found
        ]
        sys.stdout.write(as_json(document) + "\n")
    elif found:
        write_section(_section(found, valid))
    else:
        write_lines(["nothing is signed by such a key"])


def _section(found: Sequence[_Signed], valid: Collection[str]) -> Section:
    return Section(
        titles=("JOB", "WHAT", "BUILDER", "TIME", "TRUSTED HERE", "KEY"),
        rows=[
            (
                each.job,
                each.what,
                each.builder or "-",
                format_time(each.at) if each.at else "-",
                "yes" if each.key in valid else "no",
                each.key or "unreadable",
            )
            for each in found
        ],
        styles=["" if each.key in valid else "yellow" for each in found],
        droppable=("TIME",),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    builder: str
    key: Path | None
    fingerprint: str
    signers: Path | None
    trusted: Sequence[Signer]
    now: datetime

    @property
    def is_trusted(self) -> bool:
        """Whether this host accepts what this builder signs now."""
        return any(
            signer.fingerprint == self.fingerprint
            and is_named(self.builder, signer)
            and is_valid(signer, self.now)
            for signer in self.trusted
        )


def _lines(keys: _Keys) -> list[str]:
    if keys.key is None:
        lines = [f"{keys.builder} signs nothing: signing_key is not set in builder.yaml"]
    else:
        how = "trusted here" if keys.is_trusted else "not trusted here"
        lines = [f"{keys.builder} signs with {keys.fingerprint} ({keys.key}), {how}"]
    if keys.signers is None:
        return [*lines, "signatures are not checked: allowed_signers is not set in builder.yaml"]
    lines.append(f"{keys.signers}:")
    for signer in keys.trusted:
        valid = "valid" if is_valid(signer, keys.now) else "not valid"
        since = f" from {signer.after}" if signer.after else ""
        until = f" until {signer.before}" if signer.before else ""
        comment = f" {signer.comment}" if signer.comment else ""
        lines.append(f"  {signer.principals} {signer.fingerprint} {valid}{since}{until}{comment}")
    return lines


def _report(keys: _Keys) -> dict[str, object]:
    own = {
        "path": str(keys.key),
        "fingerprint": keys.fingerprint,
        "trusted": keys.is_trusted,
    }
    return {
        "builder": keys.builder,
        "signing_key": own if keys.key else None,
        "allowed_signers": str(keys.signers) if keys.signers else None,
        "trusted": [
            {
                "principals": signer.principals,
                "fingerprint": signer.fingerprint,
                "valid": is_valid(signer, keys.now),
                "valid_after": signer.after or None,
                "valid_before": signer.before or None,
                "comment": signer.comment,
            }
            for signer in keys.trusted
        ],
    }
