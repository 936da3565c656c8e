"""The version of the packages, written into `debian/changelog` before the build. Pure.

`4.22.0.0-SNAPSHOT` is the same for every build and sorts above the release `4.22.0.0`. In its place
packages get `4.22.0.0~~git20251030135139.3d6cafe1936e` (UTC time of the commit, its id): newer
commits sort higher, and two tildes sort below the release also when a distribution's suffix is
added: `4.22.0.0~git…~bookworm` is *above* `4.22.0.0~bookworm`, since g comes after b.
A version without SNAPSHOT is the source's own claim and is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from pipelines.domain.errors import FailureCode, StepFailed

_SNAPSHOT = re.compile(r"([-~]SNAPSHOT)+")
_HEADER = re.compile(
    r"(?P<source>\w[\w.+-]*) \((?P<version>[^()\s]+)\)(?P<distributions>(?:\s+[\w.+-]+)+);"
    r"(?P<options>.*)"
)
_TRAILER = re.compile(r"^ -- (?P<name>.*?)<(?P<address>[^<>]*)>", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ChangelogEntry:
    """What the first entry says."""

    source: str
    version: str
    distributions: str
    urgency: str
    maintainer_name: str
    maintainer_address: str


def first_entry(text: str) -> ChangelogEntry:
    """Read the newest entry. Raises StepFailed (PACKAGING_FAILED)."""
    # Not with python-debian: CloudStack's dates are not as Policy wants them, which dpkg only
    # warns of, and python-debian then takes two entries for one.
    header = _HEADER.match(text.lstrip("\n"))
    if header is None:
        raise _unreadable(
            f"it begins with '{text.strip().splitlines()[0] if text.strip() else ''}'"
        )
    trailer = _TRAILER.search(text)
    if trailer is None:
        raise _unreadable("its first entry has no line ` -- name <address>  date`")
    urgency = re.search(r"urgency=(\w+)", header["options"], re.IGNORECASE)
    return ChangelogEntry(
        source=header["source"],
        version=header["version"],
        distributions=header["distributions"].strip(),
        urgency=urgency[1] if urgency else "medium",
        maintainer_name=trailer["name"].strip(),
        maintainer_address=trailer["address"].strip(),
    )


def build_version(written: str, wanted: str, codename: str, sha: str, time: datetime) -> str:
    """Version of this build, without the distribution's suffix.

    `written` is the changelog's; `wanted` is `auto`, `keep` or the version itself; `time` is the
    commit's. A suffix that was committed by accident goes, so that it is never stacked.
    """
    if wanted not in ("auto", "keep"):
        return wanted
    version = without_suffix(written, codename)
    if wanted == "keep":
        return version
    moment = time.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    return _SNAPSHOT.sub(f"~~git{moment}.{sha[:12]}", version, count=1)


def suffix(codename: str) -> str:
    """What a version has at its end for a distribution."""
    return f"~{codename}"


def without_suffix(version: str, codename: str) -> str:
    """The version with all suffixes for this distribution taken from its end."""
    while version.endswith(suffix(codename)):
        version = version.removesuffix(suffix(codename))
    return version


def suffix_count(version: str, codename: str) -> int:
    """How often the distribution's suffix stands at the version's end."""
    rest = without_suffix(version, codename)
    return (len(version) - len(rest)) // len(suffix(codename))


def with_entry(text: str, version: str, sha: str, time: datetime) -> str:
    """The changelog with a new first entry for `version`, dated by the commit."""
    entry = first_entry(text)
    distributions = entry.distributions.replace("UNRELEASED", "unstable")
    return (
        f"{entry.source} ({version}) {distributions}; urgency={entry.urgency}\n\n"
        f"  * Build of commit {sha}.\n\n"
        f" -- {entry.maintainer_name} <{entry.maintainer_address}>  {trailer_date(time)}\n\n{text}"
    )


def trailer_date(time: datetime) -> str:
    """The date as a changelog's last line has it, in UTC."""
    return format_datetime(time.astimezone(UTC))


def _unreadable(why: str) -> StepFailed:
    shown = why.strip()[:300].encode(errors="replace").decode()
    return StepFailed(FailureCode.PACKAGING_FAILED, f"debian/changelog can't be read: {shown}")
