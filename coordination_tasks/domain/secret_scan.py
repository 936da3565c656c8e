"""Finds text that looks like a secret and reports only its line and the rule, never the secret.

The rules are those of detect-secrets, except those that treat every long random word as a secret
(builds are full of commit ids and checksums) or every address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from coordination_tasks.domain.errors import SecretFound

_PATTERN_PLUGINS = (
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("basic_auth", "BasicAuthDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("jwt", "JwtTokenDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("private_key", "PrivateKeyDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("twilio", "TwilioKeyDetector"),
)
TRACES = re.compile(
    r"A3T|ABIA|ACCA|AKIA|ASIA|(?i:aws)|AccountKey=|://[^\s]+:[^\s]+@"
    r"|[MNO][\w-]{23,25}\.[\w-]{6}\.|gh[pousr]_|gl[a-z]{2,5}-|GR1348941|eyJ|[0-9a-z]{32}-us[0-9]"
    r"|_authToken|T3BlbkFJ|PRIVATE KEY|PuTTY|pypi-AgE|SG\.|(?i:xox|hooks\.slack)|sq0csp|k_live_"
    r"|(?:AC|SK)[a-z0-9]{32}"
)
"""Occurs in every text that matches a pattern of these plugins."""
KEYWORDS = re.compile(
    # not IGNORECASE, which is 15 times slower: looked for in lower case
    r"(?:api|auth|service|account|db|database|priv|private|client)_?key"
    r"|(?:db|database|key)_?pass|password|passwd|pwd|secret|contrase(?:ñ|n)a"
)
"""Without one of these words the slowest rule finds nothing."""
_KEYWORD = "Secret Keyword"
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_KEY_ENDS = re.compile(r"-----END [A-Z ]*PRIVATE KEY")
_LONGEST_LINE = 20_000
_BLOCK = 100
"""Lines."""
_SHORTEST = 6
_PROSE = re.compile(r"[\s()\[\]]")
_ANY_FILE = ""
_YAML = "any.yaml"
"""File types in which an unquoted value counts as a secret, too."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A line (from 1) that looks like a secret, and the rule that it matches."""

    line: int
    rule: str


def findings(text: str) -> Iterator[Finding]:
    """All lines of a text that look like secrets, including those inside a private key."""
    if not may_hold_one(text):
        return
    lines = text.split("\n")
    in_key = False
    for at in range(0, len(lines), _BLOCK):
        block = lines[at : at + _BLOCK]
        if not in_key and not may_hold_one("\n".join(block)):
            continue  # of a long log, only blocks that may have one are read line by line
        for number, line in enumerate(block, at + 1):
            begins = _KEY_BEGINS.search(line) is not None
            rule = "Private Key" if in_key or begins else _rule_of(line)
            if rule:
                yield Finding(number, rule)
            in_key = (in_key or begins) and not _KEY_ENDS.search(line)


def withhold(text: str) -> str:
    """`text` with a note in place of each line that looks like a secret."""
    rules = {finding.line: finding.rule for finding in findings(text)}
    if not rules:
        return text
    lines = enumerate(text.split("\n"), 1)
    return "\n".join(note(rules[n]) if n in rules else line for n, line in lines)


def note(rule: str) -> str:
    """The text in place of a withheld line."""
    return f"[withheld: {rule}]"


def refuse_secrets(what: str, text: str) -> None:
    """Raise SecretFound when a text that a person wrote, named `what`, contains a secret."""
    for finding in findings(text):
        raise SecretFound(f"{what}, line {finding.line}, looks like a secret ({finding.rule})")


def refuse_new_secrets(before: Iterable[bytes], files: Mapping[str, bytes | None]) -> None:
    """Raise SecretFound when a file has a secret in a line that was in none of `before`.

    A secret that others wrote earlier must not block our write.
    """
    old = [line for data in before for line in data.split(b"\n")]
    same = set(old)
    for path, data in files.items():
        # most lines are unchanged: only the others get the slow checks
        fresh = [_Line(n, line) for n, line in _numbered(data) if line not in same]
        if not _finding(fresh):
            continue
        known = {_bare(line) for line in old}
        found = _finding([line for line in fresh if _bare(line.data) not in known])
        if found:
            raise SecretFound(f"{path}:{found.line} looks like a secret ({found.rule})")


class _Line(NamedTuple):
    number: int
    data: bytes


def _numbered(data: bytes | None) -> Iterable[tuple[int, bytes]]:
    return enumerate(data.split(b"\n"), 1) if data else ()


def _finding(lines: Sequence[_Line]) -> Finding | None:
    """The first finding, with its own line number."""
    text = b"\n".join(line.data for line in lines).decode("utf-8", "replace")
    found = next(findings(text), None)
    return Finding(lines[found.line - 1].number, found.rule) if found else None


def _bare(line: bytes) -> bytes:
    return line.strip().rstrip(b",")


def may_hold_one(text: str) -> bool:
    """A quick check; False is certain: a rule that matches one line matches the whole text."""
    pieces = (text[at : at + _LONGEST_LINE] for at in range(0, len(text), _LONGEST_LINE // 2))
    return any(_may_fit(piece) for piece in pieces)


def _may_fit(text: str) -> bool:
    if not TRACES.search(text) and not _has_keyword(text):
        return False  # most texts: the plugins themselves take longer to import than to ask
    if any(pattern.search(text) for pattern in all_patterns()):
        return True
    return _has_keyword(text) and any(
        plugin.analyze_line(filename=kind_of_file, line=text, line_number=1)
        for plugin, kind_of_file in _keyword_judges()
    )


def _rule_of(line: str) -> str | None:
    # each piece overlaps half of the next one, so that no secret is cut in two
    pieces = range(0, len(line), _LONGEST_LINE // 2)
    return next((rule for at in pieces if (rule := _rule(line[at : at + _LONGEST_LINE]))), None)


def _rule(line: str) -> str | None:
    for plugin, kind_of_file in _judges(_has_keyword(line)):
        for found in plugin.analyze_line(filename=kind_of_file, line=line, line_number=1):
            if found.type != _KEYWORD or not _is_harmless(
                found.secret_value, line, is_quoted=not kind_of_file
            ):
                return str(found.type)
    return None


def _is_harmless(value: str, line: str, *, is_quoted: bool) -> bool:
    """Whether the text after a word like `password` is prose, or only refers to a password."""
    from detect_secrets.filters import heuristic  # noqa: PLC0415 - its import takes long

    if not is_quoted and (len(value) < _SHORTEST or _PROSE.search(value)):
        return True
    return bool(
        set(value) <= {"*", "x", "X", "."}
        or heuristic.is_prefixed_with_dollar_sign(value)
        or heuristic.is_templated_secret(value)
        or heuristic.is_not_alphanumeric_string(value)
        or heuristic.is_indirect_reference(line)
    )


def _has_keyword(text: str) -> bool:
    """Whether the text has a word like `password`."""
    return KEYWORDS.search(text.casefold()) is not None


def _judges(has_keyword: bool) -> tuple[tuple[Any, str], ...]:
    """The plugins to run, each with the type of file that it should expect."""
    others = tuple((plugin, _ANY_FILE) for plugin in _pattern_plugins())
    return (*others, *_keyword_judges()) if has_keyword else others


@cache
def _pattern_plugins() -> tuple[Any, ...]:
    return tuple(_plugin(*names) for names in _PATTERN_PLUGINS)


@cache
def all_patterns() -> tuple[re.Pattern[str], ...]:
    """Patterns of the plugins above: where none of them matches, the plugins find nothing."""
    return tuple(pattern for plugin in _pattern_plugins() for pattern in plugin.denylist)


@cache
def _keyword_judges() -> tuple[tuple[Any, str], ...]:
    keyword = _plugin("keyword", "KeywordDetector")
    return (keyword, _ANY_FILE), (keyword, _YAML)


def _plugin(module: str, name: str) -> Any:
    from importlib import import_module  # noqa: PLC0415 - see above

    return getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
