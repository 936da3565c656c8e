"""The server: which address shows what, and the line on which readers hear of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordination_tasks.web.live.acting.act_pages import ActPages
from coordination_tasks.web.live.api import Api
from coordination_tasks.web.live.feeds import atom, badge, last_state
from coordination_tasks.web.live.live_farm import ShownFarm
from coordination_tasks.web.live.mcp_endpoint import McpEndpoint
from coordination_tasks.web.live.responses import ERRORS, HEADERS, error_answer, html
from coordination_tasks.web.live.site import LiveSite, line_number
from coordination_tasks.web.site import STYLE

_SCRIPT = Path(__file__).parent / "static" / "live.js"
_PING = 15
"""Seconds between signs of life on a quiet line; proxies close one after 60."""
_LARGEST_BODY = 100_000
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(kw_only=True)
class Changes:
    """Wakes the readers that listen, from the thread that reads the farm."""

    number: int = 0
    _loop: asyncio.AbstractEventLoop | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def bind(self) -> None:
        """Use the event loop that runs."""
        self._loop = asyncio.get_running_loop()

    def tell(self, shown: ShownFarm) -> None:
        """The farm has changed."""
        if self._loop is None:
            self.number = shown.number
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, shown.number)

    async def after(self, number: int) -> int:
        """Wait for a change after this one; returns its number."""
        while self.number <= number:
            await self._changed.wait()
        return self.number

    def _tell(self, number: int) -> None:
        self.number = number
        self._changed.set()
        self._changed = asyncio.Event()


@dataclass(frozen=True, kw_only=True)
class Server:
    """Handlers of what everybody may read."""

    site: LiveSite
    changes: Changes
    url: str
    """Where browsers find this server; ends with a slash."""

    async def page(self, request: Request) -> Response:
        """A page about the farm."""
        name = request.path_params.get("name", "index")
        at = request.query_params.get("at", "")
        if not at and self.site.live.shown:  # made already, or soon
            return html(self.site.farm_page(name))
        return html(await run_in_threadpool(self.site.farm_page, name, at))

    async def job(self, request: Request) -> Response:
        """The page of a job."""
        at = request.query_params.get("at", "")
        return html(await run_in_threadpool(self.site.job_page, request.path_params["job"], at))

    async def log(self, request: Request) -> Response:
        """A part of a log."""
        names, query = request.path_params, request.query_params
        first, find = line_number(query.get("first", "")), query.get("find", "")[:1000]
        make = self.site.log_page
        page = await run_in_threadpool(make, names["job"], names["step"], first=first, find=find)
        return html(page)

    async def events(self, _request: Request) -> Response:
        """A line for each change of the farm."""
        return EventSourceResponse(self._events(), ping=_PING)

    async def _events(self) -> AsyncIterator[ServerSentEvent]:
        number = self.changes.number
        yield ServerSentEvent(event="farm", data=str(number))
        while True:
            number = await self.changes.after(number)
            yield ServerSentEvent(event="farm", data=str(number))

    async def feed(self, _request: Request) -> Response:
        """Jobs that ended, as Atom."""
        shown = self.site.shown()
        text = atom(shown.facts.ended, self.url, shown.read_at)
        return Response(text, media_type="application/atom+xml")

    async def badge(self, request: Request) -> Response:
        """The last state of a pipeline on a branch, as SVG."""
        names = request.path_params
        pipeline, branch = names["pipeline"], names["branch"]
        state = last_state(self.site.shown().facts.ended, pipeline, branch)
        return Response(badge(f"{pipeline} {branch}", state), media_type="image/svg+xml")


def make_application(
    site: LiveSite, changes: Changes, acts: ActPages | None, mcp: McpEndpoint, url: str
) -> Starlette:
    """The application; `acts` None: it only reads. `url` is where browsers find it."""
    server, api = Server(site=site, changes=changes, url=url), Api(site=site, acts=acts)
    routes: list[BaseRoute] = [
        _get("/", server.page),
        _get("/jobs/{job}/logs/{step}.html", server.log),
        _get("/jobs/{job}.html", server.job),
        _get("/events", server.events),
        _get("/feed.atom", server.feed),
        _get("/badges/{pipeline}/{branch:path}.svg", server.badge),
        _get("/healthz", api.health),
        _get("/metrics", api.metrics),
        _get("/api/openapi.json", api.description),
        _get("/api/farm", api.farm),
        _get("/api/jobs", api.jobs),
        _get("/api/jobs/{job:path}", api.job),
        Route("/api/acts/{act}", api.act, methods=["POST"]),
        _get("/style.css", _file(STYLE, "text/css")),
        _get("/live.js", _file(_SCRIPT, "text/javascript")),
    ]
    if acts:
        routes += [
            _get("/act", acts.overview),
            Route("/act/{act}", acts.act, methods=["POST"]),
            Route("/sign-in", acts.sign_in, methods=["POST"]),
            Route("/sign-out", acts.sign_out, methods=["POST"]),
        ]
    routes += [*mcp.routes, _get("/{name}.html", server.page)]

    async def failed(request: Request, error: Exception) -> Response:
        return error_answer(request, error, site.pages)

    @asynccontextmanager
    async def lifespan(_application: Starlette) -> AsyncIterator[None]:
        changes.bind()
        site.live.start()
        async with mcp.server.session_manager.run():
            yield
        site.live.end()

    hosts = [name for name in (urlsplit(url).hostname, "localhost", "127.0.0.1", "::1") if name]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers=dict.fromkeys(ERRORS, failed),
        middleware=[
            Middleware(Guarded),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts),
            Middleware(GZipMiddleware, minimum_size=2000),
        ],
    )


class Guarded:
    """Sets what every answer says to browsers, and refuses a body that is too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["type"] == "http" and _body_size(scope) > _LARGEST_BODY:
            answer = Response("the request is too large\n", 413, media_type="text/plain")
            await answer(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


def _body_size(scope: Scope) -> int:
    """What a request says of its body; one without an end that is known counts as too large."""
    headers = dict(scope["headers"])
    given = headers.get(b"content-length", b"")
    if given.isdigit():
        return int(given[:18])
    return _LARGEST_BODY + 1 if given or b"transfer-encoding" in headers else 0


def _get(path: str, handler: Handler) -> Route:
    return Route(path, handler, methods=["GET"])


def _file(path: Path, kind: str) -> Handler:
    async def answer(_request: Request) -> Response:
        return FileResponse(path, media_type=kind)

    return answer
