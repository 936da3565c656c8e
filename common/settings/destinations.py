"""Where artifacts are published: `destinations` in `builder.yaml`, for the step kind `publish`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.records import boolean, integer, key, optional, record, several, text
from common.yaml.duration import parse_duration

GRADES = ("clean", "dummied", "forced")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]+(?:/[A-Za-z0-9._+-]+)*")
_DAY = 86400.0


def _word(value: Any) -> str:
    found = text(value)
    if _WORD.fullmatch(found) is None:
        raise ValueError(f"expected letters, digits, '.', '+', '-' and '_', found {found[:60]!r}")
    return found


def _grade(value: Any) -> str:
    found = text(value)
    if found not in GRADES:
        raise ValueError(f"expected one of {', '.join(GRADES)}, found {found[:60]!r}")
    return found


def _bucket(value: Any) -> str:
    found = text(value).strip("/")
    if _BUCKET.fullmatch(found) is None:
        raise ValueError(f"expected `BUCKET` or `BUCKET/PREFIX`, found {found[:80]!r}")
    return found


def _validity(value: Any) -> float:
    seconds = parse_duration(value)
    if seconds < _DAY:
        raise ValueError("expected 1d or more")
    return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One destination: an apt repository, a folder here or on another host, or a bucket.

    `docs/configuration.md` describes each key.
    """

    apt: str | None = key(optional(text), None)
    """Top folder of an apt repository."""
    folder: str | None = key(optional(text), None)
    """Folder that gets a folder for each attempt."""
    ssh: str | None = key(optional(text), None)
    """The host of `ssh_hosts` that has this folder; None: this one."""
    s3: str | None = key(optional(_bucket), None)
    """`BUCKET` or `BUCKET/PREFIX` of an object store that speaks S3."""
    endpoint: str | None = key(optional(text), None)
    """Address of that store; None: Amazon's."""
    profile: str | None = key(optional(text), None)
    """Profile of its credentials in `~/.aws`; None: as boto3 finds them."""
    suite: str = key(_word, "stable")
    component: str = key(_word, "main")
    origin: str = key(_word, "build-coordination")
    signing_key: str | None = key(optional(text), None)
    """Fingerprint or address of the OpenPGP key that signs; an apt repository needs one."""
    gnupg_home: str | None = key(optional(text), None)
    keep: int = key(integer(least=1), 5)
    """Versions of each package and architecture that an apt repository offers."""
    valid: float | None = key(optional(_validity), None)
    """Seconds until its index expires for clients; None: never."""
    grades: tuple[str, ...] = key(several(_grade), ("clean",))
    """Grades of packages that it takes."""
    from_scratch: bool = key(boolean, default=False)
    """Whether it takes only what was built without results of earlier builds."""


def destination(value: Any) -> Destination:
    """A parser for `records`. Raises ValueError, Rejected."""
    found = record(Destination)(value)
    if sum(each is not None for each in (found.apt, found.folder, found.s3)) != 1:
        raise ValueError("expected one of `apt`, `folder` and `s3`")
    if found.ssh is not None and (found.folder is None or not found.folder.startswith("/")):
        raise ValueError("`ssh` needs an absolute `folder` on that host")
    if found.s3 is None and (found.endpoint or found.profile):
        raise ValueError("`endpoint` and `profile` belong to `s3`")
    if found.apt is not None and found.signing_key is None:
        raise ValueError("an apt repository needs `signing_key`")
    return found


def resolved(found: Destination, folder: Path) -> Destination:
    """With absolute paths, relative ones from `folder`."""

    def absolute(path: str | None) -> str | None:
        return None if path is None else str((folder / Path(path).expanduser()).absolute())

    return replace(
        found,
        apt=absolute(found.apt),
        folder=absolute(found.folder),
        gnupg_home=absolute(found.gnupg_home),
    )
