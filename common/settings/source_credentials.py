"""Credentials of private sources: `source_credentials` in `builder.yaml`.

They belong to the start of an address. The settings name files; what is in them reaches git alone,
for the source that it is for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from common.records import key, optional, record, text

SOURCES_VARIABLE = "BUILD_COORDINATION_SOURCES"
"""In the environment of the builder: the settings as JSON. Steps do not get it."""


def _day(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    try:
        return date.fromisoformat(text(value)).isoformat()
    except ValueError as error:
        raise ValueError(f"expected a date such as 2027-01-31, found {value!r}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCredential:
    """What a builder shows to one source; `docs/configuration.md` describes each key."""

    token_file: str | None = key(optional(text), None)
    """File with a token or password on its first line, for http."""
    user: str = key(text, "git")
    """The user of the token."""
    ssh_key: str | None = key(optional(text), None)
    """File of the private key, for ssh."""
    known_hosts: str | None = key(optional(text), None)
    """File with the public key of the ssh server; None: the user's `known_hosts`."""
    expires: str | None = key(optional(_day), None)
    """Last day of its validity, UTC."""

    @property
    def file(self) -> Path:
        """The file with the credential itself."""
        return Path(self.token_file or self.ssh_key or "")

    def __str__(self) -> str:
        return f"the {'token' if self.token_file else 'ssh key'} in {self.file}"


def source_credential(value: Any) -> SourceCredential:
    """A parser for `records`. Raises ValueError, Rejected."""
    found = record(SourceCredential)(value)
    if (found.token_file is None) == (found.ssh_key is None):
        raise ValueError("expected either `token_file` or `ssh_key`")
    return found


def source_prefix(address: str) -> str:
    """The start of an address, for which a credential is. Raises ValueError."""
    if "://" in address and "@" in address.partition("://")[2] and address.startswith("http"):
        raise ValueError("expected an address without user and password: `token_file` has them")
    if not address.startswith(("https://", "http://127.0.0.1", "http://localhost", "ssh://")) and (
        "://" in address or ":" not in address
    ):
        raise ValueError(
            "expected the start of an address: https://host/…, ssh://user@host/… or user@host:…"
        )
    return address


def in_folder(found: SourceCredential, folder: Path) -> SourceCredential:
    """With absolute paths, relative ones from `folder`."""

    def absolute(path: str | None) -> str | None:
        return None if path is None else str((folder / Path(path).expanduser()).absolute())

    return replace(
        found,
        token_file=absolute(found.token_file),
        ssh_key=absolute(found.ssh_key),
        known_hosts=absolute(found.known_hosts),
    )


def as_variable(credentials: Mapping[str, SourceCredential]) -> dict[str, str]:
    """The environment that brings the settings to git's callers; empty without any."""
    if not credentials:
        return {}
    return {SOURCES_VARIABLE: json.dumps({k: asdict(found) for k, found in credentials.items()})}


def credential_for(address: str, environment: Mapping[str, str]) -> SourceCredential | None:
    """The credential for an address: that of the longest start; None if there is none."""
    known = json.loads(environment.get(SOURCES_VARIABLE, "{}"))
    fitting = [start for start in known if _starts(address, start)]
    return SourceCredential(**known[max(fitting, key=len)]) if fitting else None


def _starts(address: str, start: str) -> bool:
    """Whole parts alone: `https://host/team` is no start of `https://host/teams`."""
    if not address.startswith(start):
        return False
    rest = address.removeprefix(start)
    return not rest or start.endswith(("/", ":")) or rest.startswith(("/", ".git"))


def problem_of(found: SourceCredential, now: datetime) -> str:
    """Why a credential cannot be used; "" when it can, as far as this machine knows."""
    if found.expires and now.astimezone(UTC).date() > date.fromisoformat(found.expires):
        return f"{found} expired on {found.expires}. Replace it."
    try:
        mode = found.file.stat().st_mode
        found.file.open("rb").close()
    except OSError as error:
        return f"{found} cannot be read: {error.strerror}."
    if mode & 0o077:
        return f"{found} can be read by others. Set its mode to 600."
    if found.token_file and not token_of(found):
        return f"{found} is empty."
    return ""


def token_of(found: SourceCredential) -> str:
    """The token. Raises OSError."""
    lines = Path(found.token_file or "").read_text(encoding="utf-8").splitlines()
    return lines[0].strip() if lines else ""
