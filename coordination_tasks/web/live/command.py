"""`doit serve`: the farm in a browser, live."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from common.cli.command import OPTION_BUILDER, tell
from common.yaml.duration import parse_duration
from coordination_tasks.commands.base import FarmCommand, no_arguments
from coordination_tasks.domain.errors import BadRequest

_NEAR, _FAR = 1.0, 5.0
"""Seconds between two readings of a repository on this host, and of one that counts requests."""
_HIGHEST_PORT = 65535


class ServeCommand(FarmCommand):
    """doit command."""

    name = "serve"
    doc_purpose = "serve the farm to browsers, live; with a token file also the acts of people"
    doc_usage = "[--host ADDRESS] [--port N] [--tokens FILE] [--url URL] [--every TIME] [--jobs N]"
    doc_description = """
Serves the pages of `doit page` and keeps them up to date: open pages change within a second after
the farm was read. Logs, an Atom feed, badges and the JSON documents of the commands are served
with them; ?at=TIME shows the farm as it was. Without --tokens it only reads. docs/web.md has the
addresses, and how to put a proxy with HTTPS before it.

Exit codes: 0 ended by a signal, 1 cannot listen, 3 bad configuration or usage.
"""
    group = "look"
    cmd_options = (
        {"name": "host", "long": "host", "type": str, "default": "127.0.0.1",
         "help": "address to listen on [default: %(default)s]"},
        {"name": "port", "long": "port", "type": int, "default": 8080,
         "help": "port to listen on, 0: any free one [default: %(default)s]"},
        {"name": "tokens", "long": "tokens", "type": str, "default": "",
         "help": "file with a line `NAME: TOKEN` for each person who may act"},
        {"name": "url", "long": "url", "type": str, "default": "",
         "help": "address by which browsers reach it, such as https://farm.example.org/"},
        {"name": "every", "long": "every", "type": str, "default": "",
         "help": "time between two readings [default: 1s on this host's repository, 5s on others]"},
        {"name": "jobs", "long": "jobs", "type": int, "default": 200,
         "help": "how many jobs the lists show [default: %(default)s]"},
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        host: str,
        port: int,
        tokens: str,
        url: str,
        every: str,
        jobs: int,
        builder: str,
        pos_args: list[str],
    ) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        _check(host, port, jobs)
        near = config.coordination_repository.startswith("/")
        seconds = _seconds(every) if every else _NEAR if near else _FAR
        # the server takes a moment to import, and no other command needs it
        from coordination_tasks.web.live.acting.sessions import read_tokens  # noqa: PLC0415
        from coordination_tasks.web.live.run import Served, serve  # noqa: PLC0415

        served = Served(
            farm=self.farm,
            config=config,
            host=host,
            port=port,
            url=_checked_url(url),
            tokens=read_tokens(Path(tokens).expanduser()) if tokens else {},
            every=seconds,
            most_jobs=jobs,
            notice=_tell,
        )
        return serve(served)


def _tell(line: str) -> None:
    tell(f"doit serve: {line}")


def _check(host: str, port: int, jobs: int) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise BadRequest(f"--host expects an address such as 127.0.0.1, found {host!r}") from error
    if not 0 <= port <= _HIGHEST_PORT:
        raise BadRequest(f"--port expects 0 to {_HIGHEST_PORT}, found {port}")
    if jobs < 1:
        raise BadRequest(f"--jobs expects 1 or more, found {jobs}")


def _seconds(text: str) -> float:
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise BadRequest(f"--every: {error}") from error
    if found < 1:
        raise BadRequest(f"--every expects at least 1s, found {text!r}")
    return found


def _checked_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise BadRequest(
            f"--url expects an address such as https://farm.example.org/, found {text!r}"
        )
    if parts.query or parts.fragment:
        raise BadRequest(f"--url takes no query and no fragment, found {text!r}")
    return text if text.endswith("/") or not text else f"{text}/"
