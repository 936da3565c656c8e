from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.processes.capture import capture
from pipelines.steps.maven.options import (
    MavenCall,
    MavenOptions,
    maven_command,
    maven_environment,
)
from pipelines.steps.maven.step import MAVEN
from tests.support.pipelines.maven_builder import build, link_listener, make_builder
from tests.support.pipelines.maven_source import write_reactor
from tests.support.pipelines.step_context import Request, Steps

needs_maven = pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return make_builder(tmp_path)


def text(options: MavenOptions, steps: Steps) -> str:
    context = replace(steps.context(), env={"PATH": "/usr/bin"})
    call = MavenCall(repository=context.workspace.maven_repository)
    return " ".join(maven_command(options, context, call).argv)


def test_the_plain_command(steps: Steps) -> None:
    repository = steps.context().workspace.maven_repository
    assert text(MavenOptions(), steps) == (
        f"mvn -B -ntp -Dstyle.color=never -Dmaven.repo.local={repository} install"
    )


def test_the_command_with_everything(steps: Steps) -> None:
    workspace = steps.context().workspace
    options = MavenOptions(
        goals=("clean", "install"),
        profiles=("systemvm", "developer"),
        properties={"cs.replace.properties": "replace.properties", "a": "b c"},
        modules=(":cloud-utils", "server"),
        also_make=True,
        threads="1C",
        skip_tests=True,
        settings="ci/settings.xml",
        offline=True,
        extra_args=("--fail-at-end",),
    )
    call = MavenCall(repository=workspace.maven_repository)
    command = maven_command(options, steps.context(), call)
    assert command.argv == (
        *("mvn", "-B", "-ntp", "-Dstyle.color=never"),
        f"-Dmaven.repo.local={workspace.maven_repository}",
        *("-o", "-s", f"{workspace.source}/ci/settings.xml", "-T", "1C"),
        *("-P", "systemvm,developer", "-pl", ":cloud-utils,server", "-am", "-DskipTests"),
        *("-Dcs.replace.properties=replace.properties", "-Da=b c"),
        *("--fail-at-end", "clean", "install"),
    )
    assert command.cwd == workspace.source


def test_javas_options(steps: Steps) -> None:
    context = replace(steps.context(), env={"PATH": "/usr/bin", "MAVEN_OPTS": "-Xmx1g"})
    home = Path("/usr/lib/jvm/java-17")
    env = maven_environment(MavenOptions(), context.env, home)
    assert env == {
        "PATH": "/usr/lib/jvm/java-17/bin:/usr/bin",
        "JAVA_HOME": "/usr/lib/jvm/java-17",
        "MAVEN_OPTS": "-Xmx1g -XX:+ExitOnOutOfMemoryError",
    }
    env = maven_environment(MavenOptions(maven_opts="-Xmx4g"), context.env, None)
    assert env["MAVEN_OPTS"] == "-Xmx4g -XX:+ExitOnOutOfMemoryError"
    assert "JAVA_HOME" not in env


@pytest.mark.parametrize(
    "options",
    [
        {"goals": ()},
        {"goals": ("-Dmaven.test.skip=true",)},
        {"goals": ("clean install",)},
        {"profiles": ("a,b",)},
        {"modules": ("-am",)},
        {"threads": "many"},
        {"properties": {"-x": "y"}},
        {"skip_tests": "yes"},
        {"skip_test": True},
    ],
)
def test_options_that_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MavenOptions.model_validate(options)


def test_identity_has_the_tools(steps: Steps) -> None:
    identity = MAVEN.identity(MavenOptions(), steps.context())
    assert set(identity) == {"maven", "java"}


def test_a_jdk_that_is_not_here(steps: Steps) -> None:
    with pytest.raises(StepFailed) as caught:
        MAVEN.run(MavenOptions(jdk="5"), steps.context())
    assert caught.value.code is FailureCode.TOOL_MISSING


@needs_maven
def test_a_reactor_is_walked(steps: Steps) -> None:
    """`validate` binds no plugin, so this needs no network."""
    context = steps.context()
    write_reactor(context.workspace.source)

    result = build(context, MavenOptions(goals=("validate",), offline=True))

    assert steps.progress == [
        "module 1 of 3: Tiny Parent",
        "module 2 of 3: Tiny Core",
        "module 3 of 3: Tiny App",
    ]
    assert result.reason.startswith("checked 3 modules")
    assert [module["name"] for module in result.values["modules"]] == [
        "Tiny Parent",
        "Tiny Core",
        "Tiny App",
    ]
    said = capture(["mvn", "-v"], cwd=Path("/"), env=context.env).text
    assert f"Apache Maven {result.values['maven']}" in said


@needs_maven
def test_a_wrapper_is_used_when_the_source_has_one(steps: Steps) -> None:
    context = steps.context()
    source = context.workspace.source
    write_reactor(source)
    (source / "mvnw").write_text('#!/bin/sh\necho "by mvnw, $MAVEN_USER_HOME"\nexec mvn "$@"\n')
    settings = source / ".mvn" / "wrapper" / "maven-wrapper.properties"
    settings.parent.mkdir(parents=True)
    settings.write_text("distributionUrl=https://x/apache-maven/3.9.9/apache-maven-3.9.9-bin.zip\n")
    options = MavenOptions(goals=("validate",), offline=True)

    result = build(context, options)

    assert result.values["maven"] == "3.9.9 (mvnw)"
    wrapped = f"by mvnw, {context.workspace.home / '.m2'}"
    assert wrapped in context.commands.log.read_text()


@needs_maven
def test_install(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source)

    result = build(context, MavenOptions())

    assert re.match(r"built 3 modules, 1 test passed; slowest: (core|app|tiny) ", result.reason)
    assert (result.values["tests"]["run"], result.values["tests"]["failed"]) == (1, 0)
    assert {path.name for path in result.outputs} == {
        *("tiny-1.0.pom", "core-1.0.pom", "core-1.0.jar", "app-1.0.pom", "app-1.0.jar"),
        "step.dependencies.json",
    }
    told = json.loads(context.workspace.dependencies("step").read_bytes())
    core, app = (f"org.example.tiny:{name}:jar:1.0" for name in ("core", "app"))
    assert told["modules"] == [app, core, "org.example.tiny:tiny:pom:1.0"]
    assert told["uses"] == [[app, core, ""]], "without junit, which only tests need"
    assert result.values["module_times"] == "exact"
    assert all(module["seconds"] > 0 for module in result.values["modules"])
    repository = context.workspace.maven_repository
    assert all(path.is_relative_to(repository) for path in result.outputs[:-1])
    cache = context.workspace.maven_cache
    assert (cache / "junit/junit/4.13.2/junit-4.13.2.jar").is_file()
    assert not (cache / "org/example/tiny").exists()


@needs_maven
@pytest.mark.slow
def test_what_was_downloaded_is_enough_for_another_job(steps: Steps) -> None:
    first = steps.context(request=Request("first"))
    write_reactor(first.workspace.source)
    build(first, MavenOptions(skip_tests=True))
    second = steps.context(request=Request("second"))
    write_reactor(second.workspace.source)
    result = build(second, MavenOptions(offline=True, skip_tests=True))
    assert result.reason.startswith("built 3 modules")


@needs_maven
def test_a_shared_local_repository(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source)
    options = MavenOptions(goals=("validate",), offline=True, local_repository="shared")

    assert build(context, options).reason.startswith("checked 3 modules")

    log = context.commands.log.read_text()
    assert f"-Dmaven.repo.local={context.workspace.maven_shared_repository} " in log
    assert not list(context.workspace.maven_repository.glob("*"))


@needs_maven
def test_an_older_release_of_the_source_itself_stays_as_it_was(tmp_path: Path) -> None:
    """Maven installs into the existing file: a link would change it for all jobs."""
    context = Steps(tmp_path).context()
    link_listener(context.workspace.state_dir)
    source = context.workspace.source
    version = context.workspace.maven_cache / "org/example/tiny/tiny/1.0"
    version.mkdir(parents=True, exist_ok=True)
    (version / "tiny-1.0.pom").write_text("the released one")
    (version / "_remote.repositories").write_text("tiny-1.0.pom>central=\n")
    write_reactor(source)

    build(context, MavenOptions(goals=("validate",), offline=True))

    assert (version / "tiny-1.0.pom").read_text() == "the released one"
    installed = context.workspace.maven_repository / "org/example/tiny/tiny/1.0/tiny-1.0.pom"
    assert not installed.exists()


@needs_maven
def test_a_machine_that_can_not_compile_the_listener_says_so(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "javac").write_text("#!/bin/sh\necho no compiler today; exit 1\n")
    (tmp_path / "bin" / "javac").chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    context = steps.context(env={"PATH": path})
    write_reactor(context.workspace.source)

    result = build(context, MavenOptions(goals=("validate",), offline=True))

    assert result.values["module_times"] == "from the log: javac fails: no compiler today"
    assert [module["result"] for module in result.values["modules"]] == ["SUCCESS"] * 3
