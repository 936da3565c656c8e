"""The try to install finished packages: simulated by the real apt, and in a real root."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pipelines.steps.debian.checks.installability import InstallTest, Way, try_to_install
from pipelines.steps.debian.clean_root import refusal
from pipelines.steps.debian.dependencies.host import this_host
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.tiny_package import step_context

HOST = this_host()
REFUSAL = refusal(dict(os.environ))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "state", "job_1", 1)


def make_package(
    workspace: Workspace, name: str, *, depends: str = "", postinst: str = "", more: str = ""
) -> Path:
    tree = workspace.root / "trees" / name
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1.0\nArchitecture: all\n"
        f"Maintainer: Tests <tests@example.org>\nDescription: for tests\n"
        + (f"Depends: {depends}\n" if depends else "")
        + more
    )
    if postinst:
        (tree / "DEBIAN/postinst").write_text(f"#!/bin/sh\n{postinst}\n")
        (tree / "DEBIAN/postinst").chmod(0o755)
    package = workspace.root / f"{name}_1.0_all.deb"
    argv = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(package)]
    subprocess.run(argv, check=True, capture_output=True)
    return package


def attempt(workspace: Workspace, way: Way, *packages: Path) -> InstallTest:
    return try_to_install(packages, way, HOST, step_context(workspace))


def test_a_simulation_says_that_it_is_one(workspace: Workspace) -> None:
    one = make_package(workspace, "test-one", depends="test-two (= 1.0)")
    two = make_package(workspace, "test-two")

    tried = attempt(workspace, "simulated", one, two)

    assert tried.values() == {"installs": True, "how": "simulated: requested by the pipeline"}
    assert tried.words() == "installable (simulated: requested by the pipeline)"


def test_what_is_missing_is_named(workspace: Workspace) -> None:
    package = make_package(workspace, "test-one", depends="gone-thing (>= 2)")

    tried = attempt(workspace, "simulated", package)

    assert not tried.installs
    assert tried.problem[0].startswith("test-one : Depends: gone-thing (>= 2)")
    assert tried.words() == (
        f"NOT installable (simulated: requested by the pipeline): {tried.problem[0]}"
    )


def test_a_machine_without_namespaces_simulates_and_says_why(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pipelines.steps.debian.checks.installability.refusal", lambda _: "no namespaces here"
    )

    tried = attempt(workspace, "root", make_package(workspace, "test-one"))

    assert tried.values() == {"installs": True, "how": "simulated: no namespaces here"}


@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
def test_a_root_that_can_not_be_made_is_no_fault_of_the_packages(
    workspace: Workspace, tmp_path: Path
) -> None:
    package = make_package(workspace, "test-one")
    (tmp_path / "mmdebstrap").write_text("#!/bin/sh\necho 'E: no archive' >&2; exit 1\n")
    (tmp_path / "mmdebstrap").chmod(0o755)
    context = step_context(workspace, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})

    tried = try_to_install([package], "root", HOST, context)

    said = "simulated: no temporary root could be made"
    assert tried.values() == {"installs": True, "how": said}


@pytest.mark.slow
@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
def test_packages_are_really_installed_in_a_root_of_their_own(workspace: Workspace) -> None:
    good = make_package(workspace, "test-good", depends="sl", postinst="test -x /usr/games/sl")
    bad = make_package(workspace, "test-bad", postinst="echo 'no such user' >&2; exit 1")
    log = step_context(workspace).commands.log

    assert attempt(workspace, "root", good).values() == {
        "installs": True,
        "how": "in a temporary root",
    }
    assert "Setting up test-good" in log.read_text()
    tried = attempt(workspace, "root", good, bad)
    assert not tried.installs
    assert any("test-bad" in line for line in tried.problem)
    assert "test-good" not in Path("/var/lib/dpkg/status").read_text()


@pytest.mark.parametrize("way", ["simulated", pytest.param("root", marks=pytest.mark.slow)])
def test_packages_that_conflict_are_tried_apart(workspace: Workspace, way: Way) -> None:
    packages = [
        make_package(workspace, "test-common"),
        make_package(workspace, "test-small", depends="test-common", more="Provides: test-tool\n"),
        make_package(workspace, "test-large", more="Conflicts: test-tool\n"),
    ]

    tried = attempt(workspace, way, *packages)

    assert tried.installs
    assert tried.words().startswith(
        "they install in 2 sets, because test-small conflicts with test-large ("
    )
    assert tried.values()["sets"] == [["test-common", "test-large"], ["test-common", "test-small"]]


def test_a_set_that_does_not_install_is_told(workspace: Workspace) -> None:
    packages = [
        make_package(workspace, "test-small", depends="gone-thing"),
        make_package(workspace, "test-large", more="Breaks: test-small (<< 2)\n"),
    ]
    tried = attempt(workspace, "simulated", *packages)
    assert not tried.installs
    assert tried.problem[0].startswith("test-small : Depends: gone-thing")
