"""Which packages a suite offers."""

from __future__ import annotations

import pytest

from pipelines.steps.publish.packages_index import (
    Stanza,
    newer_than,
    newest,
    read_stanzas,
    released_digests,
)


def stanza(name: str, version: str, source: str = "") -> Stanza:
    lines = {
        "Package": name,
        **({"Source": source} if source else {}),
        "Version": version,
        "Architecture": "all",
        "Filename": f"pool/{name}_{version}_all.deb",
        "SHA256": "0" * 64,
    }
    [found] = read_stanzas("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return found


def labels(stanzas: list[Stanza]) -> list[str]:
    return [f"{one.package} {one.version}" for one in stanzas]


@pytest.mark.parametrize(
    ("source", "expected"),
    [("", ("web", "2.0")), ("w", ("w", "2.0")), ("w (1.9~rc1)", ("w", "1.9~rc1"))],
)
def test_the_source_of_a_package(source: str, expected: tuple[str, str]) -> None:
    one = stanza("web", "2.0", source)
    assert (one.source, one.source_version) == expected


def test_going_back_withdraws_later_builds_of_the_same_source_alone() -> None:
    offered = [
        *(stanza("web", version, "shop") for version in ("0.9", "1.0", "1.1", "1.10")),
        stanza("web-new", "1.1", "shop"),
        stanza("web-old", "1.0", "shop"),
        stanza("other", "7.0"),
    ]
    build = [stanza("web", "1.0", "shop")]
    assert labels(newer_than(build, offered)) == ["web 1.1", "web 1.10", "web-new 1.1"]
    assert newer_than([stanza("web", "1.10", "shop")], offered) == []


def test_a_package_that_came_from_another_source_is_withdrawn_by_its_own_version() -> None:
    offered = [stanza("web", "2.0", "renamed"), stanza("more", "2.0", "renamed")]
    assert labels(newer_than([stanza("web", "1.0", "shop")], offered)) == ["web 2.0"]


def test_several_versions_are_kept() -> None:
    found = newest((stanza("web", f"1.{n}") for n in (2, 10, 1)), keep=2)
    assert labels(found) == ["web 1.10", "web 1.2"]


def test_the_digests_of_a_signed_index() -> None:
    text = f"Suite: stable\nSHA256:\n {'a' * 64}  12 main/binary-amd64/Packages\nSHA512:\n"
    assert released_digests(text) == {"main/binary-amd64/Packages": "a" * 64}
