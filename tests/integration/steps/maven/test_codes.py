"""Each failure code, with the real Maven failing for real."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipelines.domain.errors import FailureCode
from pipelines.failures.excerpt import MAX_BYTES
from pipelines.processes.logged_command import LoggedCommandRunner
from pipelines.steps.maven.options import MavenOptions
from tests.support.pipelines.maven_builder import build, failure, link_listener, make_builder
from tests.support.pipelines.maven_source import NEEDS_CORE, pom, write_reactor
from tests.support.pipelines.step_context import Steps

pytestmark = pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")

CORE_THAT_IS_TWO = "package t;\npublic class Core { public static int one() { return 2; } }\n"
NO_COMPILE = "package t;\npublic class Core {\n int x = y();\n}\n"
ENFORCER = """<build><plugins><plugin><artifactId>maven-enforcer-plugin</artifactId>
<version>3.5.0</version><executions><execution><goals><goal>enforce</goal></goals>
<configuration><rules><requireJavaVersion><version>[99,)</version></requireJavaVersion></rules>
</configuration></execution></executions></plugin></plugins></build>"""
FLAKY = """package t;
import org.junit.Test;
public class CoreTest {
    static int tries;
    @Test public void now_and_then() { if (tries++ == 0) throw new IllegalStateException("early"); }
}
"""
NEW_SUREFIRE = """<build><plugins><plugin><artifactId>maven-surefire-plugin</artifactId>
<version>3.6.1</version></plugin></plugins></build>"""
FULL_DISK = """#!/bin/sh
mkdir -p core/target
exec unshare --map-root-user --mount sh -c \
    'mount -t tmpfs -o size=16k none core/target && exec mvn "$@"' mvn "$@"
"""


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return make_builder(tmp_path)


@pytest.mark.slow
def test_compile(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source, core_java=NO_COMPILE)

    error = failure(context, MavenOptions())

    assert error.code is FailureCode.MAVEN_COMPILE
    assert error.message == (
        "module core: does not compile: core/src/main/java/t/Core.java:3: cannot find symbol"
    )
    assert "symbol:   method y()" in error.excerpt
    assert not error.retryable
    assert error.details == {
        "module": "core",
        "places": [
            {"file": "core/src/main/java/t/Core.java", "line": 3, "message": "cannot find symbol"}
        ],
        "modules_built": 1,
        "modules_failed": ["Tiny Core"],
        "modules_running": [],
    }


@pytest.mark.slow
def test_test(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source, core_java=CORE_THAT_IS_TWO)

    error = failure(context, MavenOptions())

    assert error.code is FailureCode.MAVEN_TEST
    assert error.message == "module core: 1 test fails: t.CoreTest.one"
    assert error.excerpt.splitlines()[0] == "t.CoreTest.one: expected:<1> but was:<2>"
    assert error.details["module"] == "core"
    assert error.details["tests"] == [
        {"name": "t.CoreTest.one", "message": "expected:<1> but was:<2>"}
    ]


@pytest.mark.slow
def test_dependency(steps: Steps) -> None:
    context = steps.context()
    needs_gone = NEEDS_CORE.replace(">core<", ">gone<")
    write_reactor(context.workspace.source, app_pom=pom("app", needs_gone))

    error = failure(context, MavenOptions(skip_tests=True))

    assert error.code is FailureCode.MAVEN_DEPENDENCY
    assert error.message == "module app: cannot resolve org.example.tiny:gone:jar:1.0"
    assert (error.details["module"], error.details["artifact"]) == (
        *("app", "org.example.tiny:gone:jar:1.0"),
    )
    assert error.details["modules_built"] == 2


@pytest.mark.slow
def test_enforcer(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source, core_pom=pom("core", ENFORCER))

    error = failure(context, MavenOptions(goals=("validate",)))

    assert error.code is FailureCode.MAVEN_ENFORCER
    assert "is not in the allowed range [99,)" in error.message
    assert error.details["module"] == "core"


@pytest.mark.slow
def test_pom(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source, core_pom=pom("core").replace("</project>", ""))

    error = failure(context, MavenOptions(goals=("validate",), offline=True))

    assert error.code is FailureCode.MAVEN_POM
    assert error.message.startswith("Non-readable POM core/pom.xml: ")


@pytest.mark.slow
def test_offline_without_the_downloads(tmp_path: Path) -> None:
    context = Steps(tmp_path).context()
    write_reactor(context.workspace.source)

    error = failure(context, MavenOptions(offline=True))

    assert error.code is FailureCode.MAVEN_DEPENDENCY
    assert "cannot resolve" in error.message
    assert not error.retryable


def test_network(tmp_path: Path) -> None:
    context = Steps(tmp_path).context()
    link_listener(context.workspace.state_dir)
    with socket.socket() as taken:  # bound and not listening: nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        write_reactor(context.workspace.source)
        (context.workspace.source / "settings.xml").write_text(
            "<settings><mirrors><mirror><id>away</id><mirrorOf>*</mirrorOf>"
            f"<url>{url}</url></mirror></mirrors></settings>"
        )
        error = failure(context, MavenOptions(settings="settings.xml"))

    assert error.code is FailureCode.NETWORK
    # Maven 3.9 does not tell why.
    assert re.search(rf"Connection refused|transfer failed for {url}", error.message)
    assert error.retryable


@pytest.mark.slow
def test_out_of_memory(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source)

    error = failure(context, MavenOptions(goals=("validate",), offline=True, maven_opts="-Xmx6m"))

    assert error.code is FailureCode.OUT_OF_MEMORY
    assert "Java heap space" in error.excerpt


def can_mount() -> bool:
    argv = ["unshare", "--map-root-user", "--mount", "true"]
    return shutil.which("unshare") is not None and not subprocess.run(argv, check=False).returncode


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="this machine lets nobody mount a small disk")
def test_disk_full(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source)
    (context.workspace.source / "mvnw").write_text(FULL_DISK)

    error = failure(context, MavenOptions(skip_tests=True))

    assert error.code is FailureCode.DISK_FULL
    assert error.message.startswith("module core: no space is left")


@pytest.mark.slow
def test_killed(steps: Steps) -> None:
    def kill(_: str) -> None:
        for process in psutil.process_iter(["cmdline"]):
            if f"-Dmaven.multiModuleProjectDirectory={source}" in (process.info["cmdline"] or []):
                process.kill()

    context = replace(steps.context(), progress=kill)
    source = context.workspace.source
    write_reactor(source)

    error = failure(context, MavenOptions())

    assert error.code is FailureCode.KILLED
    assert error.message.startswith("Maven was killed by SIGKILL")
    assert error.retryable


def test_timeout(steps: Steps) -> None:
    context = steps.context()
    commands = LoggedCommandRunner(
        context.workspace.log("step"),
        marker="timeout",
        cancellation=steps.cancellation,
        deadline=time.monotonic() + 0.5,
    )
    write_reactor(context.workspace.source)

    error = failure(replace(context, commands=commands), MavenOptions())

    assert error.code is FailureCode.TIMEOUT
    assert "its timeout expired" in error.message
    assert error.details["modules_built"] == 0


@pytest.mark.slow
def test_a_module_that_is_not_there(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source)

    error = failure(context, MavenOptions(goals=("validate",), offline=True, modules=("nosuch",)))

    assert error.code is FailureCode.MAVEN_FAILED
    assert error.message == "Could not find the selected project in the reactor: nosuch"
    assert len(error.excerpt.encode()) <= MAX_BYTES


@pytest.mark.slow
def test_a_flaky_test_is_named(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source, core_pom=pom("core", NEW_SUREFIRE), core_test=FLAKY)
    options = MavenOptions(
        goals=("test",),
        modules=("core",),
        also_make=True,
        properties={"surefire.rerunFailingTestsCount": "2"},
    )

    result = build(context, options)

    assert result.values["tests"] == {
        "run": 1,
        "skipped": 0,
        "failed": 0,
        "failed_tests": [],
        "flaky": 1,
        "flaky_tests": ["t.CoreTest.now_and_then"],
    }
    assert "1 test passed (1 flaky)" in result.reason
