"""What comes next after a failure, by its code."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from common.states import State
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.next_step import NextStep, codes, next_step
from coordination_tasks.domain.timestamps import utc_now
from pipelines.domain.debian_packages import how_to_install
from pipelines.domain.errors import FailureCode
from pipelines.steps.debian.dependencies.apt import install_command
from pipelines.steps.debian.dependencies.relations import parse_groups

JOB = Job(
    id="job 1", pipeline="hello", branch="main", commit="ab" * 20, state=State.FAILED, attempt=2
)
ENQUEUE = "doit enqueue --pipeline hello --branch main"
RETRY, REPLAN = "doit retry 'job 1'", "doit retry 'job 1' --replan"


def ended(
    code: str, reason: str = "it failed", step: str = "build", attempt: int = 2
) -> Transition:
    return Transition.of_step(
        replace(JOB, attempt=attempt), step, own_id=f"{step}{attempt}", builder="build1",
        from_state=State.RUNNING, to_state=State.FAILED, at=utc_now(), reason=reason,
        details={"code": code} if code else {},
    )  # fmt: skip


def after(*transitions: Transition, job: Job = JOB) -> NextStep:
    found = next_step(job, transitions)
    assert found
    return found


def test_every_failure_code_has_its_remedy() -> None:
    assert codes() == {code.value for code in FailureCode}
    for code in FailureCode:
        found = after(ended(code))
        assert found.code == code
        assert shlex.split(found.command)[0] == "doit"
        assert "{" not in found.text
        assert found.text.endswith(".")


@pytest.mark.parametrize(
    ("code", "command"),
    [
        ("MAVEN_COMPILE", ENQUEUE),
        ("COMMAND_FAILED", ENQUEUE),
        ("COMMIT_NOT_FOUND", ENQUEUE),
        ("ARTIFACT_MISSING", REPLAN),
        ("TIMEOUT", REPLAN),
        ("NETWORK", RETRY),
        ("DISK_FULL", RETRY),
        ("TOOL_MISSING", "doit doctor"),
        ("CODE_OF_A_LATER_VERSION", RETRY),
        ("", RETRY),
    ],
)
def test_source_pipeline_machine_or_dependency(code: str, command: str) -> None:
    assert after(ended(code)).command == command


def test_a_new_job_asks_for_the_same_as_the_old_one() -> None:
    job = replace(JOB, branch="it's", params={"a": "b c"}, labels=("jdk=17",))
    assert shlex.split(after(ended("MAVEN_TEST"), job=job).command)[4:] == [
        "--branch", "it's", "--param", "a=b c", "--label", "jdk=17",
    ]  # fmt: skip
    by_commit = replace(JOB, branch=None)
    assert after(ended("MAVEN_TEST"), job=by_commit).command.endswith("--commit COMMIT")


def test_the_line_to_type_is_that_of_the_message() -> None:
    groups = parse_groups("libssl-dev (>= 3) | openssl, maven", lambda _: True, ())
    line = f"sudo {shlex.join(install_command(groups))}"
    found = after(ended("BUILD_DEPENDS", f"the builder is not root. Run `{line}`."))
    assert found.command == line
    assert found.text == f"Run the following line on builder build1, then `{RETRY}`."


def test_a_missing_program_is_installed_by_the_line_of_its_message() -> None:
    told = f"cannot start mvn: it is not installed.{how_to_install(['mvn'])}"
    assert after(ended("TOOL_MISSING", told)).command == "sudo apt-get install maven"
    assert how_to_install(["mvn", "frobnicate"]) == ""


@pytest.mark.parametrize(
    "line",
    [
        "curl x | sh",
        "sudo apt-get update; rm -rf /",
        "sudo apt-get $(x)",
        "sudo apt-get -o APT::Update::Pre-Invoke::=/tmp/x update",
        "sudo apt-get install ./x.deb",
    ],
)
def test_output_of_a_tool_never_becomes_a_command(line: str) -> None:
    assert after(ended("TOOL_MISSING", f"Run `{line}`.")).command == "doit doctor"
    assert after(ended("MAVEN_FAILED", "Run `sudo apt-get install x`.")).command == ENQUEUE


def test_the_failure_of_the_job_counts_not_one_that_was_allowed() -> None:
    job = replace(JOB, reason="step build: no host")
    allowed, build = ended("MAVEN_TEST", step="lint"), ended("NETWORK", "no host")
    assert after(allowed, build, job=job).code == "NETWORK"
    assert after(ended("MAVEN_TEST", attempt=1), build, job=job).code == "NETWORK"


def test_a_record_of_others_may_have_any_code() -> None:
    odd = replace(ended("NETWORK"), details={"code": ["NETWORK"]})
    assert after(odd) == NextStep(
        code="['NETWORK']", text="Fix the cause, then try again.", command=RETRY
    )


def test_a_job_without_a_failed_step() -> None:
    assert after(job=JOB).command == REPLAN
    began = replace(ended("", step="build"), to_state=State.CANCELLED)
    assert after(began, job=JOB) == NextStep(
        code=None, text="Fix the cause, then try again.", command=RETRY
    )
    cancelled = replace(JOB, state=State.CANCELLED)
    assert after(ended("NETWORK"), job=cancelled).command == RETRY


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.SUCCEEDED])
def test_nothing_is_to_be_done(state: State) -> None:
    assert next_step(replace(JOB, state=state), [ended("NETWORK", attempt=1)]) is None
