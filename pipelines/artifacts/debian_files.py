"""What Debian's own files say about the artifacts: fields of packages, and lists of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

BUILD_INFO = ".buildinfo"
LISTS = (".changes", BUILD_INFO)
"""Files that list others with their digests."""


def is_package(name: str) -> bool:
    """Whether dpkg can install a file of that name."""
    return name.endswith((".deb", ".udeb", ".ddeb"))


def control_fields(package: Path) -> dict[str, str] | None:
    """The fields of a package's control file; None if it is no package that dpkg can read."""
    import lzma  # noqa: PLC0415 - these take a tenth of a second, and most steps need none
    import tarfile  # noqa: PLC0415

    from debian.arfile import ArError  # noqa: PLC0415
    from debian.debfile import DebError, DebFile  # noqa: PLC0415

    broken = (ArError, DebError, tarfile.TarError, lzma.LZMAError, EOFError, ValueError, KeyError)
    try:
        with DebFile(str(package)) as opened:
            fields = opened.debcontrol()
            return {str(name): str(fields[name]) for name in fields}
    except broken:
        return None


def installed_packages(infos: Iterable[Path]) -> dict[str, str]:
    """The packages of the build root with their versions, by `.buildinfo` files.

    Those of another architecture are named `name:arch`. Raises OSError.
    """
    from debian.deb822 import BuildInfo  # noqa: PLC0415 - see control_fields

    found: dict[str, str] = {}
    for path in infos:
        relations: Any = BuildInfo(path.read_bytes()).relations["installed-build-depends"]
        for relation, *_ in relations:
            if relation.get("version"):
                quality = f":{relation['archqual']}" if relation.get("archqual") else ""
                found[f"{relation['name']}{quality}"] = relation["version"][1]
    return found


def listed_in(lists: Iterable[Path]) -> Mapping[tuple[str, str], Sequence[str]]:
    """The names of the `.changes` and `.buildinfo` that list a file, by its name and SHA-256."""
    from debian.deb822 import Deb822  # noqa: PLC0415 - see control_fields

    found: dict[tuple[str, str], list[str]] = {}
    for path in lists:
        document = Deb822(path.read_bytes())
        for line in document.get("Checksums-Sha256", "").splitlines():
            match line.split():
                case [digest, _, name]:
                    found.setdefault((name, digest), []).append(path.name)
    return {key: sorted(names) for key, names in found.items()}
