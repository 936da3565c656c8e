from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.steps.debian.packaging.changelog import (
    BUILDER_ADDRESS,
    BUILDER_NAME,
    ChangelogEntry,
    build_version,
    entry_of,
    suffix,
    suffix_count,
    with_entry,
)

TIME = datetime(2025, 10, 30, 19, 21, 39, tzinfo=timezone(timedelta(hours=5, minutes=30)))
SHA = "3d6cafe1936ed2403a1031cd5ad42dd205934412"
CHANGELOG = """\
cloudstack (4.22.0.0-SNAPSHOT) UNRELEASED; urgency=low

  * Update the version to 4.22.0.0-SNAPSHOT

 -- the Apache CloudStack project <dev@cloudstack.apache.org>  Thu, Aug 28 11:58:36 2025 +0530

cloudstack (4.21.0.0-SNAPSHOT-SNAPSHOT) unstable; urgency=low

  * Older, in a form that nobody would accept today

 -- nobody
"""


@pytest.mark.parametrize(
    ("written", "wanted", "version"),
    [
        ("4.22.0.0-SNAPSHOT", "auto", "4.22.0.0~~git20251030135139.3d6cafe1936e"),
        ("4.22.0.0-SNAPSHOT-SNAPSHOT", "auto", "4.22.0.0~~git20251030135139.3d6cafe1936e"),
        ("4.22.0.0-brand-SNAPSHOT", "auto", "4.22.0.0-brand~~git20251030135139.3d6cafe1936e"),
        ("1:1.0~SNAPSHOT-2", "auto", "1:1.0~~git20251030135139.3d6cafe1936e-2"),
        ("4.22.0.0-SNAPSHOT~bookworm", "auto", "4.22.0.0~~git20251030135139.3d6cafe1936e"),
        ("4.21.0.0", "auto", "4.21.0.0"),
        ("4.21.0.0~bookworm~bookworm", "auto", "4.21.0.0"),
        ("4.22.0.0-SNAPSHOT", "keep", "4.22.0.0-SNAPSHOT"),
        ("4.22.0.0-SNAPSHOT~bookworm", "keep", "4.22.0.0-SNAPSHOT"),
        ("4.22.0.0-SNAPSHOT", "5.0", "5.0"),
    ],
)
def test_version(written: str, wanted: str, version: str) -> None:
    assert build_version(written, wanted, "bookworm", SHA, TIME) == version


@pytest.mark.parametrize("codename", ["bookworm", "focal", "bullseye", "noble", "trixie"])
def test_a_snapshot_sorts_below_its_release_and_by_time(codename: str) -> None:
    def version(written: str, days: int) -> str:
        time = TIME + timedelta(days=days)
        return build_version(written, "auto", codename, SHA, time) + suffix(codename)

    ordered = [
        "4.21.0.0~" + codename,
        version("4.22.0.0-SNAPSHOT", 0),
        version("4.22.0.0-SNAPSHOT", 1),
        "4.22.0.0~" + codename,
        "4.22.0.0",
        "4.22.0.0-SNAPSHOT",
    ]
    for lower, higher in pairwise(ordered):
        subprocess.run(["dpkg", "--compare-versions", lower, "lt", higher], check=True)


@pytest.mark.parametrize(
    ("version", "count"),
    [("1.0", 0), ("1.0~bookworm", 1), ("1.0~bookworm~bookworm", 2), ("1.0~bookworm-1", 0)],
)
def test_suffix_count(version: str, count: int) -> None:
    assert suffix_count(version, "bookworm") == count


ENTRY = ChangelogEntry("cloudstack", "4.22.0.0-SNAPSHOT", "UNRELEASED", "low")


def test_an_entry_from_what_dpkg_prints() -> None:
    printed = """\
Source: cloudstack
Version: 4.22.0.0-SNAPSHOT
Distribution: UNRELEASED
Urgency: low
Timestamp: 1756362516
Changes:
 cloudstack (4.22.0.0-SNAPSHOT) UNRELEASED; urgency=low
 .
   * Version: 1
"""
    written = datetime(2025, 8, 28, 6, 28, 36, tzinfo=UTC)
    assert entry_of(printed) == replace(ENTRY, time=written)
    for unreadable in ("yesterday", "9" * 30):
        assert entry_of(printed.replace("1756362516", unreadable)) == ENTRY
    with pytest.raises(ValueError, match="its first entry has no version"):
        entry_of("Source: x\nDistribution: y\n")


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=400), -timedelta(days=1)])
def test_an_entry_is_later_than_the_one_below_it(later: timedelta) -> None:
    below = TIME + later
    text = with_entry(CHANGELOG, replace(ENTRY, time=below), "4.22.0.0~~git1", SHA, TIME)
    written = parsedate_to_datetime(text.splitlines()[4].partition(">  ")[2])
    assert written == max(TIME, below + timedelta(seconds=1))


def test_with_entry_is_what_dpkg_reads(tmp_path: Path) -> None:
    path = tmp_path / "changelog"
    path.write_text(with_entry(CHANGELOG, ENTRY, "4.22.0.0~~git1", SHA, TIME))

    shown = ["dpkg-parsechangelog", "-l", str(path), "--show-field"]
    fields = {
        name: subprocess.check_output([*shown, name], text=True).strip()
        for name in (
            "Source",
            "Version",
            "Distribution",
            "Urgency",
            "Maintainer",
            "Date",
            "Timestamp",
        )
    }
    assert fields == {
        "Source": "cloudstack",
        "Version": "4.22.0.0~~git1",
        "Distribution": "UNRELEASED",
        "Urgency": "low",
        "Maintainer": f"{BUILDER_NAME} <{BUILDER_ADDRESS}>",
        "Date": "Thu, 30 Oct 2025 13:51:39 +0000",
        "Timestamp": str(int(TIME.astimezone(UTC).timestamp())),
    }
    assert path.read_text().endswith(CHANGELOG)
