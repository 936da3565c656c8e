"""Masks declared secrets, and credentials in URLs, in texts that are kept, sent or shown. Pure.

What only looks like a secret is a matter of `coordination_tasks/domain/secret_scan.py`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, AnyStr

MASK = "***"
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]+@")
_SHORTEST_PART = 4
"""A shorter line of a secret, like a bracket, is masked only as part of the whole secret."""
_SHORTEST_ENCODED = 8
"""A shorter text in base64 would occur by chance."""
_WIDTHS = (64, 76)
"""Of the lines that programs wrap base64 into."""
_SHORTEST_LINE = 16
_URL_SAFE = str.maketrans("+/", "-_")


def mask_url_credentials(text: str) -> str:
    """`https://user:password@host` as `https://***@host`; a user name alone may be a token."""
    return _URL_CREDENTIALS.sub(f"{MASK}@", text)


def mask(text: str, secrets: Collection[str]) -> str:
    """`text` without any of the secret values and without credentials in URLs."""
    return mask_url_credentials(mask_secrets(text, secrets))


def mask_secrets(text: str, secrets: Collection[str]) -> str:
    """`text` without any of the secret values; for a text that is run again later."""
    shown, begin = "", 0
    for start, end in _joined(_found(text, hidden_texts(secrets))):
        shown += text[begin:start] + MASK
        begin = end
    return shown + text[begin:]


def mask_data(value: Any, secrets: Collection[str]) -> Any:
    """JSON data with each text masked, keys included."""
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, Mapping):
        return {mask_data(key, secrets): mask_data(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_data(item, secrets) for item in value]
    return value


def hidden_texts(secrets: Collection[str]) -> list[str]:
    """The texts to mask: each complete secret, parts of it, and both encoded; longest first.

    A key of several lines is often printed line by line, and the newline at the end of a file is
    seldom printed at all.
    """
    parts = {part.strip() for secret in secrets for part in (secret, *secret.splitlines())}
    long_enough = {part for part in parts if len(part) >= _SHORTEST_PART}
    whole = {*filter(None, secrets), *long_enough}
    encoded = {text for part in whole if len(part) >= _SHORTEST_ENCODED for text in _encoded(part)}
    return sorted(whole | encoded, key=lambda text: (-len(text), text))


@lru_cache
def _encoded(secret: str) -> frozenset[str]:
    """The secret in hex and in base64, alone or inside a longer text, in one line or wrapped."""
    data = secret.encode("utf-8", "surrogateescape")
    texts = {data.hex(), data.hex().upper()}
    for before in range(3):
        # the first and the last letters also depend on the text around the secret
        text = base64.b64encode(bytes(before) + data).decode()
        texts.add(text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6])
    whole = base64.b64encode(data).decode()
    lines = (whole[at : at + width] for width in _WIDTHS for at in range(0, len(whole), width))
    texts |= {line for line in lines if len(line) >= _SHORTEST_LINE}
    return frozenset(texts | {text.translate(_URL_SAFE) for text in texts})


class StreamMask:
    """Masks secrets in a stream of bytes that arrives in pieces, wherever it is cut."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._hidden = [text.encode("utf-8", "surrogateescape") for text in hidden_texts(secrets)]
        self._held = b""
        self._covered = 0
        """How many of the retained bytes belong to a secret whose mask was already returned."""

    def feed(self, piece: bytes) -> bytes:
        """The text that can be shown now; the start of a possible secret is retained."""
        data = self._held + piece
        keep = max((_overlap(data, secret) for secret in self._hidden), default=0)
        return self._show(data, len(data) - keep)

    def rest(self) -> bytes:
        """The retained rest, when nothing more arrives."""
        return self._show(self._held, len(self._held))

    def _show(self, data: bytes, until: int) -> bytes:
        """The data before `until`, masked; the rest is retained unchanged."""
        shown, begin, covered = [], 0, 0
        for start, end in _joined(chain([(-1, self._covered)], _found(data, self._hidden))):
            if start >= until:
                break
            if start >= 0:
                shown += [data[begin:start], MASK.encode()]
            begin, covered = min(end, until), max(end - until, 0)
        shown.append(data[begin:until])
        self._held, self._covered = data[until:], covered
        return b"".join(shown)


def _found(text: AnyStr, hidden: Iterable[AnyStr]) -> Iterator[tuple[int, int]]:
    """Start and end of each occurrence, including those inside another one."""
    for secret in hidden:
        start = text.find(secret)
        while start >= 0:
            yield start, start + len(secret)
            start = text.find(secret, start + 1)


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, with overlapping ones merged."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _overlap(data: bytes, secret: bytes) -> int:
    """Length of the longest end of `data` that is an incomplete start of `secret`."""
    longest = min(len(data), len(secret) - 1)
    return next((n for n in range(longest, 0, -1) if data.endswith(secret[:n])), 0)
