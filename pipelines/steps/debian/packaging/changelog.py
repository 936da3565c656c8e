"""The version of the packages, written into `debian/changelog` before the build. Pure.

`4.22.0.0-SNAPSHOT` is the same for every build and sorts above the release `4.22.0.0`. Instead
packages get `4.22.0.0~~git20251030135139.3d6cafe1936e` (UTC time of the commit, its id): newer
commits sort higher, and two tildes sort below the release even with a distribution's suffix:
`4.22.0.0~git…~bookworm` is *above* `4.22.0.0~bookworm`, since g comes after b. A version without
SNAPSHOT is the source's own claim and is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

_COMPLAINT = re.compile(
    r"dpkg-parsechangelog: (?:warning|error): +(?P<file>\S+)\(l(?P<line>\d+)\): (?P<what>.*)"
    r"(?:\nLINE: *(?P<text>.*))?"
)
_UNKNOWN = "unknown"
"""What dpkg-parsechangelog prints, with exit code 0, for a version that it cannot read."""
_SNAPSHOT = re.compile(r"([-~]SNAPSHOT)+")
BUILDER_NAME = "Build Coordination System"
BUILDER_ADDRESS = "build-coordination@example.invalid"
"""Signs entries that a build adds, the same on every builder."""


@dataclass(frozen=True, slots=True)
class ChangelogEntry:
    """The content of the first entry."""

    source: str
    version: str
    distributions: str
    urgency: str
    time: datetime | None = None
    """When it was written; None when dpkg cannot read that."""


def entry_of(fields: str) -> ChangelogEntry:
    """The newest entry, from the output of `dpkg-parsechangelog`. Raises ValueError."""
    # Only lines of these fields: the text of the changes is indented.
    found = dict(line.split(": ", 1) for line in fields.splitlines() if ": " in line)
    if found.get("Version") == _UNKNOWN:
        raise ValueError("its first entry has no valid version")
    try:
        return ChangelogEntry(
            source=found["Source"],
            version=found["Version"],
            distributions=found["Distribution"],
            urgency=found.get("Urgency", "medium"),
            time=_moment(found.get("Timestamp", "")),
        )
    except KeyError as error:
        raise ValueError(f"its first entry has no {error.args[0].lower()}") from error


def _moment(timestamp: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def first_complaint(errors: str) -> str:
    """`debian/changelog:1: badly formatted heading line: TEXT`, from dpkg-parsechangelog; or ""."""
    found = _COMPLAINT.search(errors)
    if not found:
        return ""
    text = f": {found['text'].strip()}" if found["text"] else ""
    line = f":{found['line']}" if int(found["line"]) else ""  # 0: the end of an empty file
    return f"{found['file']}{line}: {found['what']}{text}"


def build_version(written: str, wanted: str, codename: str, sha: str, time: datetime) -> str:
    """Version of this build, without the distribution's suffix.

    `written` is the changelog's; `wanted` is `auto`, `keep` or the version itself; `time` is the
    commit's. A suffix that was committed by accident is removed, so that there are never two.
    """
    if wanted not in ("auto", "keep"):
        return wanted
    version = without_suffix(written, codename)
    if wanted == "keep":
        return version
    moment = time.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    return _SNAPSHOT.sub(f"~~git{moment}.{sha[:12]}", version, count=1)


def suffix(codename: str) -> str:
    """The suffix of versions for a distribution."""
    return f"~{codename}"


def without_suffix(version: str, codename: str) -> str:
    """The version without all suffixes for this distribution."""
    while version.endswith(suffix(codename)):
        version = version.removesuffix(suffix(codename))
    return version


def suffix_count(version: str, codename: str) -> int:
    """How often the version ends with the distribution's suffix."""
    rest = without_suffix(version, codename)
    return (len(version) - len(rest)) // len(suffix(codename))


def with_entry(text: str, entry: ChangelogEntry, version: str, sha: str, time: datetime) -> str:
    """The changelog with a new first entry for `version`, dated by the commit.

    `entry` is its present first one, whose distributions are kept: an unreleased entry stays so.
    An entry must be later than the one below, which may be as old as the commit, or have a time
    of another clock.
    """
    if entry.time:
        time = max(time, entry.time + timedelta(seconds=1))
    return (
        f"{entry.source} ({version}) {entry.distributions}; urgency={entry.urgency}\n\n"
        f"  * Build of commit {sha}.\n\n"
        f" -- {BUILDER_NAME} <{BUILDER_ADDRESS}>  {format_datetime(time.astimezone(UTC))}\n\n{text}"
    )
