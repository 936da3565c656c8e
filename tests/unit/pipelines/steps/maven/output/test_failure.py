"""Maven's own error lines, as it printed them for tiny reactors (data/maven_logs), to failures."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.exit_code import ExitCode
from pipelines.failures.excerpt import MAX_BYTES
from pipelines.steps.maven.output.errors import MavenErrors
from pipelines.steps.maven.output.failure import maven_failure
from pipelines.steps.maven.output.surefire import FailedTest

LOGS = {
    path.stem: path.read_text() for path in (Path(__file__).parent / "maven_logs").glob("*/*.log")
}
SOURCE = Path("/src")
CORE_JAVA = "core/src/main/java/t/Core.java"
TESTS = (FailedTest("t.CoreTest.one", "expected:<2>"), FailedTest("t.CoreTest.boom", "boom"))


def failure_of(text: str, exit_code: int = 1, tests: tuple[FailedTest, ...] = ()) -> StepFailed:
    errors = MavenErrors()
    for line in text.splitlines():
        errors.feed(line)
    return maven_failure(errors, exit_code, source=SOURCE, tests=tests)


@pytest.mark.parametrize(
    ("log", "code", "message"),
    [
        (
            "compile",
            FailureCode.MAVEN_COMPILE,
            f"module core: does not compile: {CORE_JAVA}:3: cannot find symbol (and 1 more)",
        ),
        (
            "test",
            FailureCode.MAVEN_TEST,
            "module core: 2 tests fail: t.CoreTest.one, t.CoreTest.boom",
        ),
        (
            "dependency",
            FailureCode.MAVEN_DEPENDENCY,
            "module app: cannot resolve org.example.nowhere:gone:jar:9",
        ),
        (
            "plugin",
            FailureCode.MAVEN_DEPENDENCY,
            "cannot resolve org.example.nowhere:x-plugin:jar:1",
        ),
        ("parent", FailureCode.MAVEN_DEPENDENCY, "cannot resolve org.example.nowhere:p:pom:3"),
        (
            "offline",
            FailureCode.MAVEN_DEPENDENCY,
            "cannot resolve org.apache.maven.plugins:maven-install-plugin:jar:2.4: in offline mode",
        ),
        (
            "network",
            FailureCode.NETWORK,
            "module core: cannot resolve junit:junit:pom:4.13.99: Connection refused",
        ),
        (
            "enforcer",
            FailureCode.MAVEN_ENFORCER,
            "module core: RequireJavaVersion: Detected JDK version 17.0.15"
            " (JAVA_HOME=/usr/lib/jvm/java-17-openjdk-amd64)"
            " is not in the allowed range [99,).",
        ),
        (
            "pom_xml",
            FailureCode.MAVEN_POM,
            "Non-readable POM core/pom.xml: no more data available - expected end tag </project> to"
            " close start tag <project> from line 1, parser stopped on END_TAG seen"
            " ...<name>Tiny Core</name>... @3:52",
        ),
        (
            "pom_model",
            FailureCode.MAVEN_POM,
            "core/pom.xml: 'dependencies.dependency.version' for a:b:jar is missing."
            " @ line 3, column 78",
        ),
        (
            "out_of_memory",
            FailureCode.OUT_OF_MEMORY,
            "Java ran out of memory:"
            " Terminating due to java.lang.OutOfMemoryError: Java heap space",
        ),
        (
            "module_selection",
            FailureCode.MAVEN_FAILED,
            "Could not find the selected project in the reactor: nosuch",
        ),
        (
            "settings",
            FailureCode.MAVEN_FAILED,
            "Error executing Maven. The specified user settings file does not exist: /none",
        ),
        (
            "option",
            FailureCode.MAVEN_FAILED,
            "Unable to parse command line options: Unrecognized option: --bogus",
        ),
    ],
)
def test_what_maven_printed(log: str, code: FailureCode, message: str) -> None:
    failure = failure_of(LOGS[log], tests=TESTS if log == "test" else ())

    assert (failure.code, failure.message) == (code, message)
    assert failure.retryable == (code is FailureCode.NETWORK)
    assert 0 < len(failure.excerpt.encode()) <= MAX_BYTES
    assert "[Help" not in failure.excerpt
    assert "mvn <args> -rf" not in failure.excerpt


def test_advice_of_maven_4_is_left_out() -> None:
    failure = failure_of(
        "[ERROR] BUILD FAILURE\n"
        "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin:3.6.0:test"
        " (default-test) on project app: \n"
        "[ERROR] \n"
        "[ERROR] See /s/app/target/surefire-reports for the individual test results.\n"
        "[ERROR] See dump files (if any exist) [date].dump, [date]-jvmRun[N].dump\n"
        "[ERROR] -> [Help 1]\n"
        "[ERROR] After correcting the problems, you can resume the build with the command\n"
        "[ERROR]   mvn [args] -r\n",
        tests=TESTS,
    )
    assert failure.code is FailureCode.MAVEN_TEST
    assert not {"mvn", "See", "After"} & {line.split()[0] for line in failure.excerpt.splitlines()}


def test_what_a_plugin_needs_is_named_and_not_the_plugin() -> None:
    failure = failure_of(
        "[ERROR] Failed to execute goal org.example:check-plugin:3:check (x) on project core: "
        "Execution x of goal org.example:check-plugin:3:check failed: Plugin "
        "org.example:check-plugin:3 or one of its dependencies could not be resolved: Could not "
        "transfer artifact org.example:rules:jar:1-SNAPSHOT from/to z (https://z.example): "
        "transfer failed for https://z.example/x.jar: Unknown host z.example: Name or service not "
        "known -> [Help 1]"
    )
    assert failure.message == (
        "module core: cannot resolve org.example:rules:jar:1-SNAPSHOT: Unknown host z.example"
    )
    assert failure.details["artifact"] == "org.example:rules:jar:1-SNAPSHOT"


def test_a_connection_that_failed_as_maven_3_9_tells_it() -> None:
    failure = failure_of(
        "[ERROR] Plugin org.example:x-plugin:1 or one of its dependencies could not be resolved:\n"
        "[ERROR] \tThe following artifacts could not be resolved: org.example:x-plugin:pom:1 "
        "(absent): Could not transfer artifact org.example:x-plugin:pom:1 from/to z "
        "(https://z.example/): transfer failed for https://z.example/x-plugin-1.pom\n"
        "[ERROR] -> [Help 1]"
    )
    assert failure.code is FailureCode.NETWORK
    assert failure.message == (
        "cannot resolve org.example:x-plugin:pom:1: "
        "transfer failed for https://z.example/x-plugin-1.pom"
    )


def test_a_file_that_checkstyle_cannot_parse_is_told_with_its_line() -> None:
    failure = failure_of(
        "/src/core/src/main/java/t/Core.java:152:5: expecting SEMI, found '}'\n"
        "/src/core/src/main/java/t/Core.java:154:12: unexpected token: String\n"
        "[INFO] BUILD FAILURE\n"
        "[ERROR] Failed to execute goal org.example:checkstyle-plugin:3.1.0:check"
        " (x) on project core: Failed during checkstyle configuration: Exception was thrown while "
        "processing /src/core/src/main/java/t/Core.java: MismatchedTokenException occurred while "
        "parsing file /src/core/src/main/java/t/Core.java. expecting EOF, found '}' -> [Help 1]"
    )
    told = f"module core: {CORE_JAVA}:152: expecting SEMI, found '}}' (Failed during checkstyle"
    assert failure.message.startswith(told)


def test_failing_tests_are_in_the_excerpt() -> None:
    failure = failure_of(LOGS["test"], tests=TESTS)
    assert failure.excerpt.splitlines()[:2] == [
        "t.CoreTest.one: expected:<2>",
        "t.CoreTest.boom: boom",
    ]


@pytest.mark.parametrize(
    ("line", "exit_code", "code"),
    [
        ("[ERROR] Java heap space -> [Help 1]", 1, FailureCode.OUT_OF_MEMORY),
        ("The system is out of resources.", 1, FailureCode.OUT_OF_MEMORY),
        (
            "# There is insufficient memory for the Java Runtime Environment to continue.",
            1,
            FailureCode.OUT_OF_MEMORY,
        ),
        ("java.io.IOException: No space left on device", 1, FailureCode.DISK_FULL),
        ("[INFO] Compiling 7 source files", ExitCode.of(-9), FailureCode.KILLED),
        ("[INFO] Compiling 7 source files", 137, FailureCode.MAVEN_FAILED),
        (
            "[ERROR] Failed to execute goal x:download-maven-plugin:1.6.3:wget (a) on project b: "
            "IO Error: Could not get content -> [Help 1]",
            1,
            FailureCode.NETWORK,
        ),
        (
            "[ERROR] Failed to execute goal on project a: Could not resolve dependencies: Could "
            "not transfer artifact x:y:jar:1 from/to z (https://z): status code: 503, phrase: "
            "Service Unavailable (503) -> [Help 1]",
            1,
            FailureCode.NETWORK,
        ),
        (
            "[ERROR] Failed to execute goal on project a: Could not resolve dependencies: Could "
            "not transfer artifact x:y:jar:1 from/to z (https://z): status code: 403, phrase: "
            "Forbidden (403) -> [Help 1]",
            1,
            FailureCode.MAVEN_DEPENDENCY,
        ),
        (
            "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin:3.2:test"
            " (default-test) on project core: Unable to generate classpath: "
            "org.apache.maven.artifact.resolver.ArtifactNotFoundException -> [Help 1]",
            1,
            FailureCode.MAVEN_DEPENDENCY,
        ),
        (
            "[ERROR] Failed to execute goal x:kotlin-maven-plugin:1.9:test-compile"
            " (x) on project core: Compilation failure -> [Help 1]",
            1,
            FailureCode.MAVEN_COMPILE,
        ),
        (
            "[ERROR] Failed to execute goal x:exec-maven-plugin:3.1.0:exec (y) on project core: "
            "Command execution failed. -> [Help 1]",
            1,
            FailureCode.MAVEN_FAILED,
        ),
        ("wget: Failed to fetch https://x/apache-maven-3.9.9-bin.zip", 1, FailureCode.NETWORK),
        ("nothing that says why", 1, FailureCode.MAVEN_FAILED),
    ],
)
def test_single_lines(line: str, exit_code: int, code: FailureCode) -> None:
    failure = failure_of(line, exit_code)
    assert failure.code is code
    assert failure.message
    assert "\n" not in failure.message


def test_only_the_last_call_of_maven_counts() -> None:
    accepted = LOGS["compile"]
    failure = failure_of(f"{accepted}\n{LOGS['dependency']}")
    assert failure.code is FailureCode.MAVEN_DEPENDENCY
    assert "Core.java" not in failure.excerpt


def test_several_modules_that_fail() -> None:
    lines = [
        f"[ERROR] Failed to execute goal a:b:1:run (x) on project p{n}: it failed -> [Help 1]"
        for n in range(3)
    ]
    failure = failure_of("\n".join(["[INFO] BUILD FAILURE", *lines]))
    assert failure.message == "module p0 (and 2 more): it failed"


def test_ten_thousand_errors_make_a_short_excerpt() -> None:
    line = "[ERROR] /src/A.java:[{n},1] cannot find symbol é"
    text = "\n".join(line.format(n=n) for n in range(10_000))
    failure = failure_of(f"{text}\n[INFO] BUILD FAILURE\n{text}")
    assert len(failure.excerpt.encode()) <= MAX_BYTES
    assert "[…]" in failure.excerpt


def test_one_endless_line_makes_a_short_excerpt() -> None:
    failure = failure_of(f"[ERROR] {'x' * 100_000}")
    assert len(failure.excerpt.encode()) <= MAX_BYTES
    assert len(failure.message) <= 300


def test_a_killed_maven_names_the_signal() -> None:
    failure = failure_of("", ExitCode.of(-9))
    assert failure.message == "Maven was killed by SIGKILL (signal 9)"
    assert failure.retryable
