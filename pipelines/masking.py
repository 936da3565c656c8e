"""Takes secrets out of texts that are kept or shown."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

MASK = "***"
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]+@")
_SHORTEST_LINE = 4
"""A line of a secret that is shorter, like a bracket, is masked only as part of the whole."""


def mask_url_credentials(text: str) -> str:
    """`https://user:password@host` as `https://***@host`; a user name alone may be a token."""
    return _URL_CREDENTIALS.sub(f"{MASK}@", text)


def mask(text: str, secrets: Collection[str]) -> str:
    """`text` without any of the secret values and without credentials in URLs."""
    for secret in hidden_texts(secrets):
        text = text.replace(secret, MASK)
    return mask_url_credentials(text)


def mask_data(value: Any, secrets: Collection[str]) -> Any:
    """JSON data with each text, also of keys, masked."""
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, Mapping):
        return {mask_data(key, secrets): mask_data(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_data(item, secrets) for item in value]
    return value


def hidden_texts(secrets: Collection[str]) -> list[str]:
    """What must not be shown of these secrets: each whole, and its lines; longest first.

    A key of several lines is seldom printed whole, but line by line.
    """
    lines = {
        line.strip()
        for secret in secrets
        for line in secret.splitlines()
        if len(line.strip()) >= _SHORTEST_LINE
    }
    return sorted({*filter(None, secrets), *lines}, key=lambda text: (-len(text), text))


class StreamMask:
    """Masks secrets in a stream of bytes that comes in pieces, wherever the pieces are cut."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._hidden = [text.encode() for text in hidden_texts(secrets)]
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """What can be shown by now; the begin of what may become a secret is held back."""
        data = self._masked(self._held + piece)
        keep = max((_overlap(data, secret) for secret in self._hidden), default=0)
        self._held = data[len(data) - keep :]
        return data[: len(data) - keep]

    def rest(self) -> bytes:
        """What was held back, now that nothing more comes."""
        data, self._held = self._held, b""
        return data

    def _masked(self, data: bytes) -> bytes:
        for secret in self._hidden:
            data = data.replace(secret, MASK.encode())
        return data


def _overlap(data: bytes, secret: bytes) -> int:
    """Length of the longest end of `data` that is a begin of `secret`, and not all of it."""
    longest = min(len(data), len(secret) - 1)
    return next((n for n in range(longest, 0, -1) if data.endswith(secret[:n])), 0)
