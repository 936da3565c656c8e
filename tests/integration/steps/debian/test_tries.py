"""What an earlier try of a packaging left is in no package; what a changelog may look like."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Retries
from pipelines.steps.debian.packaging.changelog import BUILDER_ADDRESS, BUILDER_NAME
from pipelines.steps.debian.step import BuildDeb
from pipelines.steps.run import RUN
from tests.conftest import AUTHOR, git
from tests.support.pipelines.maven_builder import link_listener
from tests.support.pipelines.recorded_steps import Bench
from tests.support.pipelines.tiny_package import CHANGELOG, CONTROL, RULES

pytestmark = pytest.mark.host

INSTALLED = "hello.txt generated.list ignored.list"
LEAVE = "for list in generated ignored; do echo line >> $$list.list; done; echo x >> hello.txt; "


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path, RUN)
    link_listener(tmp_path / "state")
    bench.add(BuildDeb(), lintian=False, install_test="none")
    return bench


def commit(
    bench: Bench,
    build: str = "true",
    changelog: str = CHANGELOG,
    folder: str = "debian",
    more: Mapping[str, str] | None = None,
) -> str:
    """A package whose lists its build makes."""
    files = {
        "hello.txt": "hello\n",
        ".gitignore": "/ignored.list\n",
        f"{folder}/control": CONTROL.format(more=""),
        f"{folder}/rules": RULES.format(build=build),
        f"{folder}/changelog": changelog,
        f"{folder}/source/format": "3.0 (native)\n",
        f"{folder}/install": f"{INSTALLED if 'list' in build else 'hello.txt'} usr/share/tiny\n",
    }
    for name in files:
        (bench.source / name).parent.mkdir(parents=True, exist_ok=True)
    (bench.source / folder / "rules").touch(0o755)
    return bench.commit({**files, **(more or {})})


def packaged(bench: Bench, job: str) -> dict[str, str]:
    """The files of the one package."""
    (deb,) = bench.workspace(job).packages.glob("*.deb")
    target = bench.folder / f"unpacked-{job}"
    subprocess.run(["dpkg-deb", "-x", str(deb), str(target)], check=True)
    return {path.name: path.read_text() for path in target.glob("usr/share/tiny/*")}


ONCE = {"hello.txt": "hello\nx\n", "generated.list": "line\n", "ignored.list": "line\n"}


def test_lists_that_an_earlier_try_began(bench: Bench, tmp_path: Path) -> None:
    sha = commit(bench, f"{LEAVE} test -e {tmp_path}/flag")
    for _ in range(2):
        with pytest.raises(StepFailed):
            bench.build("job", sha)
    with pytest.raises(StepFailed):
        bench.build("other", sha)
    (tmp_path / "flag").touch()
    bench.build("job", sha)
    bench.build("other", sha)
    bench.build("new", sha)
    assert packaged(bench, "job") == packaged(bench, "other") == packaged(bench, "new") == ONCE
    bench.forget("job", "build-deb")
    bench.build("job", sha)
    assert packaged(bench, "job") == ONCE


def test_lists_of_a_try_before_this_one(bench: Bench, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    sha = commit(bench, f"{LEAVE} echo x >> {tries}; test $$(wc -l < {tries}) = 2")
    retried = replace(bench.steps[-1], retries=Retries(count=2, backoff=0.01))
    bench.steps[-1] = retried
    bench.build("job", sha)
    assert packaged(bench, "job") == ONCE


def test_lists_of_a_killed_try(bench: Bench, tmp_path: Path) -> None:
    """As SIGKILL leaves it: nobody has seen the end of the step."""
    sha = commit(bench, LEAVE + "true")
    bench.build("job", sha)
    execution = bench.execution("build-deb", sha)
    made_from = execution.fingerprint()
    assert made_from is not None
    execution.tree.make_room("build-deb")
    execution.records.begin(execution.pipeline, execution.step, made_from)
    execution.tree.changes.begin("build-deb")
    for name in ("generated.list", "debian/tiny/x", "hello.txt"):
        path = execution.workspace.source / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("half\n")
    bench.build("job", sha)
    assert packaged(bench, "job") == ONCE


def test_a_debian_folder_that_is_a_link(bench: Bench, tmp_path: Path) -> None:
    (bench.source / "debian").symlink_to("packaging/debian")
    sha = commit(bench, f"{LEAVE} test -e {tmp_path}/flag", folder="packaging/debian")
    with pytest.raises(StepFailed):
        bench.build("job", sha)
    (tmp_path / "flag").touch()
    bench.build("job", sha)
    assert packaged(bench, "job") == ONCE
    debian = bench.workspace("job").source / "packaging/debian"
    assert git("-C", str(debian), "status", "--porcelain", "--ignored", ".") == ""


def test_a_submodule(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COUNT", "1"), ("KEY_0", "protocol.file.allow"), ("VALUE_0", "always")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    library = tmp_path / "library"
    git("init", "--quiet", "--initial-branch=main", str(library))
    (library / "l.txt").write_text("lib\n")
    git("-C", str(library), "add", "--all")
    git(*AUTHOR, "-C", str(library), "commit", "--quiet", "--message", "x")
    git("-C", str(bench.source), "submodule", "--quiet", "add", str(library), "lib")
    bench.submodules = True
    leave = "echo x >> lib/l.txt; echo x >> lib/new.txt"
    more = {"debian/install": "lib/*.txt usr/share/tiny\n"}
    sha = commit(bench, f"{leave}; test -e {tmp_path}/flag", more=more)
    with pytest.raises(StepFailed):
        bench.build("job", sha)
    (tmp_path / "flag").touch()
    bench.build("job", sha)
    assert packaged(bench, "job") == {"l.txt": "lib\nx\n", "new.txt": "x\n"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# a comment\n", ""),
        ("# a comment\n\n/* and */\n$Id$\n", ""),
        ("", "\nLocal variables:\nmode: debian-changelog\nEnd:\n"),
        ("", "\nvim:et\n"),
        ("\n\n", "\n;; Local variables:\n;; End:\n"),
    ],
)
def test_changelogs_that_dpkg_takes(bench: Bench, before: str, after: str) -> None:
    for version in ("1.0-SNAPSHOT", "1.0"):
        text = CHANGELOG.replace("1.0-SNAPSHOT", version)
        bench.build(version, commit(bench, changelog=f"{before}{text}{after}"))
        assert packaged(bench, version) == {"hello.txt": "hello\n"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ": found end of file where expected first heading"),
        ("nonsense\n", ":1: found end of file where expected first heading"),
        ("# a comment\n", ":1: found end of file"),
        (CHANGELOG.replace("1.0-SNAPSHOT", "1_0", 1), ":1: version '1_0' is invalid: .*: tiny "),
        ("tiny 1.0 unstable\n\n * x\n", ":1: badly formatted heading line: tiny 1.0 unstable"),
    ],
)
def test_a_changelog_that_dpkg_does_not_take(bench: Bench, text: str, why: str) -> None:
    words = f"^cannot read debian/changelog: debian/changelog{why}"
    with pytest.raises(StepFailed, match=words) as caught:
        bench.build("job", commit(bench, changelog=text))
    assert caught.value.code is FailureCode.PACKAGING_FAILED
    assert "debian/changelog" in caught.value.excerpt


def test_what_is_unreleased_stays_so_and_nobody_is_named(bench: Bench) -> None:
    bench.build("job", commit(bench))
    (changes,) = bench.workspace("job").packages.glob("*.changes")
    fields = dict(line.split(": ", 1) for line in changes.read_text().splitlines() if ": " in line)
    assert fields["Distribution"] == "UNRELEASED"
    assert fields["Changed-By"] == f"{BUILDER_NAME} <{BUILDER_ADDRESS}>"
