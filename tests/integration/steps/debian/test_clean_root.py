"""`isolation: chroot`: a real clean root by mmdebstrap, and machines that can't make one."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from pydantic import ValidationError

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.network import Network
from pipelines.domain.pipeline import Command
from pipelines.git.own_git_dir import keep_configuration
from pipelines.processes.tree import marker, sweep
from pipelines.steps.debian.build.in_clean_root import _exports, _script
from pipelines.steps.debian.clean_root import _temporary, refusal
from pipelines.steps.debian.dependencies.host import this_host
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.step import BuildDeb
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.tiny_package import (
    NO_CHECKS,
    SCRIPT,
    STEP,
    build,
    command_line,
    git,
    make_source,
    step_context,
)

CODENAME = this_host().codename
CHROOT = BuildDebOptions(isolation="chroot", allow_dummies=("gone-thing",))
SECRET = 'it\'s a $(secret), "quoted"\nof two lines'
PATIENCE = 600.0
"""Seconds until a root is made and the build in it has begun, on a machine that does much else."""
POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>demo</groupId><artifactId>demo</artifactId><version>1</version><packaging>pom</packaging>
</project>
"""
REPORT = """\
<testsuite name="demo.DemoTest"><testcase classname="demo.DemoTest" name="one"/>
<testcase classname="demo.DemoTest" name="two"/></testsuite>
"""
REFUSAL = refusal(dict(os.environ))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "state", "job_1", 1)


def search_path_without(tool: str, folder: Path) -> str:
    """A PATH with all that the host has but one program."""
    folder.mkdir()
    for place in os.environ["PATH"].split(":"):
        for program in Path(place).glob("*"):
            if program.name != tool and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return str(folder)


def test_a_machine_without_mmdebstrap_says_so(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_source(workspace)
    monkeypatch.setattr("pipelines.steps.debian.clean_root._SEARCH_PATH", "/nowhere")
    search_path = search_path_without("mmdebstrap", tmp_path / "bin")

    with pytest.raises(StepFailed) as caught:
        build(workspace, CHROOT, env={"PATH": search_path})

    assert caught.value.code is FailureCode.TOOL_MISSING
    assert caught.value.message == (
        "isolation: chroot is not possible here: "
        "mmdebstrap is not installed: apt-get install mmdebstrap uidmap"
    )


def test_a_machine_without_namespaces_says_so(tmp_path: Path) -> None:
    (tmp_path / "unshare").write_text("#!/bin/sh\necho 'unshare: unshare failed' >&2; exit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    (tmp_path / "mmdebstrap").symlink_to("/bin/true")

    said = refusal({"PATH": f"{tmp_path}:{os.environ['PATH']}"})

    assert said is not None
    assert said.startswith("cannot create namespaces here (unshare: unshare failed): ")


@pytest.mark.slow
@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
def test_in_a_clean_root_nothing_counts_as_installed(workspace: Workspace) -> None:
    make_source(workspace, build_depends="gone-thing (>= 2), make")

    said = BuildDeb().preflight(CHROOT, step_context(workspace))

    assert said == "4 build dependencies: 3 apt, 1 dummy"


@pytest.mark.parametrize("jdk", ["/opt/jdk", "17.0.2", "0"])
def test_a_clean_root_has_no_jdk_of_the_machine(jdk: str) -> None:
    with pytest.raises(ValidationError, match="Set 'jdk' to a major version, like 17"):
        BuildDebOptions(isolation="chroot", jdk=jdk)


@pytest.mark.slow
@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
def test_a_clean_root_has_the_jdk_the_submodules_and_the_history(
    workspace: Workspace, tmp_path: Path
) -> None:
    inner = Workspace(tmp_path / "inner", "job_1", 1)
    make_source(inner, more={"inner.txt": "inner"})
    make_source(
        workspace,
        build_depends="git",
        build=(
            "set -ex; test $$(git describe --tags) = v1.0-1-g$$(git rev-parse --short HEAD); "
            "test $$(git rev-list --count HEAD) = 2; "
            "test $$(git config remote.origin.url) = https://git.example.org/tiny.git; "
            "test -f lib/inner/inner.txt -a -f lib/inner/.git; "
            "git submodule status | grep -q '^ '; git -C lib/inner rev-parse v0.5; "
            "javac -version 2>&1 | grep '^javac 17'; test -x $$JAVA_HOME/bin/javac"
        ),
    )
    source = workspace.source
    git(inner.source, "tag", "v0.5")
    git(source, "tag", "v1.0")
    allowed = ("-c", "protocol.file.allow=always")
    git(source, *allowed, "submodule", "add", "--quiet", str(inner.source), "lib/inner")
    git(source, "commit", "--quiet", "-m", "with a submodule")
    git(source, "remote", "add", "origin", "https://git.example.org/tiny.git")
    keep_configuration(source)
    context = step_context(workspace)
    context = replace(context, source=context.source.model_copy(update={"submodules": True}))

    options = BuildDebOptions.model_validate(NO_CHECKS | {"isolation": "chroot", "jdk": "17"})
    result = BuildDeb().run(options, context)

    rungs = {rung["group"]: rung["rung"] for rung in result.values["rungs"]}
    assert rungs["openjdk-17-jdk-headless | temurin-17-jdk"] == "apt"
    assert result.values["toolchain"]["java"].startswith("17.")


def test_the_environment_is_on_no_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, inside = tmp_path / "environment", Workspace(tmp_path, "job_1", 1)
    monkeypatch.setattr("pipelines.steps.debian.build.in_clean_root._ENVIRONMENT", environment)
    env = {"PATH": "/usr/bin:/bin", "TOKEN": SECRET, "BASH_FUNC_f%%": "() { :; }"}
    command = Command(argv=("env", "-0"), cwd=inside.source, env=env)
    inside.source.mkdir(parents=True)
    environment.write_text(_exports(env))
    (tmp_path / "runuser").write_text('#!/bin/sh\nshift 3; exec "$@"\n')
    (tmp_path / "runuser").chmod(0o755)

    text = _script(command, inside, (), None, ())

    assert SECRET.splitlines()[0] not in text
    line = next(line for line in text.splitlines() if line.startswith("runuser "))
    search_path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    got = subprocess.check_output(["sh", "-c", line], env={**search_path, "MORE": "1"}, text=True)
    given = dict(entry.split("=", 1) for entry in got.split("\0")[:-1])
    assert given.items() >= {"PATH": env["PATH"], "TOKEN": SECRET}.items()
    assert given.keys() <= {"PATH", "TOKEN", "PWD", "OLDPWD"}


@pytest.mark.slow
@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
def test_a_build_in_a_clean_root_reaches_neither_network_nor_host(workspace: Workspace) -> None:
    """Nor does what it leaves behind outlive the root."""
    binds = "socket(S, AF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(0, INADDR_LOOPBACK)) or die"
    make_source(
        workspace,
        build=(
            f"perl -MSocket -e '{binds}' && "
            "test $$(wc -l < /proc/net/dev) = 3 && "
            f"test ! -e {workspace.state_dir} && test ! -e {Path(__file__)} && "
            "test $$(id -u) != 0 && ! cat /proc/1/environ && "
            "(env -i setsid sleep 3598 &)"
        ),
    )
    context = replace(step_context(workspace), network=Network.NONE)

    BuildDeb().run(BuildDebOptions.model_validate(NO_CHECKS | {"isolation": "chroot"}), context)

    assert list(workspace.packages.glob("*.deb"))
    assert not [p for p in psutil.process_iter(["cmdline"]) if "3598" in (p.info["cmdline"] or [])]


@pytest.mark.slow
@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
@pytest.mark.parametrize("script", ["", SCRIPT], ids=["plain", "script"])
def test_a_build_in_a_clean_root(workspace: Workspace, tmp_path: Path, script: str) -> None:
    sha = make_source(
        workspace,
        script=script,
        build_depends="gone-thing (>= 2), sl",
        build='printf "%s" "$$TOKEN" | cmp - debian/token && stat -c %a /build/environment',
        more={"debian/token": SECRET},
    )

    result = build(workspace, CHROOT, env={"TOKEN": SECRET})

    scratch = workspace.scratch(STEP)
    assert not list(scratch.rglob("environment"))
    assert "\n600\n" in workspace.log(STEP).read_text()

    version = f"1.0~~git20251030135139.{sha[:12]}~{CODENAME}"
    assert result.values["version"] == version
    assert result.values["grade"] == "dummied"
    rungs = {rung["group"]: rung["rung"] for rung in result.values["rungs"]}
    assert rungs.items() >= {"sl": "apt", "gone-thing (>= 2)": "dummy"}.items()
    assert result.values["toolchain"].keys() >= {"dpkg-dev", "debhelper"}
    buildinfo = next(workspace.packages.glob("*.buildinfo")).read_text()
    assert "tiny-build-dummies (= 1.0)" in buildinfo
    assert {path.owner() for path in workspace.packages.iterdir()} == {Path.home().owner()}
    status = Path("/var/lib/dpkg/status").read_text()
    assert "Package: tiny-build-dummies" not in status
    assert "Package: sl\n" not in status
    # The host puts the same files, of the same sizes and times, into its package.
    other = Workspace(tmp_path / "other", "job_1", 1)
    make_source(other, script=script, more={"debian/token": SECRET})
    build(other)
    (ours,), (theirs,) = (w.packages.glob("*.deb") for w in (workspace, other))
    contents = [subprocess.check_output(["dpkg-deb", "-c", str(deb)]) for deb in (ours, theirs)]
    assert contents[0] == contents[1]


@pytest.mark.slow
@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
def test_a_failure_in_a_clean_root_is_the_packagings(workspace: Workspace) -> None:
    make_source(workspace, build="echo 'lib.c:3:1: error: no such thing'; exit 7")

    with pytest.raises(StepFailed, match=r"lib\.c:3:1: error: no such thing") as caught:
        build(workspace, CHROOT)

    assert caught.value.code is FailureCode.PACKAGING_FAILED
    assert not workspace.packages.exists()


@pytest.mark.slow
@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
def test_a_clean_root_tells_of_its_modules_and_tests(workspace: Workspace, fails: bool) -> None:
    # Maven needs no plugin, and so no network, to validate projects of this packaging.
    report = "target/surefire-reports/TEST-demo.DemoTest.xml"
    make_source(
        workspace,
        build_depends="maven",
        build=f"mvn -o -B validate && install -D debian/report.xml {report}"
        + (" && mvn -o -B no-such-plugin:goal" if fails else ""),
        more={"pom.xml": POM, "debian/report.xml": REPORT},
    )

    if not fails:
        result = build(workspace, CHROOT)
        assert [module["name"] for module in result.values["modules"]] == ["demo"]
        assert result.values["modules"][0]["seconds"] > 0
        assert result.values["tests"]["run"] == 2
        return
    with pytest.raises(StepFailed) as caught:
        build(workspace, CHROOT)
    assert caught.value.code is FailureCode.MAVEN_FAILED
    assert caught.value.details["modules_built"] == 1


@pytest.mark.slow
@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
def test_a_clean_root_uses_and_keeps_modules(workspace: Workspace) -> None:
    # Maven needs no plugin to package projects of this packaging.
    modules = "<modules><module>a</module><module>b</module></modules>"
    child = POM.replace("<artifactId>demo", "<artifactId>{}")
    files = {
        "pom.xml": POM.replace("</project>", f"{modules}</project>"),
        **{f"{name}/pom.xml": child.format(name) for name in "ab"},
    }
    rules = {"build_depends": "maven", "build": "mvn -o -B package"}
    make_source(workspace, **rules, more=files)
    first = build(workspace, CHROOT)
    assert len(first.values["modules"]) == 3

    later = Workspace(workspace.state_dir, "job_2", 1)
    make_source(later, **rules, more=files | {"a/more.txt": "new"})
    result = build(later, CHROOT)

    [built] = result.values["modules"]
    assert (built["name"], built["why"]) == ("a", "a/more.txt is new")
    assert {kept["job"] for kept in result.values["left_out"]} == {"job_1"}
    assert len(result.values["left_out"]) == 2


@pytest.mark.slow
@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
def test_a_kill_in_a_clean_root_leaves_nothing_for_the_next_try(workspace: Workspace) -> None:
    make_source(workspace)
    folder = _temporary(step_context(workspace))
    building = subprocess.Popen(
        command_line(workspace.state_dir, {"isolation": "chroot"}),
        env={**os.environ, "HOLD": "/build/run"},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + PATIENCE
        while "sleep 600" not in _running_below(building):
            assert time.monotonic() < end
            time.sleep(0.2)
    finally:
        os.killpg(building.pid, signal.SIGKILL)
        building.wait()
        sweep(marker(workspace, STEP), grace=0.1)
    assert any(folder.iterdir())

    result = build(workspace, BuildDebOptions(isolation="chroot"))

    assert result.values["grade"] == "clean"
    assert not folder.exists()
    in_folder = [p for p in psutil.process_iter() if str(folder) in " ".join(_command(p))]
    assert in_folder == []


def _running_below(process: subprocess.Popen[bytes]) -> str:
    assert process.poll() is None
    below = psutil.Process(process.pid).children(recursive=True)
    return "\n".join(" ".join(_command(child)) for child in below)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
