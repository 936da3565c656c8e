"""What artifacts cost beside the bare tools: digests, publication, verification.

    python -m benchmarks.artifacts [--rounds N] [hashing|publish|verify ...]

Both sides in turns, the medians of N rounds (5), on files that are in memory. Figures go to
benchmarks/results/artifacts.json; 1 when a limit is missed.

hashing: 2 GB in 8 files, MD5, SHA-256 and SHA-512 in one pass, beside `sha256sum`.
publish: one more build into a suite of 500 packages, beside apt-ftparchive, gzip and gpg alone,
which write the same index anew.
verify: a manifest of 10,000 files of 20 kB, SHA-256 and SHA-512, beside `sha256sum -c`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.maven_builds import machine
from common.digests import file_digests, on_all_cores
from coordination_tasks.farm.artifacts.targets import of_folder
from coordination_tasks.farm.artifacts.verification import file_deviations
from tests.support.debs import make_deb
from tests.support.publishing import Site

RESULTS = Path(__file__).parent / "results" / "artifacts.json"
SHELL = r"""
set -e
cd "$1"
mkdir -p bare/binary-amd64
apt-ftparchive packages pool > bare/binary-amd64/Packages
gzip -kf bare/binary-amd64/Packages
apt-ftparchive release bare > Release
mv Release bare
cd bare
gpg --homedir "$2" --batch --yes --no-tty --output InRelease --clear-sign Release
gpg --homedir "$2" --batch --yes --no-tty --output Release.gpg --armor --detach-sign Release
"""
"""What a person types who has no other program."""
Act = Callable[[], object]


def main() -> int:
    """Measure, write and print; returns 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS])
    given = parser.parse_args()
    figures = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else {}
    kept = []
    for name in given.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="artifacts-", dir=memory()) as folder:
            figures[name] = PARTS[name](Path(folder), given.rounds)
        kept.append(figures[name]["kept"])
        print(name, json.dumps(figures[name]), flush=True)
    RESULTS.write_text(json.dumps({**machine(), "figures": figures}, indent=1) + "\n")
    return 0 if all(kept) else 1


def memory() -> str | None:
    """A disk in memory, if it has room."""
    room = Path("/dev/shm")
    return str(room) if room.is_dir() and shutil.disk_usage(room).free > 4 << 30 else None


def in_turns(rounds: int, ours: Act, bare: Act) -> tuple[float, float]:
    """Medians in seconds of both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for measured, act in zip(seconds, (ours, bare), strict=True):
            began = time.monotonic()
            act()
            measured.append(time.monotonic() - began)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def hashing(folder: Path, rounds: int) -> dict[str, float | bool]:
    """As much a second as sha256sum, or more."""
    size = 256 << 20
    paths = [folder / str(number) for number in range(8)]
    for path in paths:
        path.write_bytes(os.urandom(1 << 20) * (size >> 20))

    def ours() -> None:
        list(on_all_cores(lambda path: file_digests(path, ("md5", "sha256", "sha512")), paths))

    own, bare = in_turns(rounds, ours, lambda: quiet("sha256sum", *map(str, paths)))
    return {
        "megabytes_per_s": round(len(paths) * size / own / 1e6),
        "sha256sum_megabytes_per_s": round(len(paths) * size / bare / 1e6),
        "ratio": round(bare / own, 2),
        "kept": bare / own >= 0.9,
    }


def publish(folder: Path, rounds: int) -> dict[str, float | bool]:
    """Seconds of the step, and of the tools alone in the same pool."""
    site = Site(folder)
    debs = [make_deb(folder / "debs", f"package-{number}") for number in range(500)]
    site.publish(*debs)
    builds = iter([site.deb(f"1.{number}") for number in range(rounds)])
    bare = ("sh", "-c", SHELL, "sh", str(site.root), str(site.destination.gnupg_home))
    own, other = in_turns(rounds, lambda: site.publish(next(builds)), lambda: quiet(*bare))
    return {
        "seconds": round(own, 2),
        "bare_seconds": round(other, 2),
        "ratio": round(own / other, 2),
        "kept": own <= 1.5 * other and own <= 2,
    }


def verify(folder: Path, rounds: int) -> dict[str, float | bool]:
    """Seconds to read the manifest and compare all files."""
    entries = []
    for number in range(10_000):
        path = folder / f"{number}.txt"
        path.write_bytes(os.urandom(20_000))
        digests = file_digests(path, ("sha256", "sha512"))
        entries.append(
            {
                "name": path.name,
                "path": path.name,
                "size_bytes": digests.size,
                "checksums": dict(digests.by_algorithm),
            }
        )
    manifest = {"job_id": "large", "server": "build1", "build_dir": "/nowhere"}
    manifest_file = folder / "large-1-manifest.json"
    manifest_file.write_text(json.dumps({**manifest, "artifacts": entries}))
    sums = folder / "SHA256SUMS"
    lines = (f"{entry['checksums']['sha256']}  {entry['name']}\n" for entry in entries)  # type: ignore[index]
    sums.write_text("".join(lines))

    def ours() -> None:
        [target] = of_folder(folder)
        if list(file_deviations(target.files)):
            raise AssertionError

    bare = ("sh", "-c", 'cd "$1"; exec sha256sum --quiet -c SHA256SUMS', "sh", str(folder))
    own, other = in_turns(rounds, ours, lambda: quiet(*bare))
    return {
        "seconds": round(own, 2),
        "sha256sum_seconds": round(other, 2),
        "ratio": round(own / other, 2),
        "kept": own <= 2 * other,
    }


def quiet(*argv: str) -> None:
    """Run a tool."""
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


PARTS = {"hashing": hashing, "publish": publish, "verify": verify}

if __name__ == "__main__":
    raise SystemExit(main())
