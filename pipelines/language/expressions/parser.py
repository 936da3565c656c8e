"""The text after `when:` to an expression. The grammar is our own, so a condition runs no code.

    condition  = and-part { "or" and-part }
    and-part   = not-part { "and" not-part }
    not-part   = "not" not-part | "(" condition ")" | comparison
    comparison = operand [ ("==" | "!=") operand ] | call
    call       = ("matches" | "changed") "(" operand { "," operand } ")"
    operand    = name.with.dots | 'text' | "text" | number | true | false

`success`, `failure` and `always` are conditions; one that has none of them means `success and (…)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from common.yaml.findings import did_you_mean
from pipelines.domain.expressions import (
    And,
    Changed,
    Equal,
    Expression,
    Literal,
    Matches,
    Not,
    Operand,
    Or,
    Status,
    When,
)
from pipelines.language.expressions.references import MARK, reference

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'[^']*'|"[^"]*")
    | (?P<number>-?\d+(?![\w.]))
    | (?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)
    | (?P<sign>==|!=|[(),])
    )""",
    re.VERBOSE,
)
_OF_OTHERS = (("&&", "and"), ("||", "or"), ("!", "not"), ("=", "=="))
"""Operators of other languages, and ours."""
_MAX_LENGTH = 1000
_MAX_DEPTH = 20
_WORDS = ("and", "or", "not")
_CALLS = ("matches", "changed")
_STATUSES = tuple(Status)


def parse_when(text: str) -> When:
    """Parse a condition. Raises ValueError with the error and its place."""
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"longer than {_MAX_LENGTH} characters")
    if MARK in text:
        raise ValueError("write names in a condition without ${{ }}")
    expression = _Parser(_tokens(text)).whole()
    when = When(text, expression)
    if any(when.mentions(status) for status in Status):
        return when
    return When(text, And((Status.SUCCESS, expression)))


Token = tuple[str, str]
_END: Token = ("end", "")


def _tokens(text: str) -> list[Token]:
    found = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:].strip()
            hints = (f"; write '{ours}'" for sign, ours in _OF_OTHERS if rest.startswith(sign))
            raise ValueError(f"unexpected '{rest[:30]}'{next(hints, '')}")
        kind = str(match.lastgroup)
        found.append((kind, match[kind]))
        position = match.end()
    return [*found, _END]


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0

    def whole(self) -> Expression:
        expression = self._either()
        if self._token != _END:
            raise self._wrong("'and' or 'or'")
        return expression

    @property
    def _token(self) -> Token:
        return self._tokens[self._position]

    def _wrong(self, wanted: str) -> ValueError:
        found = f", found '{self._token[1]}'" if self._token != _END else " at the end"
        return ValueError(f"expected {wanted}{found}")

    def _next(self) -> Token:
        token = self._token
        self._position += 1
        return token

    def _takes(self, word: str) -> bool:
        if self._token[0] in ("name", "sign") and self._token[1] == word:
            self._position += 1
            return True
        return False

    def _either(self) -> Expression:
        parts = self._parts("or", self._both)
        return parts[0] if len(parts) == 1 else Or(parts)

    def _both(self) -> Expression:
        parts = self._parts("and", self._negated)
        return parts[0] if len(parts) == 1 else And(parts)

    def _parts(self, word: str, part: Callable[[], Expression]) -> tuple[Expression, ...]:
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return tuple(parts)

    def _negated(self) -> Expression:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
        try:
            if self._takes("not"):
                return Not(self._negated())
            if self._takes("("):
                inner = self._either()
                self._expect(")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise self._wrong(f"'{sign}'")

    def _comparison(self) -> Expression:
        kind, word = self._token
        if kind == "name" and word in _STATUSES:
            self._next()
            return Status(word)
        if kind == "name" and self._tokens[self._position + 1] == ("sign", "("):
            return self._call()
        left = self._operand()
        if self._takes("=="):
            return Equal(left, self._operand())
        if self._takes("!="):
            return Not(Equal(left, self._operand()))
        return left

    def _call(self) -> Expression:
        name = self._next()[1]
        if name not in _CALLS:
            raise ValueError(f"unknown function '{name}'{did_you_mean(name, _CALLS)}")
        self._expect("(")
        arguments = [self._operand()]
        while self._takes(","):
            arguments.append(self._operand())
        self._expect(")")
        if name == "changed":
            return Changed(_patterns(name, arguments))
        if len(arguments) == 1:
            raise ValueError(
                "'matches' expects a value and then patterns: matches(job.branch, '4.*')"
            )
        return Matches(arguments[0], _patterns(name, arguments[1:]))

    def _operand(self) -> Operand:
        kind, word = self._token
        if kind == "text":
            value: Operand = Literal(word[1:-1])
        elif kind == "number":
            value = Literal(int(word))
        elif kind == "name" and word in ("true", "false"):
            value = Literal(word == "true")
        elif kind == "name" and word not in _WORDS:
            value = reference(word)
        else:
            raise self._wrong("a name or a value")
        self._position += 1
        return value


def _patterns(test: str, operands: list[Operand]) -> tuple[str, ...]:
    found = [o.value for o in operands if isinstance(o, Literal) and isinstance(o.value, str)]
    if len(found) < len(operands):
        raise ValueError(f"'{test}' expects patterns in quotes")
    return tuple(found)
