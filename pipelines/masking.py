"""Takes secrets out of texts that are kept or shown."""

from __future__ import annotations

import re
from collections.abc import Collection

MASK = "***"
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]+@")


def mask_url_credentials(text: str) -> str:
    """`https://user:password@host` as `https://***@host`; a user name alone may be a token."""
    return _URL_CREDENTIALS.sub(f"{MASK}@", text)


def mask(text: str, secrets: Collection[str]) -> str:
    """`text` without any of the secret values and without credentials in URLs."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return mask_url_credentials(text)
