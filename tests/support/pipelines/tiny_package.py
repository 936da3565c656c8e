"""A tiny real debhelper package in a workspace, and the `build-deb` step run on it.

Run as a program it does so in a process of its own, for tests that kill it or change its user.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import Source, StepContext, StepResult
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.logged_command import LoggedCommandRunner
from pipelines.processes.tree import marker
from pipelines.steps.debian.dependencies.host import Host, this_host
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.step import BuildDeb
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.maven_builder import link_listener
from tests.support.pipelines.sandboxed import sandbox_with

STEP = "build-deb"
COMMIT_TIME = "2025-10-30T13:51:39Z"
COMMIT_EPOCH = "1761832299"
CHANGELOG = """\
tiny (1.0-SNAPSHOT) UNRELEASED; urgency=medium

  * Update the version to 1.0-SNAPSHOT.

 -- Tiny Developers <tiny@example.org>  Wed, 01 Jan 2025 00:00:00 +0000
"""
CONTROL = """\
Source: tiny
Section: misc
Priority: optional
Maintainer: Tiny Developers <tiny@example.org>
# a comment, as control files may have
Build-Depends: debhelper-compat (= 13){more}
Standards-Version: 4.6.2
Rules-Requires-Root: no

Package: tiny
Architecture: all
Depends: ${{misc:Depends}}
Description: says hello
 A package for tests.
"""
# The helpers that matter, called one by one: `dh` calls thirty more and takes three times as long.
RULES = """\
#!/usr/bin/make -f
clean:
	dh_clean

build:
	printf '%s\\n' $(ACS_BUILD_OPTS) > opts.txt
	if [ -n "$(HOLD)" ] && [ -e "$(HOLD)" ]; then touch "$(HOLD).reached"; sleep 600; fi
	{build}

binary: build
	dh_prep
	dh_install
	dh_installchangelogs
	dh_fixperms
	dh_gencontrol
	dh_md5sums
	dh_builddeb

.PHONY: clean build binary
"""
PATCHED = {
    "debian/source/format": "3.0 (quilt)\n",
    "debian/patches/series": "greeting.patch\n",
    "debian/patches/greeting.patch": """\
--- a/hello.txt
+++ b/hello.txt
@@ -1 +1 @@
-hello
+good morning
--- /dev/null
+++ b/new.txt
@@ -0,0 +1 @@
+new
""",
}
"""A patch as dpkg-source applies it for the time of a build: a file changes, another appears."""
SCRIPT = """\
#!/bin/bash
set -e
cd "$(dirname "$0")/.."
version=$(dpkg-parsechangelog --show-field Version)
cp debian/changelog "debian/changelog.$(date +%s)"
dch -b -v "$version~$(lsb_release -sc)" -u low -m "Release $version"
sed -i '0,/ UNRELEASED;/s// unstable;/g' debian/changelog
dpkg-checkbuilddeps
dpkg-buildpackage -uc -us -b
"""


NO_CHECKS = {"lintian": False, "install_test": "none"}
"""Options; the checks take longer than all the rest and change nothing in the packages."""


@dataclass(frozen=True)
class Request:
    job_id: str = "job_1"
    attempt: int = 1
    builder: str = "build1"
    branch: str | None = "main"
    commit: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    pipeline: str = "tiny"
    plan_digest: str = "5" * 64
    started: datetime | None = None


def make_source(
    workspace: Workspace,
    *,
    build_depends: str = "",
    changelog: str = CHANGELOG,
    script: str = "",
    build: str = "true",
    installs: str = "hello.txt",
    more: Mapping[str, str] | None = None,
) -> str:
    """Commit a package as the workspace's source; gives the commit's id.

    `more`: further files, or others in the place of the usual ones.
    """
    source = workspace.source
    files = {
        "hello.txt": "hello\n",
        ".gitignore": "/opts.txt\n",
        "debian/control": CONTROL.format(more=f", {build_depends}" if build_depends else ""),
        "debian/rules": RULES.format(build=build),
        "debian/changelog": changelog,
        "debian/source/format": "3.0 (native)\n",
        "debian/install": f"{installs} usr/share/tiny\n",
        **({"packaging/build-deb.sh": script} if script else {}),
        **(more or {}),
    }
    for name, text in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    git(source, "init", "--quiet", "-b", "main")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "-m", "tiny")
    return git(source, "rev-parse", "HEAD").strip()


def git(source: Path, *arguments: str) -> str:
    env = {
        **os.environ,
        **{f"GIT_{who}_NAME": "Tiny" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "tiny@example.org" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_DATE": COMMIT_TIME for who in ("AUTHOR", "COMMITTER")},
    }
    return subprocess.run(
        ["git", "-C", str(source), *arguments], env=env, check=True, text=True, capture_output=True
    ).stdout


def step_context(
    workspace: Workspace,
    *,
    env: Mapping[str, str] | None = None,
    step: str = STEP,
    progress: list[str] | None = None,
    upstream: Mapping[str, Mapping[str, Any]] | None = None,
    repository: str = "https://git.example.org/tiny.git",
) -> StepContext:
    return StepContext(
        step=step,
        request=Request(),
        workspace=workspace,
        source=Source(repository=repository),
        commands=LoggedCommandRunner(
            workspace.log(step),
            marker=marker(workspace, step),
            cancellation=Cancellation(),
            sandbox=sandbox_with(workspace.state_dir.parent, workspace, step),
        ),
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **(env or {})},
        progress=(progress if progress is not None else list[str]()).append,
        upstream=upstream or {},
    )


def build(
    workspace: Workspace,
    options: BuildDebOptions | None = None,
    *,
    host: Host | None = None,
    env: Mapping[str, str] | None = None,
    progress: list[str] | None = None,
) -> StepResult:
    """Run the step on the workspace's source, without the checks that options don't ask for."""
    link_listener(workspace.state_dir)
    kind = BuildDeb(host=lambda: host or this_host())
    given = {} if options is None else options.model_dump(exclude_unset=True)
    wanted = BuildDebOptions.model_validate(NO_CHECKS | given)
    return kind.run(wanted, step_context(workspace, env=env, progress=progress))


def command_line(folder: Path, options: Mapping[str, Any]) -> Sequence[str]:
    """Runs this file on the workspace below `folder`; the outcome is JSON on standard output."""
    return [
        sys.executable,
        "-m",
        "tests.support.pipelines.tiny_package",
        str(folder),
        json.dumps(options),
    ]


def main(folder: str, options: str) -> None:
    workspace = Workspace(Path(folder), "job_1", 1)
    if not workspace.source.exists():
        make_source(workspace, build_depends="gone-thing (>= 2.7)")
    given = BuildDebOptions.model_validate(json.loads(options))
    held = {name: os.environ[name] for name in ("HOLD", "APT_CONFIG") if name in os.environ}
    host = None
    if "ADMINDIR" in os.environ:
        admindir, lock = Path(os.environ["ADMINDIR"]), Path(os.environ["LOCK"])
        host = replace(this_host(), admindir=admindir, lock=lock, is_root=True)
    try:
        result = build(workspace, given, host=host, env=held)
        outcome: dict[str, Any] = {"uid": os.geteuid(), **result.values}
    except StepFailed as failure:
        outcome = {"code": failure.code, "message": failure.message, "excerpt": failure.excerpt}
    sys.stdout.write(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
