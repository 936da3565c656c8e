"""Answers of the server, errors among them, and what every answer says to browsers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from common.errors import ApplicationError
from coordination_tasks.commands.base import as_json
from coordination_tasks.domain.errors import CoordinationError, NotFound, in_words
from coordination_tasks.web.pages import Pages

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""Of every answer: no script and no request but our own, in no frame of another page."""


def html(page: bytes, status: int = 200) -> Response:
    """A page."""
    return Response(page, status, media_type="text/html; charset=utf-8")


def as_document(value: object, status: int = 200) -> Response:
    """A JSON document, as `--json` writes it."""
    return Response(as_json(value) + "\n", status, media_type="application/json")


def status_of(error: BaseException) -> int:
    """The status of an answer to a request that failed so."""
    if isinstance(error, NotFound):
        return 404
    later = isinstance(error, CoordinationError) and error.retryable
    return 503 if later or isinstance(error, OSError) else 400


def error_answer(request: Request, error: Exception, pages: Pages) -> Response:
    """What went wrong, in one line, for a person or a program."""
    words = in_words(error) if isinstance(error, OSError) else str(error).strip()
    status = status_of(error)
    if request.url.path.startswith("/api/"):
        return Response(
            json.dumps({"error": words, "retryable": status == 503}) + "\n",  # noqa: PLR2004
            status,
            media_type="application/json",
        )
    return html(message_page(pages, "This did not work", words, root=root_of(request)), status)


def message_page(pages: Pages, title: str, words: str, *, root: str = "") -> bytes:
    """A page with one sentence."""
    return pages.render("live/message.html", page="", root=root, title=title, words=words)


def root_of(request: Request) -> str:
    """The way from a page back to the first one: each folder of its address is one step."""
    return "../" * max(0, request.url.path.count("/") - 1)


ERRORS = (ApplicationError, OSError)
"""What an answer reports; anything else is a defect."""
