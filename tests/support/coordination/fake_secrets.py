"""What looks like a secret, made up when it is used: no scanner is to find it in this file."""

from __future__ import annotations

import base64
import json
import random
import string

_WORD = string.ascii_letters + string.digits


def word(length: int, letters: str = _WORD) -> str:
    return "".join(random.Random(7).choices(letters, k=length))


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


AWS = "AK" + "IA" + word(16, string.ascii_uppercase)
GITHUB = "gh" + "p_" + word(36)
GITLAB = "gl" + "pat-" + word(20)
SLACK = "xo" + "xb-" + word(12, string.digits) + "-" + word(24)
JWT = ".".join((_part({"alg": "HS256", "typ": "JWT"}), _part({"sub": "builder"}), word(43)))
URL = "https://ann:" + word(12) + "@example.org/x.git"
PASSWORD = "pass" + "word=" + word(14)
KEY = "\n".join(
    (
        "-----BEGIN RSA PRIV" + "ATE KEY-----",
        word(64),
        word(30),
        "-----END RSA PRIV" + "ATE KEY-----",
    )
)
TOKENS = {
    "AWS Access Key": AWS,
    "GitHub Token": GITHUB,
    "GitLab Token": GITLAB,
    "Slack Token": SLACK,
    "JSON Web Token": JWT,
    "Basic Auth Credentials": URL,
    "Secret Keyword": PASSWORD,
    "Private Key": KEY,
}
