"""Hosts on which steps of kind `ssh` run commands: `ssh_hosts` in `builder.yaml`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.records import key, optional, record, text

_ADDRESS = re.compile(r"ssh://[^\s/]+|[^\s/:-][^\s/:]*")


def _address(value: Any) -> str:
    found = text(value)
    if _ADDRESS.fullmatch(found) is None:
        raise ValueError(f"expected `user@host`, or `ssh://user@host:port`, found {found[:80]!r}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SshHost:
    """One host; `docs/configuration.md` describes each key."""

    address: str = key(_address)
    known_hosts: str | None = key(optional(text), None)
    """File of the host's public key; None: the user's `known_hosts`."""
    key: str | None = key(optional(text), None)
    """File of the private key; None: as ssh chooses."""


ssh_host = record(SshHost)
"""A parser for `records`."""


def with_full_paths(found: SshHost, folder: Path) -> SshHost:
    """With absolute paths, relative ones from `folder`."""

    def absolute(path: str | None) -> str | None:
        return None if path is None else str((folder / Path(path).expanduser()).absolute())

    return replace(found, key=absolute(found.key), known_hosts=absolute(found.known_hosts))
