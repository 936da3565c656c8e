"""What of a build is offered, whoever wrote its manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from common.digests import file_digests
from coordination_tasks.domain.errors import NotVerified
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.artifacts.manifest import read_manifest
from coordination_tasks.farm.artifacts.published import Published
from coordination_tasks.farm.artifacts.releases.offering import Offer


class Packages:
    """A destination that has nothing yet."""

    def takes(self, file: str) -> bool:
        return file.endswith(".deb")

    def find(self, attempt: str, file: str, sha256: str) -> Path | None:
        return None

    def check(
        self, results: Mapping[str, Mapping[str, Any]], files: Sequence[Path], *, untested: bool
    ) -> None:
        """Everything is good enough."""

    def offer(
        self, attempt: str, files: Sequence[Path], *, go_back: bool
    ) -> tuple[Sequence[str], Sequence[str]]:
        return (), ()

    def renew(self) -> bool:
        return False


def offer(folder: Path, provenance: object, *names: str) -> Offer:
    entries = []
    for name in names:
        (folder / name).write_text("x")
        found = file_digests(folder / name, ["sha256"])
        sums = dict(found.by_algorithm)
        entries.append({"name": name, "path": name, "size_bytes": 1, "checksums": sums})
    document = {"build_dir": str(folder), "artifacts": entries, "provenance": provenance}
    build = Published(
        job="web-1", attempt=2, builder="build1", path="", address="", signature="", at=utc_now(),
        manifest=read_manifest(json.dumps(document).encode()),
    )  # fmt: skip
    return Offer(build=build, place=Packages(), is_here=True)


@pytest.mark.parametrize("provenance", [None, [], {"attempt": "../../x", "steps": [1]}, {}])
def test_a_strange_provenance_leads_nowhere(tmp_path: Path, provenance: object) -> None:
    one = offer(tmp_path, provenance)
    assert one.attempt == f"{tmp_path.name}-2"
    assert one.results() == {}


def test_what_the_manifest_says_of_its_steps(tmp_path: Path) -> None:
    steps = {"build-deb": {"grade": "clean"}, "odd": 7}
    one = offer(tmp_path, {"attempt": 1, "steps": steps})
    assert one.attempt == f"{tmp_path.name}-1"
    assert one.results() == {"build-deb": {"grade": "clean"}}


def test_only_what_the_destination_takes_is_offered(tmp_path: Path) -> None:
    one = offer(tmp_path, {}, "web.deb", "web.buildinfo")
    assert one.files(tmp_path / "copies") == [tmp_path / "web.deb"]
    with pytest.raises(NotVerified, match="lists nothing that this destination takes"):
        offer(tmp_path, {}, "web.jar").files(tmp_path / "copies")
