"""The farm for programs: the documents of `--json`, described by OpenAPI, and the same acts."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from common.states import State
from coordination_tasks.commands.figures.metrics import figures, prometheus_text
from coordination_tasks.commands.jobs.jobs import job_as_json
from coordination_tasks.commands.jobs.status import (
    job_report,
    reproductions_of,
    reproductions_report,
)
from coordination_tasks.commands.views.job_filter import job_filter, newest
from coordination_tasks.commands.views.prediction import Durations
from coordination_tasks.domain.errors import BadRequest, NotFound
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.web.live.acting.act_pages import ActPages
from coordination_tasks.web.live.acting.acts import ACTS, checked
from coordination_tasks.web.live.acting.sessions import bearer
from coordination_tasks.web.live.responses import as_document
from coordination_tasks.web.live.site import LiveSite
from coordination_tasks.wiring.reading import open_known

_FILTERS = ("state", "branch", "pipeline", "builder")
_MOST = 1000
_LATE = 3
"""So many intervals without a reading are a failure."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """Handlers. They raise what reading raises; `responses` makes JSON of it."""

    site: LiveSite
    acts: ActPages | None

    async def health(self, _request: Request) -> Response:
        """Whether the farm was read lately."""
        live = self.site.live
        at = live.read_at
        age = (utc_now() - at).total_seconds() if at else None
        well = age is not None and not live.problem and age < max(60.0, _LATE * live.every)
        words = live.problem or (None if well else "the farm has not been read lately")
        document = {"status": "ok" if well else "failing", "read_at": at, "problem": words}
        return as_document(document, 200 if well else 503)

    async def metrics(self, _request: Request) -> Response:
        """`doit metrics`."""
        text = await run_in_threadpool(self._metrics)
        return Response(text, media_type="text/plain; version=0.0.4")

    def _metrics(self) -> str:
        shown, config = self.site.shown(), self.site.config
        with open_known(config) as snapshot:
            farm = replace(shown.farm, snapshot=snapshot) if snapshot else shown.farm
            outbox = config.state_dir / "outbox.sqlite"
            found = figures(farm, outbox, is_reachable=not self.site.live.problem)
            return prometheus_text(found)

    async def farm(self, _request: Request) -> Response:
        """`doit status --json`."""
        return as_document(self.site.shown().report)

    async def jobs(self, request: Request) -> Response:
        """`doit jobs --json`, with its filters."""
        return as_document(await run_in_threadpool(self._jobs, request))

    def _jobs(self, request: Request) -> list[dict[str, object]]:
        query = request.query_params
        if unknown := sorted(query.keys() - {*_FILTERS, "since", "limit"}):
            raise BadRequest(f"unknown parameter {unknown[0][:60]!r}")
        chosen = job_filter(
            utc_now(),
            state=query.getlist("state"),
            branch=query.getlist("branch"),
            pipeline=query.getlist("pipeline"),
            builder=query.getlist("builder"),
            since=query.get("since", ""),
        )
        limit = query.get("limit", "100")
        if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit) <= _MOST):
            raise BadRequest(f"limit expects 1 to {_MOST}, found {limit[:20]!r}")
        with open_known(self.site.config) as snapshot:
            jobs = [job for job in snapshot.jobs() if chosen.takes(job)] if snapshot else []
        return [job_as_json(job) for job in newest(jobs, int(limit))]

    async def job(self, request: Request) -> Response:
        """`doit status JOB --json`."""
        return as_document(await run_in_threadpool(self._job, request.path_params["job"]))

    def _job(self, name: str) -> dict[str, Any]:
        with open_known(self.site.config) as snapshot:
            if snapshot is None:
                raise NotFound("the farm has not been read yet")
            job = snapshot.job(name)
            ended = snapshot.jobs() if job.state is State.RUNNING else ()
            left = Durations(ended).left(job, utc_now())
            again = reproductions_of(snapshot, job, self.site.config.allowed_signers)
            told = job_report(job, snapshot.transitions(name), left)
            return told | reproductions_report(job, again)

    async def act(self, request: Request) -> Response:
        """An act, with `Authorization: Bearer TOKEN` and its values as a JSON object."""
        person = self.acts.sessions.person_of(bearer(request.headers)) if self.acts else None
        if self.acts is None or person is None:
            refused = {"error": "a known token is needed: Authorization: Bearer TOKEN"}
            return as_document(refused | {"retryable": False}, 401 if self.acts else 403)
        name = request.path_params["act"]
        if name not in ACTS:
            raise NotFound(f"there is no act {name[:60]!r} (known: {', '.join(ACTS)})")
        act = ACTS[name]
        given = _object(await request.body())
        target = given.pop(act.target, "") if act.target else ""
        values = checked(act, given)
        if act.target and not target:
            raise BadRequest(f"{act.name} needs {act.target!r}")
        done = await run_in_threadpool(self.acts.run, act, person, target, values)
        return as_document({"done": done, "by": person})

    async def description(self, _request: Request) -> Response:
        """The interface as OpenAPI."""
        return as_document(openapi())


def _object(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body or b"{}")
    except ValueError as error:
        raise BadRequest(f"expected a JSON object: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise BadRequest("expected a JSON object whose members are text")
    return found


def openapi() -> dict[str, Any]:
    """The description (OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.0)."""
    listed = {"type": "array", "items": {"type": "string"}}
    filters = [_query(name, listed) for name in _FILTERS]
    acts = {
        f"/api/acts/{act.name}": {
            "post": {
                "summary": act.title,
                "security": [{"token": []}],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": [
                                    *([act.target] if act.target else []),
                                    *(each.name for each in act.fields if each.required),
                                ],
                                "properties": {
                                    **({act.target: {"type": "string"}} if act.target else {}),
                                    **{
                                        each.name: {"type": "string", "description": each.label}
                                        for each in act.fields
                                    },
                                },
                            }
                        }
                    }
                },
                "responses": _responses("what was done"),
            }
        }
        for act in ACTS.values()
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Build farm", "version": "1"},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "paths": {
            "/api/farm": _get("the farm now, as `doit status --json` writes it"),
            "/api/jobs": _get(
                "jobs, as `doit jobs --json` writes them",
                *filters,
                _query("since", {"type": "string"}),
                _query("limit", {"type": "integer", "minimum": 1, "maximum": _MOST}),
            ),
            "/api/jobs/{job}": _get(
                "one job, as `doit status JOB --json` writes it",
                {"name": "job", "in": "path", "required": True, "schema": {"type": "string"}},
            ),
            "/metrics": _get("the farm in figures, as `doit metrics` writes them"),
            "/healthz": _get("whether the farm was read lately: 200, otherwise 503"),
            **acts,
        },
    }


def _get(summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "parameters": list(parameters),
            "responses": _responses(summary),
        }
    }


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _responses(description: str) -> dict[str, Any]:
    failed = {
        "type": "object",
        "properties": {"error": {"type": "string"}, "retryable": {"type": "boolean"}},
    }
    return {
        "200": {"description": description, "content": {"application/json": {"schema": {}}}},
        "default": {
            "description": "why it failed, and whether the same request can succeed later",
            "content": {"application/json": {"schema": failed}},
        },
    }
