"""`doit keys`: which key signs the manifests of this builder, and whose signatures count."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from common.cli.terminal_text import printable
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.artifacts.ssh_signatures import (
    Signer,
    is_named,
    is_valid,
    key_fingerprint,
    read_signers,
)


class KeysCommand(FarmCommand):
    """doit command."""

    name = "keys"
    doc_purpose = "show which key signs this builder's manifests, and whose signatures count"
    doc_usage = "[--json]"
    doc_description = """
Shows `signing_key` of builder.yaml, and whether this host itself trusts it; then each key in
`allowed_signers` with the builders that may use it, and until when.

Exit codes: 0 shown, 3 bad usage or configuration, or a file that cannot be read.
"""
    group = "care"
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        signers = config.allowed_signers
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
