"""Who may act: names and tokens of a file, and the sessions of browsers that signed in."""

from __future__ import annotations

import hmac
import re
import secrets
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coordination_tasks.domain.errors import BadRequest

_LINE = re.compile(r"(?P<name>[^\s#:][^:]{0,79}):\s*(?P<token>\S{16,200})")
_SECONDS = 12 * 3600.0
_MOST = 1000
SHORTEST_TOKEN = 16


def read_tokens(file: Path) -> Mapping[str, str]:
    """The names by token of a file of lines `NAME: TOKEN`. Raises BadRequest with the line."""
    try:
        text = file.read_text(encoding="utf-8")
        mode = file.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"cannot read the token file {file}: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadRequest(f"{file}: other users can read it. Run `chmod 600 {file}`.")
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        matched = _LINE.fullmatch(line.strip())
        if matched is None:
            raise BadRequest(
                f"{file}:{number}: expected `NAME: TOKEN` with a token of at least"
                f" {SHORTEST_TOKEN} characters; `openssl rand -hex 20` makes one"
            )
        if matched["token"] in found:
            raise BadRequest(f"{file}:{number}: this token is in the file twice")
        found[matched["token"]] = matched["name"].strip()
    if not found:
        raise BadRequest(f"{file}: expected at least one line `NAME: TOKEN`")
    return found


def bearer(headers: Mapping[str, str]) -> str:
    """The token of `Authorization: Bearer TOKEN`; "": there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser that signed in."""

    id: str
    person: str
    form_key: str
    """Stands in each form, so that no other site can send one (CSRF)."""
    until: float


@dataclass(kw_only=True)
class Sessions:
    """The sessions of this process; they end with it."""

    tokens: Mapping[str, str]
    monotonic: Callable[[], float] = time.monotonic
    _open: dict[str, Session] = field(init=False, default_factory=dict)

    def person_of(self, token: str) -> str | None:
        """The name that belongs to a token; None: there is none."""
        given = token.encode("utf-8", "surrogatepass")
        # all are compared, so that the time shows nothing
        found = [n for t, n in self.tokens.items() if hmac.compare_digest(t.encode(), given)]
        return found[0] if found else None

    def sign_in(self, token: str) -> Session | None:
        """A new session; None: the token is unknown."""
        person = self.person_of(token)
        if person is None:
            return None
        now = self.monotonic()
        self._open = {key: each for key, each in self._open.items() if each.until > now}
        while len(self._open) >= _MOST:
            del self._open[next(iter(self._open))]
        made = Session(
            id=secrets.token_urlsafe(32),
            person=person,
            form_key=secrets.token_urlsafe(32),
            until=now + _SECONDS,
        )
        self._open[made.id] = made
        return made

    def sign_out(self, session: Session) -> None:
        """End it."""
        self._open.pop(session.id, None)

    def find(self, key: str) -> Session | None:
        """The open session with this id."""
        found = self._open.get(key)
        return found if found and found.until > self.monotonic() else None
