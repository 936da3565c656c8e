"""Puts the server together and runs it until a signal."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import uvicorn

from common.cli.command import tell
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.timestamps import elapsed
from coordination_tasks.web.live.acting.act_pages import ActPages
from coordination_tasks.web.live.acting.sessions import Sessions
from coordination_tasks.web.live.application import Changes, make_application
from coordination_tasks.web.live.live_farm import LiveFarm, ShownFarm
from coordination_tasks.web.live.mcp_endpoint import mcp_endpoint
from coordination_tasks.web.live.site import LiveSite
from coordination_tasks.web.pages import Pages, Server
from coordination_tasks.wiring.farm import Farm

_BACKLOG = 128
_SWITCH = 0.0005
"""Seconds after which the thread that reads the farm must let an answer go on."""
_GRACE = 2
"""Seconds in which open answers may end."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """What is served, and where."""

    farm: Farm
    config: BuilderConfig
    host: str
    port: int
    url: str
    """Where browsers reach it; "": at the address on which it listens."""
    tokens: Mapping[str, str]
    """Names of those who may act, by token."""
    every: float
    """Seconds between two readings of the farm."""
    most_jobs: int
    notice: Callable[[str], None]


def serve(served: Served) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. Raises OSError: cannot listen."""
    sys.setswitchinterval(_SWITCH)
    listening = _listen(served.host, served.port)
    address = f"[{served.host}]" if ":" in served.host else served.host
    url = served.url or f"http://{address}:{listening.getsockname()[1]}/"
    pages = Pages(Server(every=elapsed(served.every), acts=bool(served.tokens)))
    changes = Changes()

    def changed(shown: ShownFarm) -> None:
        site.prepare(shown)
        changes.tell(shown)

    live = LiveFarm(
        config=served.config,
        every=served.every,
        most_pages=served.most_jobs,
        notice=served.notice,
        on_change=changed,
    )
    site = LiveSite(farm=served.farm, config=served.config, live=live, pages=pages)
    sessions = Sessions(tokens=served.tokens)
    is_secure = url.startswith("https:")
    acts = ActPages(site=site, sessions=sessions, is_secure=is_secure) if served.tokens else None
    config = uvicorn.Config(
        make_application(site, changes, acts, mcp_endpoint(site, sessions, url), url),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # the server ends at it, and raises it again
        signal.signal(number, lambda *_: None)
    _in_a_thread(live.look)
    tell(f"doit serve: {url} (until Ctrl-C)")
    uvicorn.Server(config).run(sockets=[listening])
    return 0


def _in_a_thread(action: Callable[[], None]) -> None:
    """Do it in a thread that ends, whose memory the thread that reads the farm takes over.

    glibc's malloc gives each thread an arena of its own, and what the main thread frees is lost to
    the others: a large farm would be paid for twice.
    """
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        words = f"cannot listen on {host} port {port}: {error.strerror}"
        raise OSError(error.errno, words) from error
    return listening
