"""Collects evidence of why a command failed, while it writes. Pure.

Tools call tools: a compiler fails, then make, then dh, then dpkg-buildpackage. Only the first of
them shows why. The cause is the last failure that a tool explains itself, unless later output shows
that it was accepted; then it is the text above the next caller's complaint.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipelines.domain.errors import FailureCode
from pipelines.failures.signature import Role, Signature, compiled
from pipelines.failures.table import RANK, plain, signature_of, unprefixed

LAST_LINES = 20
_LINES_ABOVE = 6
_KEPT_FAILURES = 8
_KEPT_HITS = 15
_KEPT_BELOW = 8
_SHOWN_ITEMS = 3
_TEXT_BELOW = ("cmake", "gradle")
"""Tools that write sentences below a heading; the others list files, tests or packages."""
_STORED = 400
"""Characters of a line that are kept; with the numbers above less than 1 MB for any output."""
_GOES_ON = 3
"""Lines after which a complaint was not the end: its caller continued."""
_NOISE = re.compile(
    r"make(?:\[\d+\])?: (?:Entering|Leaving) directory |dpkg-[\w-]+: info: |\s+at \S|\s*$"
)
_UNFINISHED = re.compile(r"make(?:\[\d+\])?: \*\*\* Waiting for unfinished jobs")


@dataclass(slots=True)
class _Hit:
    signature: Signature
    line: str
    above: tuple[str, ...]
    below: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        yield from (*self.above, self.line, *self.below)


@dataclass(slots=True)
class _Failure:
    """Lines of one tool."""

    tool: str
    first: list[_Hit] = field(default_factory=list)
    latest: deque[_Hit] = field(default_factory=lambda: deque(maxlen=_KEPT_HITS))
    has_cause: bool = False
    accepted: bool = False

    def add(self, hit: _Hit) -> None:
        (self.first if len(self.first) < _KEPT_HITS else self.latest).append(hit)
        self.has_cause = self.has_cause or hit.signature.role is Role.CAUSE

    def drop_latest(self) -> None:
        (self.latest or self.first).pop()
        self.has_cause = any(hit.signature.role is Role.CAUSE for hit in self.hits())

    def hits(self) -> list[_Hit]:
        return [*self.first, *self.latest]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a command failed, as far as its output shows."""

    tool: str
    """Empty when no tool of the table matched: then `lines` are the last ones."""
    message: str
    lines: Sequence[str]
    code: FailureCode | None = None
    retry: bool = False
    file: str = ""
    line: int = 0
    what: str = ""


class Evidence:
    """Add each line of a command; it keeps less than 1 MB of any output."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._failures: deque[_Failure] = deque(maxlen=_KEPT_FAILURES)
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._open: _Hit | None = None
        self._plain = 0
        """Lines without a signature since the latest one with one."""
        self._complaint: tuple[str, ...] = ()
        """The lines above the first caller's complaint, and that complaint."""
        self._plain_before = 0
        """Lines without a signature between the latest failure and that complaint."""
        self._unfinished = False

    @property
    def last_lines(self) -> Sequence[str]:
        """The last lines of the whole output, without empty ones."""
        return tuple(self._last)

    def feed(self, text: str) -> None:
        """Add a line."""
        line = plain(text)
        if self._continues(line):
            self._last.append(line[:_STORED])
            return
        signature = signature_of(line)
        if signature is None:
            self._take_plain(line)
        elif signature.role is Role.ACCEPTED:
            self._forget()
        elif signature.role is Role.RELAY:
            self._take_complaint(line)
        else:
            self._take(signature, line)
        if line.strip():
            self._last.append(line[:_STORED])

    def _continues(self, line: str) -> bool:
        hit = self._open
        if hit and hit.signature.relays and not hit.below:
            self._drop_if_relay(hit, line)
            hit = self._open
        below = hit.signature.below if hit else None
        texts = (line, unprefixed(line))
        if hit and below and any(map(below.match, texts)):
            room = len(hit.below) < _KEPT_BELOW
            if line.strip() and room:
                hit.below.append(line[:_STORED])
            # If a tool reports nothing after it, all that follows in this form is its own.
            if room or hit.signature.at_end:
                return True
        self._open = None
        return False

    def _drop_if_relay(self, hit: _Hit, line: str) -> None:
        if not compiled(hit.signature.relays).match(line):
            return
        self._failures[-1].drop_latest()
        if not self._failures[-1].hits():
            self._failures.pop()
        self._open = None
        self._take_complaint(hit.line)

    def _take_plain(self, line: str) -> None:
        if _NOISE.match(line):
            return
        self._plain += 1
        if self._complaint and self._plain > _GOES_ON and not self._unfinished:
            for failure in self._failures:
                failure.accepted = True
            self._complaint, self._plain_before = (), 0

    def _take_complaint(self, line: str) -> None:
        self._unfinished = self._unfinished or bool(_UNFINISHED.match(line))
        if not self._complaint:
            self._complaint = (*list(self._last)[-_LINES_ABOVE:], line[:_STORED])
            self._plain_before = self._plain
        self._plain = 0

    def _take(self, signature: Signature, line: str) -> None:
        above = tuple(self._last)[-signature.before :] if signature.before else ()
        hit = _Hit(signature, line[:_STORED], above)
        latest = self._failures[-1] if self._failures else None
        if latest is None or latest.tool != signature.tool or latest.accepted:
            latest = _Failure(signature.tool)
            self._failures.append(latest)
        latest.add(hit)
        self._open = hit
        self._plain = 0
        if signature.role is Role.CAUSE:
            self._complaint, self._plain_before = (), 0

    def cause(self) -> Cause:
        """The cause, by the output so far."""
        found = next((each for each in reversed(self._failures) if each.has_cause), None)
        if found is None or self._was_accepted(found):
            return self._untold()
        ranked = sorted(found.hits(), key=lambda hit: RANK[id(hit.signature)])
        telling = ranked[0]
        coded = next((hit for hit in ranked if hit.signature.code), telling)
        lines = [line for hit in found.hits() for line in hit.lines()]
        match = telling.signature.pattern.match(telling.line) or telling.signature.pattern.match(
            unprefixed(telling.line)
        )
        groups = match.groupdict() if match else {}
        return Cause(
            tool=found.tool,
            message=_words(telling),
            lines=tuple(dict.fromkeys((*lines, *self._complaint))),
            code=coded.signature.code,
            retry=coded.signature.retry,
            file=groups.get("file") or "",
            line=int(groups.get("line") or 0),
            what=groups.get("what") or next(iter(telling.below), "").strip(),
        )

    def _was_accepted(self, failure: _Failure) -> bool:
        if failure.accepted:
            # If nothing failed in a new way, the earlier failure is the cause after all.
            return bool(self._complaint)
        says_no_more = failure.hits()[-1].signature.at_end
        after = self._plain_before if self._complaint else self._plain
        return says_no_more and after > 0 and failure is self._failures[-1]

    def _untold(self) -> Cause:
        lines = self._complaint or tuple(self._last)
        words = lines[-2:-1] if self._complaint else lines[-1:]
        return Cause(tool="", message=(words or ("",))[0].strip(), lines=lines)


def _words(hit: _Hit) -> str:
    """The line that shows the cause; for a heading, with what is below it: text or a list."""
    line = unprefixed(hit.line).strip().removeprefix("# ")
    below = [unprefixed(text).strip() for text in hit.below]
    if below and hit.signature.tool in _TEXT_BELOW:
        return f"{line} {below[0]}"
    if below and line.endswith(":"):
        more = ", …" if len(below) > _SHOWN_ITEMS else ""
        return f"{line} {', '.join(below[:_SHOWN_ITEMS])}{more}"
    return line
