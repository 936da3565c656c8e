"""What a person does next about a job that did not succeed, by its failure code. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.states import FAILURES, State
from coordination_tasks.domain.model import Job, Transition

_APT_OPTION = (
    r"-q|-y|--no-remove|--no-install-recommends|-o (?:DPkg::Lock::Timeout=\d+|Dpkg::Use-Pty=0"
    r"|Dpkg::Options::=--force-conf(?:def|old))"
)
_PACKAGE = r"[a-z0-9][a-z0-9.+-]*"
_TO_INSTALL = re.compile(
    rf"\bRun `(sudo apt-get(?: (?:{_APT_OPTION}))*"
    rf" (?:update|(?:install|purge)(?: {_PACKAGE})+"
    rf"|satisfy(?: (?:{_PACKAGE}|'[a-z0-9][^'`\n]*'))+))`"
)
"""The line to type, where the message of our own code has it. A message may also quote a tool that
runs what a commit says, so nothing else in it becomes a command, and no option that runs one."""
_INSTALLED_BY_LINE = frozenset({"TOOL_MISSING", "BUILD_DEPENDS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What to do, and the command line that does it."""

    code: str | None
    """The failure code; None when no step failed."""
    text: str
    """Sentences to read before the command."""
    command: str

    @property
    def lines(self) -> tuple[str, str]:
        """For a terminal: the command is a line of its own, to be copied."""
        return f"next: {self.text}", f"  {self.command}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The same next step for a program that calls tools instead of typing commands."""

    tool: str
    arguments: Mapping[str, object]


RETRY, REPLAN, ENQUEUE, DOCTOR = "retry", "replan", "enqueue", "doctor"

_SOURCE = "Commit the fix, then queue the new commit."
_DECLARED = "Fix what the pipeline declares, then build the job with the new pipeline."
_REMEDIES: Mapping[str, tuple[str, str]] = {
    "MAVEN_COMPILE": (ENQUEUE, _SOURCE),
    "MAVEN_TEST": (ENQUEUE, _SOURCE),
    "MAVEN_ENFORCER": (ENQUEUE, _SOURCE),
    "MAVEN_POM": (ENQUEUE, _SOURCE),
    "MAVEN_FAILED": (ENQUEUE, _SOURCE),
    "PACKAGING_FAILED": (ENQUEUE, _SOURCE),
    "COMMAND_FAILED": (
        ENQUEUE,
        "Commit the fix, then queue the new commit. If the script in the pipeline is wrong, fix it"
        " and run `{replan}` instead.",
    ),
    "BAD_REQUEST": (ENQUEUE, "Queue a job with values that the message allows."),
    "COMMIT_NOT_FOUND": (ENQUEUE, "Push the commit to the source, or queue one that is there."),
    "ARTIFACT_MISSING": (REPLAN, _DECLARED),
    "BAD_OUTPUT": (REPLAN, _DECLARED),
    "EVIDENCE_MISSING": (
        ENQUEUE,
        "Commit what brings the evidence back (tests that run, dependencies that are real), then"
        " queue the new commit. If the pipeline requires too much, change `requires_evidence` and"
        " run `{replan}` instead.",
    ),
    "TIMEOUT": (
        REPLAN,
        "If the step was still at work, raise its `timeout` in the pipeline; then try again.",
    ),
    "SILENT": (
        REPLAN,
        "If the step was still at work, raise its `silent_timeout` in the pipeline; then try"
        " again.",
    ),
    "TOOL_MISSING": (
        DOCTOR,
        "Install the program on builder {builder}, then run `{retry}`. The following line checks"
        " that machine.",
    ),
    "BUILD_DEPENDS": (
        REPLAN,
        "Make the packages available to apt on builder {builder}, or let dummies stand in for them"
        " in the pipeline; then try again.",
    ),
    "MAVEN_DEPENDENCY": (
        RETRY,
        "Publish the artifact where the builder can download it; then try again. If its version in"
        " the POM is wrong, commit the fix and run `{enqueue}` instead.",
    ),
    "SOURCE_UNREACHABLE": (RETRY, "Try again when builder {builder} can reach the source."),
    "NETWORK": (RETRY, "Try again when the host in the message answers."),
    "CHECKOUT_FAILED": (RETRY, "Check the disk of builder {builder}, then try again."),
    "DISK_FULL": (
        RETRY,
        "Free some space on builder {builder} (`doit clean-workspaces --remove`), then try again.",
    ),
    "OUT_OF_MEMORY": (
        RETRY,
        "Give the build more memory (`memory` of the step, `maven_opts` of a maven step), or run"
        " fewer steps at once on builder {builder}; then try again.",
    ),
    "KILLED": (RETRY, "Find out what ended the process on builder {builder}, then try again."),
    "INTERNAL": (RETRY, "This is a bug of doit: report it with the excerpt. Then try again."),
}
"""What to do about each failure code, and what the sentences say before it."""
_UNKNOWN = (RETRY, "Fix the cause, then try again.")
_NOT_BUILT = (REPLAN, "Fix the pipeline or this builder as the reason says, then try again.")
_CANCELLED = (RETRY, "Queue it again if it is still wanted.")


def codes() -> frozenset[str]:
    """The failure codes with a remedy of their own."""
    return frozenset(_REMEDIES)


def remedies() -> Mapping[str, str]:
    """What to do about each failure code, as text; `BUILDER` stands for the job's builder."""
    words = {
        "builder": "BUILDER",
        RETRY: "doit retry JOB",
        REPLAN: "doit retry JOB --replan",
        ENQUEUE: "doit enqueue",
        DOCTOR: "doit doctor",
    }
    return {code: f"{text.format(**words)} ({words[do]})" for code, (do, text) in _REMEDIES.items()}


def next_step(job: Job, transitions: Sequence[Transition]) -> NextStep | None:
    """What to do about the job; None while it waits or runs, and when it has succeeded.

    `transitions` are those of its latest attempt, or of all.
    """
    remedy = _remedy(job, transitions)
    return _made(job, failed_step(job, transitions), remedy) if remedy else None


def next_call(job: Job, transitions: Sequence[Transition]) -> ToolCall | None:
    """The tool call for the same; None when only a person at the machine can do it."""
    remedy = _remedy(job, transitions)
    failure = failed_step(job, transitions)
    if remedy is None or (failure and _line_to_install(failure)):
        return None
    action, _ = remedy
    if action in {RETRY, REPLAN}:
        again = {"jobs": [job.id]} | ({"replan": True} if action == REPLAN else {})
        return ToolCall(tool="retry", arguments=again)
    if action == ENQUEUE and job.pipeline and job.branch:
        wanted = {"params": dict(job.params), "labels": list(job.labels)}
        more = {name: value for name, value in wanted.items() if value}
        arguments = {"pipeline": job.pipeline, "branch": job.branch, **more}
        return ToolCall(tool="enqueue", arguments=arguments)
    return None


def failed_step(job: Job, transitions: Sequence[Transition]) -> Transition | None:
    """The end of the step for which the job failed; a pipeline may allow others to fail."""
    if job.state not in FAILURES:
        return None
    latest = [t for t in transitions if t.attempt == job.attempt]
    failures = [t for t in latest if t.step and t.to_state in FAILURES]
    named = (t for t in failures if job.reason == f"step {t.step}: {t.reason}")
    return next(named, failures[0] if failures else None)


def _remedy(job: Job, transitions: Sequence[Transition]) -> tuple[str, str] | None:
    if job.state is State.CANCELLED:
        return _CANCELLED
    if job.state not in FAILURES:
        return None
    failure = failed_step(job, transitions)
    if failure is not None:
        return _REMEDIES.get(str(failure.details.get("code")), _UNKNOWN)
    # without any step it could not be built at all; otherwise its builder died, or was stopped
    started = any(t.step for t in transitions if t.attempt == job.attempt)
    return _UNKNOWN if started else _NOT_BUILT


def _line_to_install(failure: Transition) -> str:
    """The line to type on the builder, where our own code names one; "" otherwise."""
    by_line = str(failure.details.get("code")) in _INSTALLED_BY_LINE
    found = _TO_INSTALL.search(failure.reason) if by_line else None
    return found[1] if found else ""


def _made(job: Job, failure: Transition | None, remedy: tuple[str, str]) -> NextStep:
    action, text = remedy
    commands = {
        RETRY: f"doit retry {shlex.quote(job.id)}",
        REPLAN: f"doit retry {shlex.quote(job.id)} --replan",
        ENQUEUE: _enqueue(job),
        DOCTOR: "doit doctor",
    }
    builder = failure.builder if failure else job.assigned_to
    command = commands[action]
    code = str(failure.details.get("code") or "") if failure else ""
    if failure and (line := _line_to_install(failure)):
        command = line
        text = "Run the following line on builder {builder}, then `{retry}`."
    return NextStep(
        code=code or None,
        text=text.format(builder=builder or "-", **commands),
        command=command,
    )


def _enqueue(job: Job) -> str:
    """A new job like this one, for the tip of its branch."""
    words = ["doit", "enqueue", "--pipeline", job.pipeline or "PIPELINE"]
    words += ["--branch", job.branch] if job.branch else ["--commit", "COMMIT"]
    for name, value in job.params.items():
        words += ["--param", f"{name}={value}"]
    for label in job.labels:
        words += ["--label", label]
    return shlex.join(words)
