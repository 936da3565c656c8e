"""Secrets that only their place gives away: headers, options, elements, addresses, settings.

Each rule matches one line, and names the group that holds the value. What stands for a value
(`${env.X}`, `***`, `$TOKEN`, `<token>`) is none.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import cache

_PLACEHOLDER = re.compile(
    r"[*xX.•#-]+"
    r"|.*(?:\$\{|\$\(|\{\{|%\(|<[A-Za-z]|\[(?:withheld|masked|redacted|hidden)|\*\*\*|\.\.\.).*"
    r"|\$[A-Za-z_].*|%[A-Za-z_]+%?|@[A-Z_a-z.]+@|(?:your|my|the|some|example|changeme|redacted)\b.*"
    r"|(?i:null|none|nil|undefined|true|false|yes|no|empty|unknown|required|optional|missing)",
    re.DOTALL,
)
_MIXED = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])")
_USER_AND_PASSWORD = re.compile(r"[\x21-\x7e]+:[\x20-\x7e]+")

_KEYS = (
    r"(?:password|passwd|passphrase|passcode|secret|credential|api[_.-]?key|access[_.-]?key"
    r"|private[_.-]?key|signing[_.-]?key|encryption[_.-]?key|_token|(?:auth|access|api|refresh"
    r"|bearer|session|deploy|personal|job|bot|oauth|id|security|registry|vault)[.-]?token)"
)


@dataclass(frozen=True, slots=True)
class _Context:
    """A place of secrets; `least` is the length of the shortest value."""

    rule: str
    text: str
    """A regular expression, whatever the case, with a group `value`."""
    least: int = 4
    mixed: bool = False
    """Whether the value must have letters and digits: words stand there as well."""
    pair: bool = False
    """Whether the value is a user and a password in base64."""

    def fits(self, line: str) -> bool:
        """Whether the line has such a secret."""
        found = _compiled(self.text).finditer(line)
        return any(self._is_value(each["value"]) for each in found)

    def _is_value(self, value: str) -> bool:
        if len(value) < self.least or _PLACEHOLDER.fullmatch(value):
            return False
        if self.pair:
            return _is_pair(value)
        return not self.mixed or _MIXED.match(value) is not None


@cache
def _compiled(text: str) -> re.Pattern[str]:
    # when it is needed: most commands scan nothing
    return re.compile(text, re.IGNORECASE)


_VALUE = r"(?P<value>[^\s\"'<>,;&]+)"
_CONTEXTS = (
    _Context(
        "Authorization Header",
        rf"authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|token|apikey|digest|negotiate)\s+{_VALUE}",
        least=8,
    ),
    _Context(
        "Authorization Header", r"\bbearer[ +](?P<value>[\w.~+/=-]{16,})", least=16, mixed=True
    ),
    _Context("Basic Auth Credentials", r"\bbasic[ +](?P<value>[A-Za-z0-9+/_-]{8,}=*)", pair=True),
    _Context("Basic Auth Credentials", r"\"auth\"\s*:\s*\"(?P<value>[^\"]+)\"", pair=True),
    _Context("Basic Auth Credentials", r"\b_auth\s*=\s*(?P<value>\S+)", pair=True),
    _Context(
        "Authorization Header",
        r"(?:x-[\w-]*(?:key|token|secret)|private-token|job-token|deploy-token|api-?key)[\"']?"
        rf"\s*[:=]\s*[\"']?{_VALUE}",
        least=12,
        mixed=True,
    ),
    _Context("Netrc Password", r"\blogin\s+\S+\s+password\s+(?P<value>\S+)"),
    _Context(
        "Password Element",
        r"(?:password|passphrase|secret|api-?key)>\s*(?P<value>[^<\s]+)\s*</",
    ),
    _Context(
        "Password Option",
        # Java properties, not macros of C
        r"-D[\w.-]{0,60}(?-i:[pP]assword|[pP]assphrase|[pP]asswd|[sS]ecret|[aA]pi[.-]?[kK]ey|[tT]oken)"
        r"=[\"']?(?P<value>[^\s\"'/\\][^\s\"']+)",
    ),
    _Context(
        "Password Option",
        r"(?<!\S)--?[\w-]{0,40}(?:password|passphrase|passwd|secret|token|api-?key)"
        rf"[= ][\"']?{_VALUE}",
        least=6,
        mixed=True,
    ),
    _Context(
        "Password Option",
        r"\bcurl\b.{0,500}\s(?:-u|--user)[= ]?[\"']?[^\s:\"']+:(?P<value>[^\s\"']+)",
    ),
    _Context("Password Option", r"\bsshpass\s+-p\s*[\"']?(?P<value>[^\s\"']+)"),
    _Context(
        "Basic Auth Credentials",
        r"[a-z0-9]://[^\s/:@\"'<>\[\]]*:(?P<value>[^\s/@\"'<>\[\]]+)@(?=[\w\[])",
        least=3,
    ),
    _Context(
        "Token in Address",
        r"https?://(?P<value>[\w.~-]{16,})@(?=\w)",
        least=16,
        mixed=True,
    ),
    _Context(
        "Secret in Query",
        r"[?&;](?:sig|signature|password|passwd|pwd|secret|token|access_token|api_?key|key)"
        r"=(?P<value>[\w%.~+/=-]+)",
        least=8,
        mixed=True,
    ),
    _Context(
        "Kubernetes Credential", r"client-key-data[\"']?\s*:\s*[\"']?(?P<value>[A-Za-z0-9+/=]{40,})"
    ),
    _Context(
        "Secret Setting",
        rf"{_KEYS}[\w.-]{{0,30}}[\"']?\s*[:=]\s*[\"']?"
        r"(?!/|~|\.|[a-z]:\\|https?:)(?P<value>[^\s\"'<>,;&()]+)",
        least=16,
        mixed=True,
    ),
    _Context(
        "Secret Setting",
        r"^\s*(?:export\s+)?token[\"']?\s*[:=]\s*[\"']?(?P<value>[\w.~+=-]{20,})",
        least=20,
        mixed=True,
    ),
    _Context("Database Password", r"\b(?:PGPASSWORD|MYSQL_PWD|REDISCLI_AUTH)=[\"']?" + _VALUE),
    _Context("Account Key", r"(?:accountkey|sharedaccesskey)=(?P<value>[A-Za-z0-9+/]{20,}={0,2})"),
    _Context("WireGuard Key", r"\b(?:private|preshared)key\s*=\s*(?P<value>[A-Za-z0-9+/]{43}=)"),
)
_TRACE = re.compile(
    r"authorization|bearer[ +]|basic[ +]|\"auth\"|x-[\w-]{0,20}(?:key|secret)|api-?key"
    # not the fencing token in each of our own records
    r"|token[\"'>]?\s{0,3}[=: ]?\s{0,3}[\"']?[^\s\"'<>]{4}"
    r"|login\s|password|passphrase|passwd|passcode|secret|://[^\s/@]{3,}@"
    r"|[?&;](?:sig|pwd|key)[a-z]{0,6}=|-key-data|_auth|sshpass|curl |accountkey|accesskey"
    r"|presharedkey|(?:private|access|signing|encryption|api)[_.-]?key|credential|mysql_pwd"
    r"|rediscli_auth"
    # what only the rules of detect-secrets look for
    r"|pwd|(?:auth|service|account|db|database|priv|client)_?key|(?:db|database|key)_?pass|contrase"
)
"""Occurs in lower case in every text that matches one of the rules, or a keyword of the scanner."""


_WORDS = (
    *("authoriz", "bearer", "basic", '"auth"', "key", "login", "pass", "pwd", "secret", "curl "),
    *("credential", "contrase", "_auth", "sig=", "signature="),
)
"""One of these, a token with a value, or an address with @ is in all that _TRACE matches."""
_TOKEN = re.compile(r"token[\"'>]?\s{0,3}[=: ]?\s{0,3}[\"']?[^\s\"'<>]{4}")


def may_have_context(lower: str) -> bool:
    """A quick check of a text in lower case; False is certain."""
    # looking for words is ten times as fast as the pattern
    has_word = any(word in lower for word in _WORDS) or ("://" in lower and "@" in lower)
    return (has_word or _TOKEN.search(lower) is not None) and _TRACE.search(lower) is not None


def context_rule(line: str) -> str | None:
    """The rule of the first place of a secret in the line that has a value."""
    return next((context.rule for context in _CONTEXTS if context.fits(line)), None)


def _is_pair(value: str) -> bool:
    """Whether base64 text is a user and a password."""
    try:
        padded = value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return _USER_AND_PASSWORD.fullmatch(text) is not None
