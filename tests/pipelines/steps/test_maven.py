from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.capture import capture
from pipelines.errors import FailureCode, StepFailed
from pipelines.model import StepContext, StepResult
from pipelines.steps.maven import MAVEN, MavenOptions, maven_command
from tests.pipelines.steps.maven_source import NEEDS_CORE, pom, write_reactor
from tests.pipelines.steps.step_context import Request, Steps

needs_maven = pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Steps:
    """One builder for all tests that download: its cache keeps them to one download."""
    return Steps(tmp_path_factory.mktemp("farm"))


def text(options: MavenOptions, steps: Steps) -> str:
    context = replace(steps.context(), env={"PATH": "/usr/bin"})
    return " ".join(maven_command(options, context).argv)


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
    command = maven_command(options, steps.context())
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
    env = maven_command(MavenOptions(), context, home).env
    assert env == {
        "PATH": "/usr/lib/jvm/java-17/bin:/usr/bin",
        "JAVA_HOME": "/usr/lib/jvm/java-17",
        "MAVEN_OPTS": "-Xmx1g -XX:+ExitOnOutOfMemoryError",
    }
    env = maven_command(MavenOptions(maven_opts="-Xmx4g"), context).env
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
        build(steps.context(), MavenOptions(jdk="5"))
    assert caught.value.code is FailureCode.TOOL_MISSING


def build(context: StepContext, options: MavenOptions) -> StepResult:
    context.workspace.source.mkdir(parents=True, exist_ok=True)
    return MAVEN.run(options, context)


def failure(context: StepContext, options: MavenOptions) -> StepFailed:
    with pytest.raises(StepFailed) as caught:
        build(context, options)
    return caught.value


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
    assert result.reason == "built 3 modules"
    assert [module["name"] for module in result.values["modules"]] == [
        "Tiny Parent",
        "Tiny Core",
        "Tiny App",
    ]
    said = capture(["mvn", "-v"], cwd=Path("/"), env=context.env).text
    assert f"Apache Maven {result.values['maven']}" in said


@needs_maven
def test_a_broken_pom(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source, core_pom=pom("core").replace("</project>", ""))
    error = failure(context, MavenOptions(goals=("validate",), offline=True))
    assert error.code is FailureCode.MAVEN_POM
    assert error.message.startswith("Non-readable POM core/pom.xml: ")


@needs_maven
def test_a_plugin_that_is_not_to_be_had(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source)
    error = failure(context, MavenOptions(offline=True))
    assert error.code is FailureCode.MAVEN_DEPENDENCY
    assert error.message.endswith("can't be resolved")


@needs_maven
def test_out_of_memory(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source)
    options = MavenOptions(goals=("validate",), offline=True, maven_opts="-Xmx6m")
    error = failure(context, options)
    assert error.code is FailureCode.OUT_OF_MEMORY
    assert "Java heap space" in error.excerpt


@needs_maven
def test_a_module_that_is_not_there(steps: Steps) -> None:
    context = steps.context()
    write_reactor(context.workspace.source)
    error = failure(context, MavenOptions(goals=("validate",), offline=True, modules=("nosuch",)))
    assert error.code is FailureCode.MAVEN_FAILED
    assert error.message == "Could not find the selected project in the reactor: nosuch"


@needs_maven
class TestWithMavenCentral:
    """Real builds; the first one downloads the plugins, the others get them from the cache."""

    def test_install(self, farm: Steps) -> None:
        context = farm.context(request=Request("install"))
        write_reactor(context.workspace.source)

        result = build(context, MavenOptions())

        assert result.reason == "built 3 modules, 1 tests passed"
        assert result.values["tests"] == {"run": 1, "skipped": 0, "flaky": 0}
        assert {path.name for path in result.outputs} == {
            *("tiny-1.0.pom", "core-1.0.pom", "core-1.0.jar", "app-1.0.pom", "app-1.0.jar"),
        }
        repository = context.workspace.maven_repository
        assert all(path.is_relative_to(repository) for path in result.outputs)
        cache = context.workspace.maven_cache
        assert (cache / "junit/junit/4.13.2/junit-4.13.2.jar").is_file()
        assert not (cache / "org/example").exists()

    def test_what_was_downloaded_is_enough_for_another_job(self, farm: Steps) -> None:
        first = farm.context(request=Request("first"))
        write_reactor(first.workspace.source)
        build(first, MavenOptions())
        second = farm.context(request=Request("second"))
        write_reactor(second.workspace.source)
        result = build(second, MavenOptions(offline=True, skip_tests=True))
        assert result.reason == "built 3 modules"

    def test_an_older_release_of_the_source_itself_stays_as_it_was(self, farm: Steps) -> None:
        """Maven installs into the existing file: a link would change it for all jobs."""
        context = farm.context(request=Request("release"))
        version = context.workspace.maven_cache / "org/example/tiny/core/1.0"
        version.mkdir(parents=True, exist_ok=True)
        (version / "core-1.0.jar").write_text("the released jar")
        (version / "_remote.repositories").write_text("core-1.0.jar>central=\n")
        write_reactor(context.workspace.source)

        build(context, MavenOptions(skip_tests=True))

        assert (version / "core-1.0.jar").read_text() == "the released jar"
        shutil.rmtree(version)

    def test_compile_error(self, farm: Steps) -> None:
        context = farm.context(request=Request("compile"))
        write_reactor(
            context.workspace.source,
            core_java="package t;\npublic class Core {\n int x = y();\n}\n",
        )
        error = failure(context, MavenOptions())
        assert error.code is FailureCode.MAVEN_COMPILE
        assert error.message == (
            "module core: does not compile: core/src/main/java/t/Core.java:3: cannot find symbol"
        )
        assert "symbol:   method y()" in error.excerpt

    def test_failing_test(self, farm: Steps) -> None:
        context = farm.context(request=Request("test"))
        write_reactor(
            context.workspace.source,
            core_java="package t;\npublic class Core { public static int one() { return 2; } }\n",
        )
        error = failure(context, MavenOptions())
        assert error.code is FailureCode.MAVEN_TEST
        assert error.message == "module core: 1 test fails: t.CoreTest.one"
        assert error.excerpt.splitlines()[0] == "t.CoreTest.one: expected:<1> but was:<2>"

    def test_unresolvable_dependency(self, farm: Steps) -> None:
        context = farm.context(request=Request("dependency"))
        needs_gone = NEEDS_CORE.replace(">core<", ">gone<")
        write_reactor(context.workspace.source, app_pom=pom("app", needs_gone))
        error = failure(context, MavenOptions(skip_tests=True))
        assert error.code is FailureCode.MAVEN_DEPENDENCY
        assert error.message == "module app: org.example.tiny:gone:jar:1.0 can't be resolved"
