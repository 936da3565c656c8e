"""The server of the Model Context Protocol at /mcp, for clients that speak it over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.routing import BaseRoute

from coordination_tasks.agents.mcp.server import make_server
from coordination_tasks.agents.mcp.workplace import Workplace
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.web.live.acting.sessions import Sessions, bearer
from coordination_tasks.web.live.site import LiveSite

_HERE = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, kw_only=True)
class McpEndpoint:
    """The server and its route; the server works between start and end of the application."""

    server: MCPServer
    routes: tuple[BaseRoute, ...]


def mcp_endpoint(site: LiveSite, sessions: Sessions, url: str) -> McpEndpoint:
    """For requests to `url` or this host; acts need a token of `sessions`."""

    def person(headers: Mapping[str, str]) -> str:
        found = sessions.person_of(bearer(headers))
        if found is None:
            how = "send `Authorization: Bearer TOKEN` with a token of the server's token file"
            raise BadRequest(f"acts need a known token: {how}, or only read")
        return found

    server = make_server(Workplace(farm=site.farm, config=site.config, person=person))
    parts = urlsplit(url)
    hosts = [*_HERE, *([parts.netloc] if parts.netloc else [])]
    application = server.streamable_http_app(
        transport_security=TransportSecuritySettings(
            allowed_hosts=[*hosts, *(f"{host}:*" for host in hosts)],
            allowed_origins=[f"{parts.scheme}://{parts.netloc}"],
        )
    )
    return McpEndpoint(server=server, routes=tuple(application.routes))
