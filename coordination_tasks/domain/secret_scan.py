"""Finds text that looks like a secret and reports only its line and the rule, never the secret.

Three kinds of rules: formats of tokens (`secret_formats`), places of secrets (`secret_contexts`),
and the rules of detect-secrets, except those that treat every long random word as a secret (builds
are full of commit ids and checksums) or every address. The first two are also applied to what is
encoded in base64.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from coordination_tasks.domain.errors import SecretFound
from coordination_tasks.domain.secret_contexts import context_rule, may_have_context
from coordination_tasks.domain.secret_formats import SHORTEST_TOKEN, token_rule

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
    r"A3T|ABIA|ACCA|AKIA|ASIA|(?i:aws)|AccountKey=|://[^\s:/?#@]+:[^\s:/?#@]+@"
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
_PRIVATE_KEY = "Private Key"
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File-\d")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY|Private-MAC:")
_NETRC_LINES = re.compile(
    r"^[^\S\n]*(?:machine|login)[^\S\n]+\S+[^\S\n]*\r?\n[^\S\n]*password[^\S\n]+\S+[^\S\n]*\r?$",
    re.MULTILINE,
)
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_ENCODED_LINES = re.compile(
    r"^(?:[^\S\n]*[A-Za-z0-9+/]{60,}\r?\n)+[^\S\n]*[A-Za-z0-9+/]+={0,2}[^\S\n]*\r?$", re.MULTILINE
)
_HEX = re.compile(r"[0-9a-fA-F-]+")
_READABLE = re.compile(r"[\t\n\r\x20-\x7e]+")
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
    lines, together = text.split("\n"), dict(_blocks(text))
    in_key = False
    for at in range(0, len(lines), _BLOCK):
        block = lines[at : at + _BLOCK]
        known = any(number in together for number in range(at + 1, at + 1 + len(block)))
        if not in_key and not known and not may_hold_one("\n".join(block)):
            continue  # of a long log, only blocks that may have one are read line by line
        for number, line in enumerate(block, at + 1):
            begins = _KEY_BEGINS.search(line) is not None
            rule = _PRIVATE_KEY if in_key or begins else together.get(number) or _rule_of(line)
            if rule:
                yield Finding(number, rule)
            in_key = (in_key or begins) and not _KEY_ENDS.search(line)


def rule_of(text: str) -> str:
    """The rule by which a text looks like a secret; "": it does not."""
    found = next(findings(text), None)
    return found.rule if found else ""


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
    return any(map(_may_fit, _pieces(text))) or any(_blocks(text))


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces of whole lines; a longer line in pieces that overlap by half."""
    begin = 0
    while begin < len(text):
        end = text.rfind("\n", begin, begin + _LONGEST_LINE) + 1
        if end <= begin:
            line_end = text.find("\n", begin) + 1 or len(text)
            yield from _overlapping(text[begin:line_end])
            end = line_end
        elif len(text) - begin <= _LONGEST_LINE:
            end = len(text)
            yield text[begin:]
        else:
            yield text[begin:end]
        begin = end


def _overlapping(line: str) -> Iterator[str]:
    # each piece overlaps half of the next one, so that no secret is cut in two
    return (line[at : at + _LONGEST_LINE] for at in range(0, len(line), _LONGEST_LINE // 2))


def _may_fit(text: str) -> bool:
    words, lower = _long_words(text), text.casefold()
    # most texts: the plugins themselves take longer to import than to ask
    is_traced = TRACES.search(words) is not None or "aws" in lower
    if is_traced and any(pattern.search(text) for pattern in all_patterns()):
        return True
    if _KEY_BEGINS.search(text) or _word_rule(words):
        return True
    if not may_have_context(lower):
        return False
    return any(map(context_rule, _with_context(text, lower))) or (
        KEYWORDS.search(lower) is not None
        and any(
            plugin.analyze_line(filename=kind_of_file, line=text, line_number=1)
            for plugin, kind_of_file in _keyword_judges()
        )
    )


def _with_context(text: str, lower: str) -> Iterator[str]:
    lines = zip(text.split("\n"), lower.split("\n"), strict=True)
    return (line for line, low in lines if may_have_context(low))


def _long_words(text: str) -> str:
    return " ".join([word for word in text.split() if len(word) >= SHORTEST_TOKEN])


def _word_rule(words: str) -> str | None:
    """The rule of the first token in these words, or in base64 in them."""
    return token_rule(words) or _decoded_rule(words)


def _decoded_rule(text: str) -> str | None:
    for found in _ENCODED.finditer(text):
        if rule := _rule_of_decoded(found[0]):
            return rule
    return None


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are secret together, with their rule: in base64, or in a .netrc file."""
    for found in _ENCODED_LINES.finditer(text):
        if rule := _rule_of_decoded("".join(found[0].split())):
            yield from ((number, rule) for number in _line_numbers(found))
    for found in _NETRC_LINES.finditer(text):
        yield from ((number, "Netrc Password") for number in _line_numbers(found))


def _line_numbers(found: re.Match[str]) -> range:
    first = found.string.count("\n", 0, found.start()) + 1
    return range(first, first + found[0].count("\n") + 1)


def _rule_of_decoded(encoded: str) -> str | None:
    if _HEX.fullmatch(encoded):
        return None
    try:
        bare = encoded.rstrip("=")
        padded = bare[: len(bare) - (len(bare) % 4 == 1)] + "=" * (-len(bare) % 4)
        text = base64.b64decode(padded, altchars=b"-_").decode("ascii")
    except (binascii.Error, ValueError):
        return None
    if not _READABLE.fullmatch(text):
        return None
    if _KEY_BEGINS.search(text):
        return _PRIVATE_KEY
    return token_rule(text) or next(filter(None, map(context_rule, text.split("\n"))), None)


def _rule_of(line: str) -> str | None:
    return next((rule for piece in _overlapping(line) if (rule := _rule(piece))), None)


def _rule(line: str) -> str | None:
    if rule := _word_rule(_long_words(line)):
        return rule
    lower = line.casefold()
    if not may_have_context(lower):
        return _plugin_rule(line, has_keyword=False)
    return context_rule(line) or _plugin_rule(line, has_keyword=KEYWORDS.search(lower) is not None)


def _plugin_rule(line: str, *, has_keyword: bool) -> str | None:
    for plugin, kind_of_file in _judges(has_keyword):
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
