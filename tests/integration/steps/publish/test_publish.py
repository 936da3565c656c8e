"""The step `publish`: a signed apt repository that apt reads at any moment, and a folder."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.digests import file_digests
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.publish.place import Place
from pipelines.steps.publish.step import PUBLISH, PublishOptions
from pipelines.workspace.layout import Workspace
from tests.support.apt_client import AptClient
from tests.support.debs import EPOCH
from tests.support.gpg_keys import make_gpg_key
from tests.support.pipelines.tiny_package import step_context
from tests.support.publishing import Site, good

pytestmark = pytest.mark.skipif(
    not (shutil.which("apt-ftparchive") and shutil.which("gpg")), reason="needs apt-utils and gnupg"
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_client_finds_each_build_and_several_versions_stay(site: Site) -> None:
    client = site.client()
    assert site.publish(site.deb("1.0")).reason == "published 1 file to site"
    good(client.update())
    assert client.versions("tiny") == ["1.0"]
    good(client.download("tiny", site.folder / "got"))

    for version in ("1.1", "1.10"):
        site.publish(site.deb(version))
        good(client.update())
    assert client.versions("tiny") == ["1.10", "1.1"], "the two newest by dpkg's order"
    good(client.download("tiny=1.1", site.folder / "got"))
    release = (site.root / "dists/stable/InRelease").read_text()
    for words in ("Suite: stable", "Acquire-By-Hash: yes", "Valid-Until: ", "SHA512:"):
        assert words in release
    assert "MD5Sum" not in release


def test_the_same_again_changes_nothing(site: Site) -> None:
    package = site.deb("1.0")
    site.publish(package)
    before = (site.root / "dists/stable").readlink()
    again = site.publish(package)
    assert again.reason == "published nothing new to site"
    assert (site.root / "dists/stable").readlink() == before


def test_an_index_that_expires_soon_is_signed_again(site: Site) -> None:
    package = site.deb("1.0")
    site.publish(package)
    index = site.root / "dists/stable/InRelease"
    old = time.time() - 4 * 86400
    os.utime(index, (old, old))
    assert site.publish(package).reason == "published nothing new to site"
    assert index.stat().st_mtime > old + 86400
    good(site.client().update())


def test_other_bytes_under_a_published_version_are_refused(site: Site) -> None:
    first, other = site.deb("1.0"), site.deb("1.0", text="jello, other\n")
    site.publish(first)
    with pytest.raises(StepFailed, match="was published with other bytes") as caught:
        site.publish(other)
    assert caught.value.code is FailureCode.BAD_REQUEST
    for path in (first, other):
        assert file_digests(path, ["sha256"]).by_algorithm["sha256"] in caught.value.message
    with pytest.raises(StepFailed, match="other bytes"):
        site.publish(other, suite="testing")
    client = site.client()
    good(client.update())
    good(client.download("tiny", site.folder / "got"))


def test_a_version_that_is_no_longer_offered_keeps_its_bytes(site: Site) -> None:
    other = site.deb("1.0", text="jello, other\n")
    for version in ("1.0", "1.1", "1.2"):
        site.publish(site.deb(version))
    with pytest.raises(StepFailed, match="other bytes"):
        site.publish(other)
    with pytest.raises(StepFailed, match="is older than the 2 versions that suite stable keeps"):
        site.publish(site.deb("1.0"))
    client = site.client()
    good(client.update())
    assert client.versions("tiny") == ["1.2", "1.1"]


def test_two_packages_of_one_version_are_refused(site: Site) -> None:
    with pytest.raises(StepFailed, match="other bytes"):
        site.publish(site.deb("1.0"), renamed(site.deb("1.0", text="jello, other\n")))
    assert not (site.root / "dists").exists()


def renamed(package: Path) -> Path:
    return package.rename(package.with_name("again.deb"))


def test_a_folder_of_another_program_is_left_alone(site: Site) -> None:
    (site.root / "dists/stable").mkdir(parents=True)
    with pytest.raises(StepFailed, match="is a folder that another program made"):
        site.publish(site.deb("1.0"))


def test_others_can_read_it_whatever_the_umask(site: Site) -> None:
    before = os.umask(0o077)
    try:
        site.publish(site.deb("1.0"))
    finally:
        os.umask(before)
    for path in site.root.glob("**/*"):
        if path.name not in {".lock", "digests.json"}:
            assert path.stat().st_mode & 0o044 == 0o044, path


def test_suites_share_the_pool(site: Site) -> None:
    package = site.deb("1.0")
    site.publish(package)
    site.publish(package, suite="testing")
    for version in ("1.1", "1.2", "1.3"):
        site.publish(site.deb(version))
    testing = AptClient(site.folder / "t", f"file:{site.root}", site.key, suite="testing")
    good(testing.update())
    good(testing.download("tiny", site.folder / "got"))
    pooled = sorted(path.name for path in site.root.glob("pool/main/t/tiny/*"))
    assert "tiny_1.0_all.deb" in pooled, "the other suite has it"


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"grade": "forced", "install_test": {"installs": True}}, "takes no forced packages"),
        ({"grade": "clean", "install_test": {"installs": False}}, "install test .* failed"),
        ({"grade": "clean"}, "install test .* was not made"),
    ],
)
def test_what_is_not_good_enough_is_refused(site: Site, made: dict[str, Any], why: str) -> None:
    with pytest.raises(StepFailed, match=why):
        site.publish(site.deb("1.0"), upstream={"build-deb": made})
    assert not (site.root / "dists").exists()
    grades = ("clean", "forced")
    site.publish(site.deb("1.0"), upstream={"build-deb": made}, untested=True, grades=grades)


def test_a_key_that_is_missing_publishes_nothing(site: Site) -> None:
    with pytest.raises(StepFailed, match="gpg failed") as caught:
        site.publish(site.deb("1.0"), signing_key="nobody@example.org")
    assert "nobody@example.org" in caught.value.excerpt
    assert not (site.root / "dists").exists()
    site.publish(site.deb("1.0"))
    good(site.client().update())


def test_a_changed_byte_and_a_foreign_key_are_refused_by_apt(site: Site) -> None:
    site.publish(site.deb("1.0"))
    foreign = AptClient(
        site.folder / "f", f"file:{site.root}", make_gpg_key(site.folder / "other"), "stable"
    )
    assert foreign.update().returncode != 0
    [package] = site.root.glob("pool/main/t/tiny/*.deb")
    content = bytearray(package.read_bytes())
    content[-1] ^= 1
    package.write_bytes(content)
    client = site.client()
    good(client.update())
    assert client.download("tiny", site.folder / "got").returncode != 0


def test_a_key_that_expired_signs_nothing_and_proves_nothing(site: Site) -> None:
    home = site.folder / "expired"
    expired = make_gpg_key(home, expires="1d")
    with pytest.raises(StepFailed, match=r"gpg failed with exit code 2: gpg: .*clear-sign failed"):
        site.publish(site.deb("1.0"), gnupg_home=str(home))
    assert not (site.root / "dists").exists()
    (home / "gpg.conf").write_text(f"faked-system-time {EPOCH + 60}\n")
    site.publish(site.deb("1.0"), gnupg_home=str(home))
    client = AptClient(site.folder / "e", f"file:{site.root}", expired)
    done = client.update()
    if "sqv" in done.stdout + done.stderr or shutil.which("sqv"):
        return  # apt 3 takes what was signed before the key expired
    assert done.returncode != 0
    assert "EXPKEYSIG" in done.stdout + done.stderr


def test_a_repository_that_is_half_written_is_refused(site: Site) -> None:
    for version in ("1.0", "1.1"):
        site.publish(site.deb(version))
    link = site.root / "dists/stable"
    damaged, whole = link.resolve(), link.resolve().with_name("1")
    [packages] = damaged.glob("main/binary-*/Packages")
    package = site.deb("1.2")

    def is_refused() -> bool:
        with pytest.raises(StepFailed, match=r"suite stable is damaged: \S+ is missing or was"):
            site.publish(package)
        return link.is_symlink()

    for path in (packages, damaged / "InRelease"):
        content = path.read_bytes()
        path.write_bytes(content[:40])
        assert is_refused()
        path.unlink()
        assert is_refused()
        path.write_bytes(content)
    shutil.rmtree(damaged)
    assert is_refused()

    link.unlink()
    link.symlink_to(os.path.relpath(whole, link.parent))  # what the message says
    site.publish(package)
    client = site.client()
    good(client.update())
    assert client.versions("tiny") == ["1.2", "1.0"]


def test_what_a_person_withdrew_comes_back_by_a_person_alone(site: Site) -> None:
    first, second = site.deb("1.0"), site.deb("1.1")
    site.publish(first)
    site.publish(second)
    place = Place("site", site.destination, {})
    back = place.offer("job-1", [first], go_back=True)
    assert back == ((), ("tiny 1.1 (all)",))
    with pytest.raises(StepFailed, match=r"tiny 1\.1 \(all\) was withdrawn from suite stable"):
        site.publish(second)
    site.publish(second, suite="testing")
    assert place.offer("job-2", [second], go_back=False) == (("tiny 1.1 (all)",), ())
    site.publish(second)
    client = site.client()
    good(client.update())
    assert client.versions("tiny") == ["1.1", "1.0"]


def test_a_folder_gets_each_attempt_once(site: Site) -> None:
    top = site.folder / "drop"
    package = site.deb("1.0")
    to_folder: dict[str, Any] = {"apt": None, "folder": str(top), "signing_key": None}
    done = site.publish(package, **to_folder)
    assert done.values["published"] == ["tiny_1.0_all.deb", "manifest.json"]
    [made] = top.glob("job*")
    assert (top / "current").readlink() == Path(made.name)
    assert (made / package.name).read_bytes() == package.read_bytes()
    assert site.publish(package, **to_folder).values["published"] == []
    with pytest.raises(StepFailed, match="has another tiny_1"):
        site.publish(site.deb("1.0", text="other bytes\n"), **to_folder)


def test_an_unknown_destination_is_named(site: Site) -> None:
    workspace = Workspace(site.folder, "job_1", 1)
    context = replace(step_context(workspace), destinations={"site": site.destination})
    with pytest.raises(StepFailed, match=r"unknown destination 'sito' \(known: site\)"):
        PUBLISH.run(PublishOptions(to="sito"), context)
