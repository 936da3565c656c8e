from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from common.digests import file_sha256
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.debian.dependencies.host import this_host
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.local_apt import LocalApt, make_local_apt
from tests.support.pipelines.tiny_package import (
    CHANGELOG,
    COMMIT_EPOCH,
    CONTROL,
    SCRIPT,
    STEP,
    build,
    git,
    make_source,
)

pytestmark = pytest.mark.host

CODENAME = this_host().codename


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "state", "job_1", 1)


@pytest.fixture(scope="module")
def apt(tmp_path_factory: pytest.TempPathFactory) -> LocalApt:
    return make_local_apt(tmp_path_factory.mktemp("apt"), {"small-thing": "1.2"})


@pytest.fixture(autouse=True)
def host_untouched() -> Iterator[None]:
    yield
    installed = Path("/var/lib/dpkg/status").read_text()
    assert "tiny-build-dummies" not in installed
    assert "small-thing" not in installed


def field(path: Path, name: str) -> str:
    return subprocess.run(
        ["dpkg-deb", "-f", str(path), name], check=True, text=True, capture_output=True
    ).stdout.strip()


def files(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in workspace.packages.iterdir())


@pytest.mark.parametrize("script", ["", SCRIPT], ids=["plain", "script"])
def test_all_met_is_clean(workspace: Workspace, script: str) -> None:
    sha = make_source(workspace, script=script)

    progress: list[str] = []
    result = build(workspace, progress=progress)

    version = f"1.0~~git20251030135139.{sha[:12]}~{CODENAME}"
    arch = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    assert files(workspace) == [
        f"tiny_{version}_all.deb",
        f"tiny_{version}_{arch}.buildinfo",
        f"tiny_{version}_{arch}.changes",
    ]
    assert {path.name for path in result.outputs} == set(files(workspace))
    assert result.values["packages"] == [
        {
            "name": "tiny",
            "version": version,
            "architecture": "all",
            "file": f"tiny_{version}_all.deb",
            "grade": "clean",
            "dummies": [],
            "without": [],
        }
    ]
    assert [rung["rung"] for rung in result.values["rungs"]] == ["met", "met"]
    assert result.values["toolchain"].keys() >= {"dpkg-dev", "debhelper"}
    assert str(workspace.root) not in str(result.values)
    assert progress == ["checking build dependencies", "building packages"]
    assert git(workspace.source, "status", "--porcelain") == ""
    assert list(workspace.source.parent.iterdir()) == [workspace.source]


def test_two_builds_of_a_commit_are_the_same_bytes(tmp_path: Path) -> None:
    packages = []
    for name, zone in (("a", "Asia/Tokyo"), ("b", "America/Lima")):
        workspace = Workspace(tmp_path / name, "job_1", 1)
        make_source(workspace, script=SCRIPT)
        build(workspace, env={"TZ": zone, "DEBEMAIL": f"{name}@example.org"})
        (package,) = workspace.packages.glob("*.deb")
        packages.append((package.name, file_sha256(package)))

    assert packages[0] == packages[1]
    changes = next(workspace.packages.glob("*.changes")).read_text()
    assert "\nDate: Thu, 30 Oct 2025 13:51:39 +0000\n" in changes


def test_gone_dependency_without_permission(workspace: Workspace, apt: LocalApt) -> None:
    make_source(workspace, build_depends="gone-thing (>= 2.7) | goner, other-gone")

    with pytest.raises(StepFailed) as caught:
        build(workspace, env=apt.env)

    assert caught.value.code is FailureCode.BUILD_DEPENDS
    assert "'gone-thing (>= 2.7) | goner', 'other-gone'" in caught.value.message
    assert "add gone-thing or goner to allow_dummies" in caught.value.excerpt
    assert "add other-gone to allow_dummies" in caught.value.excerpt
    assert not workspace.packages.exists()


def test_dummy_for_what_is_gone(workspace: Workspace, apt: LocalApt) -> None:
    make_source(
        workspace, script=SCRIPT, build_depends="gone-thing (>= 2.7) | goner, other-gone (<< 1:3)"
    )

    options = BuildDebOptions(allow_dummies=("goner", "gone-thing", "other-gone"))
    result = build(workspace, options, env=apt.env)

    assert result.values["grade"] == "dummied"
    assert result.values["packages"][0]["dummies"] == ["gone-thing", "other-gone"]
    assert [item["version"] for item in result.values["substitutions"]] == ["2.7", "1:3~"]
    rungs = {rung["group"]: rung["rung"] for rung in result.values["rungs"]}
    assert rungs["gone-thing (>= 2.7) | goner"] == "dummy"
    assert rungs["debhelper-compat (= 13)"] == "met"
    buildinfo = next(workspace.packages.glob("*.buildinfo")).read_text()
    assert "tiny-build-dummies (= 1.0)" in buildinfo
    assert "debhelper (= " in buildinfo
    dummy = next((workspace.scratch(STEP) / "dummy").glob("*.deb"))
    assert field(dummy, "Provides") == "gone-thing (= 2.7), other-gone (= 1:3~)"


def test_never_a_dummy_for_a_toolchain(workspace: Workspace, apt: LocalApt) -> None:
    names = ("openjdk-99-jdk", "zulu-99")
    make_source(workspace, build_depends=" | ".join(names))

    with pytest.raises(StepFailed, match="openjdk-99-jdk") as caught:
        build(workspace, BuildDebOptions(allow_dummies=names), env=apt.env)

    assert caught.value.code is FailureCode.BUILD_DEPENDS
    assert "toolchain" in caught.value.excerpt
    assert "allow_dummies" not in caught.value.excerpt


@pytest.mark.parametrize("script", ["", SCRIPT], ids=["plain", "script"])
def test_forced_only_when_allowed(workspace: Workspace, apt: LocalApt, script: str) -> None:
    make_source(workspace, script=script, build_depends="gone-thing, openjdk-99-jdk")

    options = BuildDebOptions(allow_dummies=("gone-thing",), allow_forced=True)
    result = build(workspace, options, env=apt.env)

    assert result.values["grade"] == "forced"
    assert result.values["packages"][0]["without"] == ["openjdk-99-jdk"]
    rungs = {rung["group"]: rung for rung in result.values["rungs"]}
    assert rungs["gone-thing"]["rung"] == "dummy"
    assert rungs["openjdk-99-jdk"]["rung"] == "forced"
    assert "allow_forced" in rungs["openjdk-99-jdk"]["reason"]
    assert result.values["packages"][0]["version"].endswith(f"~{CODENAME}")


def test_root_installs_what_apt_has(workspace: Workspace, tmp_path: Path) -> None:
    apt = make_local_apt(tmp_path / "apt", {"small-thing": "1.2", "unasked": "1"}, lists=False)
    make_source(workspace, build_depends="small-thing (>= 1.1), gone-thing")
    host = replace(this_host(), admindir=apt.admindir, is_root=True)

    options = BuildDebOptions(allow_dummies=("gone-thing", "small-thing"))
    result = build(workspace, options, host=host, env=apt.env)

    rungs = {rung["group"]: rung for rung in result.values["rungs"]}
    assert rungs["small-thing (>= 1.1)"]["rung"] == "apt"
    assert rungs["small-thing (>= 1.1)"]["reason"] == "apt has small-thing 1.2"
    assert rungs["gone-thing"]["rung"] == "dummy"
    assert "install small-thing:all" in apt.install_log()
    assert "unasked" not in apt.install_log()
    buildinfo = next(workspace.packages.glob("*.buildinfo")).read_text()
    assert "small-thing (= 1.2)" in buildinfo


def test_not_root_is_told_the_command(workspace: Workspace, apt: LocalApt) -> None:
    make_source(workspace, build_depends="small-thing (>= 1)")

    with pytest.raises(StepFailed) as caught:
        build(
            workspace,
            BuildDebOptions(allow_dummies=("small-thing",), allow_forced=True),
            host=replace(this_host(), is_root=False),
            env=apt.env,
        )

    assert caught.value.code is FailureCode.BUILD_DEPENDS
    assert re.search(r"Run `sudo apt-get .* satisfy 'small-thing \(>= 1\)'`", caught.value.message)


def test_not_root_without_package_lists(workspace: Workspace, tmp_path: Path) -> None:
    apt = make_local_apt(tmp_path / "apt", {"small-thing": "1.2"}, lists=False)
    make_source(workspace, build_depends="small-thing")

    with pytest.raises(StepFailed, match=r"Run `sudo apt-get .* update`") as caught:
        build(
            workspace,
            BuildDebOptions(allow_dummies=("small-thing",)),
            host=replace(this_host(), is_root=False),
            env=apt.env,
        )

    assert caught.value.code is FailureCode.BUILD_DEPENDS


def test_apt_that_fails_says_why(workspace: Workspace, tmp_path: Path) -> None:
    apt = make_local_apt(tmp_path / "apt", {"small-thing": "1.2"})
    next((tmp_path / "apt/archive").glob("*.deb")).unlink()
    make_source(workspace, build_depends="small-thing")

    with pytest.raises(StepFailed, match="apt cannot install small-thing") as caught:
        build(
            workspace, host=replace(this_host(), admindir=apt.admindir, is_root=True), env=apt.env
        )

    assert caught.value.code is FailureCode.BUILD_DEPENDS
    assert caught.value.retryable
    assert "E: " in caught.value.excerpt


def test_build_conflict_is_found_before_the_build(workspace: Workspace) -> None:
    make_source(workspace, build_depends="debhelper\nBuild-Conflicts: dpkg")

    with pytest.raises(StepFailed) as caught:
        build(workspace)

    assert caught.value.code is FailureCode.BUILD_DEPENDS
    assert "build conflicts: dpkg" in caught.value.excerpt.lower()


def test_profile_frees_of_a_dependency(workspace: Workspace) -> None:
    make_source(workspace, build_depends="gone-thing <!nodoc>, goner [hurd-any]")

    result = build(workspace, BuildDebOptions(build_profiles=("nodoc",)))

    assert result.values["grade"] == "clean"


def test_missing_tool(workspace: Workspace) -> None:
    make_source(workspace)

    with pytest.raises(StepFailed, match="no-such-tool") as caught:
        build(workspace, BuildDebOptions(tools=("git", "no-such-tool")))

    assert caught.value.code is FailureCode.TOOL_MISSING


def test_failure_shows_what_said_why(workspace: Workspace) -> None:
    noise = "for i in $$(seq 3000); do echo noise $$i; done"
    make_source(workspace, build=f"echo 'lib.c:3:1: error: no such thing'; {noise}; exit 7")

    with pytest.raises(StepFailed) as caught:
        build(workspace)

    assert caught.value.code is FailureCode.PACKAGING_FAILED
    assert "lib.c:3:1: error: no such thing" in caught.value.message
    assert "build] Error 7" in caught.value.excerpt
    assert len(caught.value.excerpt.encode()) <= 2000


def test_the_next_try_starts_clean(workspace: Workspace) -> None:
    sha = make_source(workspace, script=SCRIPT)
    source = workspace.source
    # What a killed build leaves: a changed changelog, its backup, git's lock, half of the packages.
    (source / "debian/changelog").write_text(CHANGELOG.replace("SNAPSHOT)", f"X~{CODENAME})"))
    (source / "debian/changelog.1761832299").write_text(CHANGELOG)
    (source / "debian/tiny").mkdir()
    (source / ".git/index.lock").touch()
    (source.parent / f"tiny_1.0~{CODENAME}_all.deb").write_text("half")
    (source.parent / "tiny_1.0_amd64.changes").write_text("other")
    workspace.packages.mkdir(parents=True)
    (workspace.packages / "tiny_0.9_all.deb").write_text("older")
    (source / "target").mkdir()
    (source / "target/kept.jar").write_text("made by an earlier step")

    result = build(workspace)

    assert result.values["version"] == f"1.0~~git20251030135139.{sha[:12]}~{CODENAME}"
    assert len(files(workspace)) == 3
    assert (source / "target/kept.jar").exists()


def test_a_release_keeps_its_version_and_gets_one_suffix(workspace: Workspace) -> None:
    committed = CHANGELOG.replace("1.0-SNAPSHOT)", f"2.1~{CODENAME}~{CODENAME})")
    make_source(workspace, changelog=committed, script=SCRIPT)

    assert build(workspace).values["version"] == f"2.1~{CODENAME}"


def test_texts_that_are_no_utf_8_are_packaged_as_dpkg_does(workspace: Workspace) -> None:
    latin = {"changelog": CHANGELOG, "control": CONTROL.format(more="")}
    latin = {k: v.replace("Tiny Dev", "J\udcf6rg Dev") for k, v in latin.items()}
    more = {"debian/control": latin["control"]}
    sha = make_source(workspace, changelog=latin["changelog"], more=more)

    result = build(workspace)

    assert sha[:12] in result.values["version"]
    deb = next(workspace.packages.glob("*.deb"))
    text = subprocess.check_output(
        f"dpkg-deb --fsys-tarfile {deb} | tar -xO ./usr/share/doc/tiny/changelog",
        shell=True,
    )
    assert text.count(b"-- J\xf6rg Developers <tiny@example.org>") == 1, "theirs alone"


def test_a_script_that_stacks_suffixes_is_refused(workspace: Workspace) -> None:
    make_source(workspace, script=SCRIPT.replace("$version~", f"$version~{CODENAME}~"))

    with pytest.raises(StepFailed, match="2 times") as caught:
        build(workspace)

    assert caught.value.code is FailureCode.PACKAGING_FAILED
    assert not workspace.packages.exists()


def test_a_script_that_leaves_nothing_is_refused(workspace: Workspace) -> None:
    make_source(workspace, script="#!/bin/bash\nexit 0\n")

    with pytest.raises(StepFailed, match="found none") as caught:
        build(workspace)

    assert caught.value.code is FailureCode.ARTIFACT_MISSING


def test_environment_reaches_the_packaging(workspace: Workspace) -> None:
    make_source(
        workspace,
        build='echo "$(HOME) $(SOURCE_DATE_EPOCH) $(DEB_BUILD_OPTIONS) $(TZ)" >> opts.txt',
        installs="opts.txt",
    )

    build(
        workspace,
        BuildDebOptions(
            skip_tests=True, threads="1C", maven_profiles=("a", "b"), properties={"p": "x $y 'z"}
        ),
        env={"ACS_BUILD_OPTS": "-Dfrom=pipeline"},
    )

    (package,) = workspace.packages.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", str(package), str(workspace.root / "x")], check=True)
    *opts, rest = (workspace.root / "x/usr/share/tiny/opts.txt").read_text().splitlines()
    assert opts == [
        *("-Dfrom=pipeline", "-B", "-ntp", "-Pa,b", "-T", "1C", "-DskipTests"),
        "-Dstyle.color=never",
        "-Dproject.build.outputTimestamp=2025-01-01T00:00:00Z",
        "-Dp=x $y 'z",
        f"-Dmaven.repo.local={workspace.maven_repository}",
    ]
    assert rest.startswith(f"{workspace.home} {COMMIT_EPOCH} nocheck")
    assert rest.endswith(" UTC")
    link = workspace.home / ".m2/repository"
    assert link.resolve() == workspace.maven_repository.resolve()


def test_source_without_debian(workspace: Workspace) -> None:
    make_source(workspace)
    git(workspace.source, "rm", "-r", "--quiet", "debian")
    git(workspace.source, "commit", "--quiet", "-m", "no debian")

    with pytest.raises(StepFailed, match="no debian/control"):
        build(workspace)


def test_no_source(workspace: Workspace) -> None:
    with pytest.raises(StepFailed) as caught:
        build(workspace)

    assert caught.value.code is FailureCode.CHECKOUT_FAILED
