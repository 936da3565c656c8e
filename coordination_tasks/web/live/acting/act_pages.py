"""The pages on which people sign in and act: a form, a question, then the act."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from coordination_tasks.domain.errors import BadRequest, NotFound
from coordination_tasks.web.live.acting.acts import ACTS, Act, Order, acts_on, checked, who_acts
from coordination_tasks.web.live.acting.sessions import Session, Sessions
from coordination_tasks.web.live.responses import html, root_of
from coordination_tasks.web.live.site import LiveSite

_COOKIE = "session"
_CONTROL = {"form_key", "confirmed", "target"}
_TARGETS = ("job", "builder")
_LONGEST_TARGET = 5000


@dataclass(frozen=True, kw_only=True)
class ActPages:
    """Handlers. Without a session each of them shows the page on which one signs in."""

    site: LiveSite
    sessions: Sessions
    is_secure: bool
    """Whether browsers reach this server by HTTPS only."""

    async def overview(self, request: Request) -> Response:
        """What can be done: to the farm, or with ?job= and ?builder= to these."""
        session = self._session(request)
        if session is None:
            return self._sign_in_page(request)
        job, builder = (request.query_params.get(name, "") for name in _TARGETS)
        kind, target = ("job", job) if job else ("builder", builder) if builder else ("", "")
        forms = [(act, target) for act in acts_on(kind)]
        if not kind:
            forms += [(act, "all") for act in acts_on("builder")]
        return self._page(request, session, "live/act.html", forms=forms, target=target, kind=kind)

    async def act(self, request: Request) -> Response:
        """Ask whether it is meant, or do it. Raises what acts raise."""
        session = self._session(request)
        if session is None:
            return self._sign_in_page(request, 403)
        form = await request.form()
        _check_key(session, form)
        act = _act(request.path_params["act"])
        target = str(form.get("target", ""))[:_LONGEST_TARGET]
        values = checked(act, _values(form))
        if act.target and not target:
            raise BadRequest(f"{act.name} needs the {act.target}")
        if form.get("confirmed") != "yes":
            return self._page(
                request, session, "live/confirm.html", act=act, target=target, values=values
            )
        done = await run_in_threadpool(self.run, act, session.person, target, values)
        return self._page(request, session, "live/message.html", title="Done", words=f"{done}.")

    def run(self, act: Act, person: str, target: str, values: Mapping[str, str]) -> str:
        """Do it, and let the pages show it; returns what was done."""
        order = Order(
            farm=self.site.farm,
            config=self.site.config,
            who=who_acts(person),
            target=target,
            values=values,
        )
        try:
            return act.run(order)
        finally:
            self.site.live.look_now()

    async def sign_in(self, request: Request) -> Response:
        """Begin a session with a token."""
        form = await request.form()
        session = self.sessions.sign_in(str(form.get("token", "")))
        if session is None:
            return self._sign_in_page(request, 403, "This token is unknown.")
        answer = RedirectResponse(f"act{_query(form)}", 303)
        answer.set_cookie(
            _COOKIE, session.id, httponly=True, samesite="strict", secure=self.is_secure
        )
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        session = self._session(request)
        if session is not None:
            _check_key(session, await request.form())
            self.sessions.sign_out(session)
        return RedirectResponse("index.html", 303)

    def _session(self, request: Request) -> Session | None:
        return self.sessions.find(request.cookies.get(_COOKIE, ""))

    def _sign_in_page(self, request: Request, status: int = 200, problem: str = "") -> Response:
        root = root_of(request)
        wanted = {name: request.query_params.get(name, "") for name in _TARGETS}
        page = self.site.pages.render(
            "live/sign_in.html", page="act", root=root, problem=problem, wanted=wanted
        )
        return html(page, status)

    def _page(self, request: Request, session: Session, template: str, **values: Any) -> Response:
        root = root_of(request)
        page = self.site.pages.render(template, page="act", root=root, session=session, **values)
        return html(page)


def _act(name: str) -> Act:
    if name not in ACTS:
        raise NotFound(f"there is no act {name[:60]!r} (known: {', '.join(ACTS)})")
    return ACTS[name]


def _query(form: FormData) -> str:
    """What the person wanted to act on before signing in."""
    wanted = {name: str(form[name]) for name in _TARGETS if form.get(name)}
    return f"?{urlencode(wanted)}" if wanted else ""


def _values(form: FormData) -> dict[str, str]:
    return {name: str(value) for name, value in form.items() if name not in _CONTROL}


def _check_key(session: Session, form: FormData) -> None:
    given = str(form.get("form_key", "")).encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(session.form_key.encode(), given):
        raise BadRequest("this form is not from this page: open it again")
