"""The tools that act. Each act is recorded with the person and the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from pydantic import Field

from coordination_tasks.agents.mcp.answers import (
    Acted,
    DrainAnswer,
    MessageLine,
    drain_answer,
    job_line,
    message_line,
)
from coordination_tasks.agents.mcp.tool import Flag, Names, Whole, Words
from coordination_tasks.agents.mcp.workplace import Workplace
from coordination_tasks.builder.acting_person import Acting
from coordination_tasks.commands.control.acting import open_control
from coordination_tasks.commands.control.cancel import cancel_jobs
from coordination_tasks.commands.jobs.enqueue import Wanted, queue
from coordination_tasks.commands.repository.send import send
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.model import Job
from coordination_tasks.store.operations.control import JobChange, NextAttempt

Client = Context[Any, Any]
Jobs = Annotated[Names, Field(min_length=1)]
Priority = Annotated[Whole, Field(ge=1, le=10)]


@dataclass(frozen=True, slots=True)
class ActingTools:
    """Each method is a tool; its name and its text are what a client sees."""

    place: Workplace

    def enqueue(
        self,
        client: Client,
        *,
        pipeline: Words,
        branch: Words = "",
        commit: Words = "",
        tag: Words = "",
        params: Mapping[Words, Words] = {},
        labels: Names = [],  # noqa: B006
        on: Words = "",
        after: Names = [],  # noqa: B006
        priority: Priority = 5,
        if_new: Flag = False,
        id: Words = "",  # noqa: A002
        description: Words = "",
    ) -> Acted:
        """Queue a job that builds a branch's tip, a commit, or a tag of the pipeline's source.

        `on`: the only builder that may claim it. `after`: ids of jobs that must succeed first.
        `if_new`: queue no second job for a commit. With `id`, repeating the call changes nothing.
        """
        request = Job(
            id=id,
            pipeline=pipeline,
            commit=commit.lower() or None,
            params=dict(params),
            labels=tuple(labels),
            dependencies=tuple(after),
            priority=priority,
            description=description,
            wanted_builder=on or None,
        )
        branches = (branch,) if branch else ()
        wanted = Wanted(request=request, branches=branches, tag=tag, new=if_new)
        who = self._who(client)
        return _acted(who, queue(self.place.farm, wanted, who, self.place.config.profile.id))

    def retry(
        self,
        client: Client,
        jobs: Jobs,
        from_step: Words = "",
        replan: Flag = False,
        on: Words = "",
    ) -> Acted:
        """Queue failed, timed-out or cancelled jobs again, all of them or none.

        It helps only if `job_failure` says that a retry can help, or the cause is fixed. `replan`:
        use the current pipelines file. `on`: a builder's id, or `any`.
        """
        following = NextAttempt(wanted_builder=on or None, replan=replan, from_step=from_step)
        who = self._who(client)
        with open_control(self.place.config, who, names=on) as control:
            return _acted(who, control.retry(_once(jobs), following))

    def cancel(self, client: Client, jobs: Jobs, reason: Words) -> Acted:
        """Cancel queued or running jobs, all of them or none. `retry` queues them again."""
        who = self._who(client)
        return _acted(who, cancel_jobs(self.place.config, who, _once(jobs), reason))

    def set_priority(self, client: Client, jobs: Jobs, priority: Priority) -> Acted:
        """Change the priority of queued jobs: 1 is first, 10 last."""
        who = self._who(client)
        with open_control(self.place.config, who) as control:
            return _acted(who, control.change(_once(jobs), JobChange(priority=priority)))

    def drain(self, client: Client, builder: Words, reason: Words) -> DrainAnswer:
        """Let a builder finish its job and claim no more; `all` pauses the whole farm.

        It holds until `resume`.
        """
        with open_control(self.place.config, self._who(client), names=builder) as control:
            return drain_answer(builder, control.drain(builder, reason))

    def resume(self, client: Client, builder: Words) -> DrainAnswer:
        """Let a drained builder, or `all`, claim jobs again."""
        with open_control(self.place.config, self._who(client), names=builder) as control:
            control.resume(builder)
            return drain_answer(builder, None)

    def send_message(
        self,
        client: Client,
        to: Words,
        subject: Words,
        body: Words = "",
        type: Literal["info", "request", "warning", "error"] = "info",  # noqa: A002
    ) -> MessageLine:
        """Send a message to a builder, or to `all`; the people there read it."""
        if not to or not subject:
            raise BadRequest("to and subject must not be empty")
        message = send(self.place.config, self._who(client), to, subject, body, type)
        return message_line(message, self.place.config.profile.id)

    def _who(self, client: Client) -> Acting:
        told = client.session.client_params
        info = told.client_info if told else None
        name = f"{info.name} {info.version}" if info else "an unknown agent"
        return self.place.who(name, client.headers or {})


def _once(jobs: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(jobs))


def _acted(who: Acting, jobs: tuple[Job, ...]) -> Acted:
    return Acted(by=who.person, jobs=[job_line(job) for job in jobs])
