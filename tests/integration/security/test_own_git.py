"""The builder's own git runs nothing that a step has written into a repository.

Without the sandbox, so that a program that git runs could reach the marker.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from pipelines.git.head_commit import read_head_commit
from pipelines.git.own_git_dir import git_in_tree, keep_configuration
from pipelines.git.tracked_files import input_files
from pipelines.steps.debian.packaging.source_tree import restore_source
from pipelines.workspace.layout import Workspace
from tests.conftest import Farm, git
from tests.support.pipelines.tiny_package import make_source, step_context

EVIL = """\
printf '#!/bin/sh\\ntouch %s; cat\\n' {marker} > {program}
chmod +x {program}
cd "$(git rev-parse --show-toplevel)"
git config core.fsmonitor {program}
git config core.hooksPath {hooks}
for name in post-checkout post-index-change reference-transaction; do
    mkdir -p {hooks}; cp {program} {hooks}/$name; cp {program} .git/hooks/$name 2>/dev/null || true
done
git config filter.evil.clean {program}
git config filter.evil.smudge {program}
git config diff.evil.textconv {program}
git config core.pager {program}
git config alias.ls-files '!{program}'
git config core.alternateRefsCommand {program}
echo '* filter=evil diff=evil' > .gitattributes
mkdir -p .git/info && cp .gitattributes .git/info/attributes
"""


def evil(folder: Path) -> tuple[Path, str]:
    """The marker, and the script of a step that lets git's next call make it."""
    marker, program, hooks = folder / "marker", folder / "program", folder / "hooks"
    return marker, EVIL.format(marker=marker, program=program, hooks=hooks)


def test_a_script_that_configures_git(farm: Farm) -> None:
    """The marker must stay away while the builder records, undoes, compares and packs."""
    marker, script = evil(farm.folder)
    (farm.folder / "evil.sh").write_text(script)
    farm.without_sandbox()
    farm.pipeline(
        f"""
- name: configures
  run: |
    sh {farm.folder}/evil.sh
    rm -f {marker}
    echo more >> hello
- {{name: reads, inputs: ["hello"], outputs: [out], run: cp hello out}}
- {{name: fails, run: "echo broken > hello; test -e $LEDGER"}}
"""
    )
    job = farm.enqueue()
    assert farm.doit("build").returncode == 1
    assert farm.steps(job)["fails"] == "failed"
    assert not marker.exists()
    farm.ledger.touch()
    assert farm.doit("retry", job).returncode == 0
    assert farm.doit("build").returncode == 0
    assert farm.doit("rerun", job, "--from", "reads").returncode == 0
    assert not marker.exists()


def configured(tmp_path: Path) -> tuple[Workspace, Path]:
    """A source tree of a package after a hostile build."""
    workspace = Workspace(tmp_path / "state", "job", 1)
    make_source(workspace)
    keep_configuration(workspace.source)
    marker, script = evil(tmp_path)
    subprocess.run(["sh", "-ec", script], cwd=workspace.source, check=True)
    git("-C", str(workspace.source), "status", "--short")
    assert marker.exists(), "the attack does not work: the test proves nothing"
    marker.unlink()
    return workspace, marker


def test_reading_and_restoring_a_tree(tmp_path: Path) -> None:
    workspace, marker = configured(tmp_path)
    source, env = workspace.source, step_context(workspace).env
    (source / "hello.txt").write_text("changed\n")

    read_head_commit(source, env)
    input_files(source, ("hello.txt", "debian/**"), env)
    restore_source(step_context(workspace))
    git_in_tree(source, env, "clean", "-ffdxq", "--", ".gitattributes")

    assert (source / "hello.txt").read_text() == "hello\n"
    assert (source / ".git" / "config").is_file()
    assert not (source / ".gitattributes").exists()
    assert not marker.exists()


def test_a_repository_in_the_place_of_another(tmp_path: Path) -> None:
    """A step cannot make git read a configuration below its own folders as that of the job."""
    workspace, marker = configured(tmp_path)
    inner = workspace.source / "jobs" / "x" / "build" / "source"
    inner.mkdir(parents=True)
    fake = inner.parents[1] / "git-configuration"
    fake.mkdir()
    (fake / "config").write_bytes((workspace.source / ".git" / "config").read_bytes())
    subprocess.run(["git", "init", "--quiet"], cwd=inner, check=True)

    done = git_in_tree(inner, step_context(workspace).env, "status", "--short")

    assert done.code == 0
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["missing", "pipe", "text"])
def test_a_broken_repository_is_an_error(tmp_path: Path, kind: str) -> None:
    tree = tmp_path / "jobs" / "job" / "build" / "source"
    (tree / ".git").mkdir(parents=True)
    head = tree / ".git" / "HEAD"
    if kind == "pipe":
        subprocess.run(["mkfifo", shlex.quote(str(head))], check=True)
    elif kind == "text":
        head.write_text("nonsense\n")
    assert git_in_tree(tree, {"PATH": "/usr/bin:/bin"}, "log").code == 128
