"""`doit failure`: why a job failed, in one short answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.agents.digest.document import ChangeSince, FailureDigest
from coordination_tasks.agents.digest.fitting import DEFAULT_LIMIT, checked_limit, fitted
from coordination_tasks.agents.digest.similar import BY_COMMIT, BY_REBUILD, BY_RETRY, Similar
from coordination_tasks.agents.failure_evidence import commits_here, read_evidence
from coordination_tasks.commands.base import FarmCommand, as_json
from coordination_tasks.commands.views.output import write_lines
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.wiring.reading import open_reading

_SHORT = 12
_FIXED_BY = {
    BY_RETRY: "fixed by a retry",
    BY_COMMIT: "fixed by a new commit",
    BY_REBUILD: "the same commit succeeded",
}


class FailureCommand(FarmCommand):
    """doit command."""

    name = "failure"
    doc_purpose = "show why a job failed, what changed before, and what to do, in 2 kB"
    doc_usage = "JOB [--limit-bytes N] [--json]"
    doc_description = """
Shows the failure code, the step, module and place, the lines of output that name the cause, failed
tests, whether a retry can help, and the command that comes next. Also what changed since the last
good build of the branch with the pipeline, if a mirror of the source is on this host, and earlier
failures of this farm with the same code and words: how often, and what fixed them.

The answer has at most --limit-bytes bytes: what tells least is left out first. While the
coordination repository cannot be reached, shows what this host read last.

Exit codes: 0 shown, 1 cannot reach the coordination repository, and nothing was read before,
3 bad usage, an unknown job, or one that has not failed.
"""
    group = "look"
    completes = "jobs"
    cmd_options = (
        {"name": "limit", "long": "limit-bytes", "type": int, "default": DEFAULT_LIMIT,
         "help": "at most N bytes of JSON; the text is shorter [default: %(default)s]"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, limit: int, json: bool, builder: str, pos_args: list[str]) -> int:
        if not pos_args:
            raise BadRequest("expected the id of a job; `doit jobs --state failed` shows them")
        if len(pos_args) > 1:
            raise BadRequest(f"unexpected argument {pos_args[1][:60]!r}: give one job")
        checked_limit(limit)
        config = self.farm.config(builder)
        with open_reading(config, tell) as reading:
            self.show_outage(reading.outage, json=json)
            job = reading.snapshot.job(pos_args[0])
            commits = commits_here(config, self.farm.pipelines, job)
            evidence = read_evidence(reading.snapshot, job.id, commits)
        digest = fitted(evidence, limit, size)
        if json:
            sys.stdout.write(digest_json(digest))
        else:
            write_lines(digest_lines(digest))
        return 0


def digest_json(digest: FailureDigest) -> str:
    """The JSON text of a digest."""
    return as_json(asdict(digest)) + "\n"


def size(digest: FailureDigest) -> int:
    """Bytes of the JSON text."""
    return len(digest_json(digest).encode())


def digest_lines(digest: FailureDigest) -> Iterator[str]:
    """The digest for people."""
    data = digest.data
    on = f" on {digest.builder}" if digest.builder else ""
    yield f"job {digest.job}: {digest.state}, attempt {digest.attempt}{on}"
    commit = f"commit {digest.commit[:_SHORT]}" if digest.commit else ""
    branch = f"branch {digest.branch}" if digest.branch else ""
    yield ", ".join(filter(None, (f"pipeline {digest.pipeline or '-'}", branch, commit)))
    if digest.code:
        module = f", module {data.module}" if data.module else ""
        yield f"{digest.code} in step {digest.step}{module}"
    yield data.message
    yield from (f"  {line}" for line in data.excerpt)
    if data.places:
        yield f"places: {', '.join(data.places)}"
    if data.tests:
        yield f"failed tests: {', '.join(data.tests)}"
    if digest.change:
        yield _change_line(digest.change)
    for each in data.commits:
        yield f"  {each.commit[:_SHORT]}{'*' if each.touches else ''} {each.subject}"
    if digest.similar:
        yield _similar_line(digest.similar)
    helps = {True: "a retry can help", False: "a retry does not help", None: "retry: unknown"}
    yield f"{helps[digest.retry.can_help]}: {digest.retry.why}"
    yield f"confidence {digest.confidence.level}: {digest.confidence.why}"
    if digest.shortened:
        yield f"shortened: {', '.join(digest.shortened)}"
    if digest.next:
        yield f"next: {digest.next.text}"
        if digest.next.command:
            yield f"  {digest.next.command}"


def _change_line(change: ChangeSince) -> str:
    commit = f", commit {change.commit[:_SHORT]}" if change.commit else ""
    head = f"since the last good build (job {change.job}{commit}): "
    if change.commits is None:
        return f"{head}unknown commits: no mirror of the source on this host has both"
    if not change.commits:
        return f"this commit succeeded before (job {change.job})"
    many = f"{change.commits} commit{'' if change.commits == 1 else 's'}"
    if change.touching is None:
        return head + many
    return f"{head}{many}, {change.touching} of them (*) in files of the failure"


def _similar_line(similar: Similar) -> str:
    times = "once" if similar.count == 1 else f"{similar.count} times"
    fixed = similar.fixed
    how = f"; {_FIXED_BY[fixed.by]} (job {fixed.job})" if fixed else "; not fixed yet"
    since = format_time(similar.since)
    return f"failed like this {times} since {since}, last in job {similar.last_job}{how}"
